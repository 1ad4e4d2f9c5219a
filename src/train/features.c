#include "train/features.h"

#include "model/model.h"
#include "op/op.h"
#include "run/session.h"
#include "transform/transform.h"

#include <stdio.h>
#include <string.h>

#define BODY_NAME "features"

/* What a value depends on. */
enum {
    FIXED,
    OF_PICTURE,
    LEARNT
}; /* nothing that changes; the picture and frozen variables; what is trained, or chance */

static uint8_t own_kind(const value *v) {
    if (v->kind == VALUE_INPUT) return OF_PICTURE;
    bool constant = v->kind == VALUE_CONSTANT && !v->optional;
    return constant || (v->kind == VALUE_STATE && v->frozen) ? FIXED : LEARNT;
}

static void kinds_mark(const graph *g, uint8_t *kind) {
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->kind != VALUE_NODE) kind[g->values[i]->id] = own_kind(g->values[i]);
    for (int k = 0; k < g->node_count; k++) {
        const node *n = g->nodes[k];
        uint8_t most = n->op->random || n->op == &op_Dropout ? LEARNT : FIXED;
        for (int i = 0; i < n->in_count; i++)
            if (n->in[i] && kind[n->in[i]->id] > most) most = kind[n->in[i]->id];
        for (int i = 0; i < n->out_count; i++)
            if (n->out[i]) kind[n->out[i]->id] = most;
    }
}

/* The only value of the picture that a learnt node reads; NULL: there are several, or none, or an output is one. */
static value *border_find(const graph *g, const uint8_t *kind) {
    value *border = NULL;
    for (int i = 0; i < g->output_count; i++)
        if (kind[g->outputs[i]->id] != LEARNT) return NULL;
    for (int k = 0; k < g->node_count; k++) {
        const node *n = g->nodes[k];
        if (!n->out[0] || kind[n->out[0]->id] != LEARNT) continue;
        for (int i = 0; i < n->in_count; i++) {
            value *v = n->in[i];
            if (!v || kind[v->id] != OF_PICTURE || v == border) continue;
            if (border) return NULL;
            border = v;
        }
    }
    return border;
}

/* The shape of its features: rank 4 as it is; of fewer dimensions the last of three are 1. */
static bool border_shape(const graph *g, const value *v, int shape[3]) {
    const int64_t *dim = v->shape.dim;
    if (v->kind != VALUE_NODE || v->type != STRIA_FLOAT32 || v->shape.rank < 2 || v->shape.rank > 4 ||
        dim[0] != g->inputs[0]->shape.dim[0])
        return false;
    for (int i = 0; i < 3; i++) {
        int64_t size = i + 1 < v->shape.rank ? dim[i + 1] : 1;
        if (size < 1 || size > 1 << 24) return false;
        shape[i] = (int)size;
    }
    return (int64_t)shape[0] * shape[1] < FEATURES_MAX / 4 / shape[2];
}

/* The features' input, in the border's own shape. */
static stria_status entrance_make(graph *g, const value *border, const int shape[3], bool batched, value **out,
                                  stria_error *err) {
    struct shape s = {.rank = 4, .dim = {border->shape.dim[0], shape[0], shape[1], shape[2]}};
    builder b = {.g = g, .origin = BODY_NAME, .err = err};
    int64_t axis = 3;
    value *x;
    const char *name = graph_fresh_name(g, BODY_NAME);
    if (!name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the rest of a model");
    TRY(graph_add_input(g, name, STRIA_FLOAT32, &s, &x, err));
    x->symbol[0] = batched ? "batch" : NULL;
    *out = x;
    if (border->shape.rank == 3) *out = build2(&b, &op_Squeeze, x, build_i64(&b, &axis, 1), NULL);
    if (border->shape.rank == 2) *out = build1(&b, &op_Flatten, x, NULL);
    return b.status;
}

static void input_drop(graph *g, const char *name) {
    int kept = 0;
    for (int i = 0; i < g->input_count; i++)
        if (strcmp(g->inputs[i]->name, name) != 0) g->inputs[kept++] = g->inputs[i];
    g->input_count = kept;
}

/* Features are not pixels: they are taken as they are. */
static stria_status preprocess_drop(graph *g, stria_error *err) {
    char key[64];
    for (int i = 0; i < preprocess_keys(); i++) {
        snprintf(key, sizeof key, "stria.%s", preprocess_key(i));
        graph_drop_metadata(g, key);
    }
    return graph_set_metadata(g, "stria.scale", "1", err);
}

static stria_status rest_make(graph *model, const uint8_t *kind, const value *border, const int shape[3], graph **out,
                              stria_error *err) {
    graph_map m;
    graph *made;
    node *copy;
    stria_status status = STRIA_OK;
    TRY(graph_map_init(&m, model, err));
    TRY_DONE(entrance_make(m.to, border, shape, model->inputs[0]->symbol[0], &m.value[border->id], err));
    for (int k = 0; k < model->node_count; k++) {
        const node *n = model->nodes[k];
        bool body = n->out[0] && kind[n->out[0]->id] == OF_PICTURE;
        if (!body) TRY_DONE(graph_map_node(&m, n, &copy, err));
    }
    TRY_DONE(graph_map_finish(&m, &made, err));
    input_drop(made, model->inputs[0]->name);
    status = preprocess_drop(made, err);
    if (status == STRIA_OK) *out = made;
    else graph_free(made);
    return status;
done:
    graph_map_release(&m);
    return status;
}

static stria_status body_make(graph *model, const char *border, graph **out, stria_error *err) {
    graph *copy;
    TRY(graph_copy(model, NULL, &copy, err));
    copy->output_count = 0;
    stria_status status = graph_add_output(copy, graph_find_value(copy, border), BODY_NAME, err);
    if (status == STRIA_OK) status = pass_reach(&copy, err);
    if (status == STRIA_OK && !copy->inputs[0]->symbol[0]) {
        status = graph_rebatch(out, copy, err);
        graph_free(copy);
        return status;
    }
    if (status == STRIA_OK) *out = copy;
    else graph_free(copy);
    return status;
}

/* Without a frozen variable there is nothing worth keeping: pictures that are only flattened, for one. */
static bool reads_variables(const graph *g) {
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->kind == VALUE_STATE) return true;
    return false;
}

stria_status features_cut(graph *model, features *out, bool *found, stria_error *err) {
    uint8_t *kind;
    features f = {0};
    *found = false;
    if (model->input_count != 1) return STRIA_OK;
    TRY(mem_new(&kind, (size_t)model->value_count + 1, sizeof *kind, "features", err));
    kinds_mark(model, kind);
    const value *border = border_find(model, kind);
    stria_status status = STRIA_OK;
    if (border && border_shape(model, border, f.shape)) {
        status = body_make(model, border->name, &f.body, err);
        bool worth = status == STRIA_OK && reads_variables(f.body);
        if (worth) status = rest_make(model, kind, border, f.shape, &f.rest, err);
        *found = worth && status == STRIA_OK;
    }
    mem_free(kind);
    if (*found) *out = f;
    else features_release(&f);
    return status;
}

void features_release(features *f) {
    graph_free(f->body);
    graph_free(f->rest);
    *f = (features){0};
}

int64_t features_bytes(const features *f) {
    return (int64_t)f->shape[0] * f->shape[1] * f->shape[2] * (int64_t)sizeof(float);
}

/* ---- running ---- */

static stria_status body_session(session **out, const features *f, const kernel_set *ks, pool *pool, stria_error *err) {
    graph *copy;
    program *program;
    shape s = f->body->inputs[0]->shape;
    const shape *pointer = &s;
    s.dim[0] = FEATURES_BATCH;
    TRY(graph_copy(f->body, &pointer, &copy, err));
    program_config made = {.ks = ks, .threads = pool_threads(pool), .optimize = true};
    stria_status status = program_new(&program, copy, &made, pool, err);
    graph_free(copy);
    TRY(status);
    status = session_new(out, program, &(session_config){.pool = pool}, err);
    program_release(program);
    return status;
}

stria_status features_fill(const features *f, loader *l, const kernel_set *ks, pool *pool, float *values,
                           bool (*progress)(void *context), void *context, stria_error *err) {
    size_t each = (size_t)features_bytes(f) / sizeof(float);
    const char *image = f->body->inputs[0]->name;
    session *s;
    TRY(body_session(&s, f, ks, pool, err));
    stria_status status = STRIA_OK;
    for (int64_t b = 0; b < loader_batches(l); b++) {
        int64_t items = loader_items(l, b);
        TRY_DONE(loader_fill(l, pool, 0, b, &(sample){.image = session_host(s, image)}, err));
        TRY_DONE(session_run(s, err));
        memcpy(values + (size_t)(b * FEATURES_BATCH) * each, session_host(s, BODY_NAME),
               (size_t)items * each * sizeof *values);
        if (progress && !progress(context))
            TRY_DONE(error_set(err, STRIA_INTERRUPTED, "stopped while features were computed"));
    }
done:
    session_free(s);
    return status;
}
