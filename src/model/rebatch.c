/* Opening the batch of a model that fixes it (see model.h). */
#include "model/batch_trace.h"
#include "model/model.h"

#include "op/shape.h"

#include <string.h>

/* The one size of the first dimension of all inputs. */
static stria_status batch_find(const graph *g, int64_t *batch, stria_error *err) {
    if (!g->input_count) FAIL(err, STRIA_UNSUPPORTED, "the model has no inputs");
    for (int i = 0; i < g->input_count; i++) {
        const value *v = g->inputs[i];
        if (!v->shape.rank) FAIL(err, STRIA_UNSUPPORTED, "input '%s' is a scalar and has no batch", v->name);
        if (v->shape.dim[0] != g->inputs[0]->shape.dim[0])
            FAIL(err, STRIA_UNSUPPORTED, "inputs '%s' and '%s' have different first dimensions", g->inputs[0]->name,
                 v->name);
    }
    *batch = g->inputs[0]->shape.dim[0];
    return STRIA_OK;
}

/* What to write for the batch in front of a Reshape's shape: 0 (as the input has it), −1 (what is left), or 1: nothing.
 */
static int64_t reshape_front(const node *n, int64_t batch) {
    if (n->op != &op_Reshape || n->in_count < 2 || !n->in[1]) return 1;
    const tensor *t = value_contents(n->in[1]);
    const reshape_attributes *a = n->attributes;
    if (!t || t->type != STRIA_INT64 || shape_count(&t->shape) < 1 || tensor_i64(t, 0) != batch) return 1;
    const shape *x = &n->in[0]->shape;
    if (!a->allowzero && x->rank && x->dim[0] == batch) return 0;
    for (int64_t i = 1; i < shape_count(&t->shape); i++)
        if (tensor_i64(t, i) == -1) return 1;
    return -1;
}

/* Copies a Reshape whose shape begins with `front`. */
static stria_status reshape_copy(graph_map *m, const node *n, int64_t front, stria_error *err) {
    value *old = n->in[1], *kept = m->value[old->id], *v;
    tensor *t;
    node *copy;
    const char *name = graph_fresh_name(m->to, old->name);
    if (!name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a copy of the graph");
    TRY(tensor_new(&t, STRIA_INT64, &old->data->shape, name, err));
    memcpy(t->data, old->data->data, t->bytes);
    *(int64_t *)t->data = front;
    stria_status status = graph_add_constant(m->to, name, t, &v, err);
    tensor_release(t);
    TRY(status);
    m->value[old->id] = v;
    status = graph_map_node(m, n, &copy, err);
    m->value[old->id] = kept;
    return status;
}

static stria_status copy_fill(graph_map *m, int64_t from, int64_t batch, stria_error *err) {
    graph *g = m->from;
    value *v;
    node *n;
    for (int i = 0; i < g->input_count; i++) {
        TRY(graph_map_value(m, g->inputs[i], &v, err));
        v->shape.dim[0] = batch;
        if (!v->symbol[0]) v->symbol[0] = "batch";
    }
    for (int i = 0; i < g->node_count; i++) {
        int64_t front = reshape_front(g->nodes[i], from);
        if (front == 1) TRY(graph_map_node(m, g->nodes[i], &n, err));
        else TRY(reshape_copy(m, g->nodes[i], front, err));
    }
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->kind == VALUE_STATE) TRY(graph_map_value(m, g->values[i], &v, err));
    return STRIA_OK;
}

static stria_status copy_at(graph *g, int64_t from, int64_t batch, graph **out, stria_error *err) {
    graph_map m;
    TRY(graph_map_init(&m, g, err));
    stria_status status = copy_fill(&m, from, batch, err);
    if (status == STRIA_OK) status = graph_map_finish(&m, out, err);
    if (status != STRIA_OK) graph_map_release(&m);
    return status;
}

/* b's shape is a's, but for a first dimension that went from p to q. */
static bool follows(const value *a, const value *b, int64_t p, int64_t q) {
    shape s = a->shape;
    if (!s.rank || s.dim[0] % p != 0) return false;
    s.dim[0] = s.dim[0] / p * q;
    return shape_equal(&s, &b->shape);
}

static stria_status proof(const graph *one, const graph *two, const graph *same, const graph *g, stria_error *err) {
    for (int i = 0; i < one->node_count; i++)
        for (int k = 0; k < one->nodes[i]->out_count; k++) {
            const value *a = one->nodes[i]->out[k], *b = two->nodes[i]->out[k], *c = same->nodes[i]->out[k],
                        *d = g->nodes[i]->out[k];
            if (!a) continue;
            if ((!follows(a, b, 1, 2) && !shape_equal(&a->shape, &b->shape)) || !shape_equal(&c->shape, &d->shape))
                FAIL(err, STRIA_UNSUPPORTED, "the batch is fixed: '%s' of layer '%s' does not follow it", d->name,
                     g->nodes[i]->name);
        }
    for (int i = 0; i < one->output_count; i++)
        if (one->outputs[i]->shape.rank < 1 || one->outputs[i]->shape.dim[0] != 1 ||
            !follows(one->outputs[i], two->outputs[i], 1, 2))
            FAIL(err, STRIA_UNSUPPORTED, "the batch is fixed: output '%s' does not follow it", g->outputs[i]->name);
    return STRIA_OK;
}

/* An If that the batch decided has the branch of that batch. */
static stria_status conditions_check(const batch_trace *t, const char *names, stria_error *err) {
    for (size_t n; *names; names += n + (names[n] == '\n')) {
        const value *v = NULL;
        n = strcspn(names, "\n");
        for (int i = 0; i < t->g->value_count && !v; i++)
            if (strlen(t->g->values[i]->name) == n && memcmp(t->g->values[i]->name, names, n) == 0) v = t->g->values[i];
        if (!v || batch_trace_depends(t, v))
            FAIL(err, STRIA_UNSUPPORTED, "the batch is fixed: '%.*s' depends on it, and an If was decided by that",
                 (int)(n < 200 ? n : 200), names);
    }
    return STRIA_OK;
}

static stria_status branches_check(const graph *one, const graph *two, const graph *same, const char *names,
                                   stria_error *err) {
    batch_trace t;
    if (!names) return STRIA_OK;
    TRY(batch_trace_new(&t, one, err));
    stria_status status = batch_trace_note(&t, two, err);
    if (status == STRIA_OK) status = batch_trace_note(&t, same, err);
    if (status == STRIA_OK) status = batch_trace_spread(&t, err);
    if (status == STRIA_OK) status = conditions_check(&t, names, err);
    batch_trace_release(&t);
    return status;
}

stria_status graph_rebatch(graph **out, graph *g, stria_error *err) {
    graph *one = NULL, *two = NULL, *same = NULL;
    int64_t batch;
    TRY(batch_find(g, &batch, err));
    stria_status status = copy_at(g, batch, 1, &one, err);
    if (status == STRIA_OK) status = copy_at(g, batch, 2, &two, err);
    if (status == STRIA_OK) status = copy_at(g, batch, batch, &same, err);
    if (status != STRIA_OK && status != STRIA_NO_MEMORY) {
        error_prefix(err, "the batch is fixed: ");
        status = STRIA_UNSUPPORTED;
        if (err) err->status = status;
    }
    if (status == STRIA_OK) status = proof(one, two, same, g, err);
    if (status == STRIA_OK) status = branches_check(one, two, same, graph_metadata(g, KEY_CONDITIONS), err);
    graph_free(two);
    graph_free(same);
    if (status == STRIA_OK) *out = one;
    else graph_free(one);
    return status;
}
