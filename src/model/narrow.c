/* Weights in half precision: small on the disk, float32 where they are computed with (see model.h). */
#include "model/model.h"

#include "op/shape.h"

#include <math.h>
#include <stdio.h>

typedef struct narrower {
    graph_map m;
    dtype type;
    double most; /* the largest finite value */
    text *report;
    stria_error *err;
} narrower;

static bool is_output(const graph *g, const value *v) {
    for (int i = 0; i < g->output_count; i++)
        if (g->outputs[i] == v) return true;
    return false;
}

/* Vectors (biases, scales, statistics) take no room worth their precision. */
static bool narrows(const graph *g, const value *v) {
    return v->kind == VALUE_STATE && v->role == ROLE_PARAMETER && v->type == STRIA_FLOAT32 && v->shape.rank >= 2 &&
           v->data && !v->optional && !is_output(g, v);
}

/* A line for a tensor of which values are lost. */
static void losses_say(narrower *w, const char *name, int64_t count, int64_t beyond, double farthest, int64_t odd) {
    char all[32], some[32];
    text_thousands(count, all);
    if (beyond)
        text_printf(w->report, "%s: %s of %s values are beyond %s's %g, which they become; the farthest is %g\n", name,
                    text_thousands(beyond, some), all, dtype_name(w->type), w->most, farthest);
    if (odd)
        text_printf(w->report, "%s: %s of %s values are infinite or no numbers, and stay so\n", name,
                    text_thousands(odd, some), all);
}

static stria_status contents_narrow(narrower *w, value *v) {
    tensor *narrow;
    int64_t count = shape_count(&v->shape), beyond = 0, odd = 0;
    double farthest = 0;
    TRY(tensor_raw(&narrow, w->type, &v->shape, v->name, w->err));
    for (int64_t i = 0; i < count; i++) {
        double x = tensor_f64(v->data, i);
        tensor_put(narrow, i, x);
        if (!isfinite(x)) odd++;
        else if (isinf(tensor_f64(narrow, i))) {
            tensor_put(narrow, i, copysign(w->most, x));
            if (fabs(x) > fabs(farthest)) farthest = x;
            beyond++;
        }
    }
    losses_say(w, v->name, count, beyond, farthest, odd);
    tensor_release(v->data);
    v->data = narrow;
    v->type = w->type;
    return STRIA_OK;
}

/* Its image is what a Cast makes of the narrow state of its name. */
static stria_status state_narrow(narrower *w, value *old) {
    cast_attributes a = {.to = STRIA_FLOAT32, .saturate = 1};
    value *v;
    node *n;
    char wanted[600];
    if (!old || w->m.value[old->id] || !narrows(w->m.from, old)) return STRIA_OK;
    TRY(graph_map_value(&w->m, old, &v, w->err));
    TRY(contents_narrow(w, v));
    snprintf(wanted, sizeof wanted, "%.580s.float32", old->name);
    const char *name = graph_fresh_name(w->m.to, wanted);
    if (!name) FAIL(w->err, STRIA_NO_MEMORY, "not enough memory for a copy of the graph");
    TRY(graph_add_node(w->m.to, &op_Cast, name, &v, 1, &a, 1, &name, &n, w->err));
    w->m.value[old->id] = n->out[0];
    return STRIA_OK;
}

static stria_status narrower_run(narrower *w) {
    const graph *g = w->m.from;
    value *v;
    node *n;
    for (int i = 0; i < g->input_count; i++) TRY(graph_map_value(&w->m, g->inputs[i], &v, w->err));
    for (int i = 0; i < g->node_count; i++) {
        for (int k = 0; k < g->nodes[i]->in_count; k++) TRY(state_narrow(w, g->nodes[i]->in[k]));
        TRY(graph_map_node(&w->m, g->nodes[i], &n, w->err));
    }
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->kind == VALUE_STATE) TRY(graph_map_value(&w->m, g->values[i], &v, w->err));
    return text_check(w->report, w->err);
}

stria_status graph_narrow(graph **out, const graph *g, dtype type, text *report, stria_error *err) {
    narrower w = {.type = type, .most = type == STRIA_FLOAT16 ? 65504 : 0x1.FEp127, .report = report, .err = err};
    TRY(graph_map_init(&w.m, (graph *)(uintptr_t)g, err)); /* copying reads it only */
    stria_status status = narrower_run(&w);
    if (status == STRIA_OK) status = graph_map_finish(&w.m, out, err);
    if (status != STRIA_OK) graph_map_release(&w.m);
    return status;
}
