#include "graphs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "cases.h"
#include "evaluate.h"

enum { IMAGE, MATRIX, VECTOR, CLASSES, NODES = 28, POOL = 64 };

static const shape shapes[CLASSES] = {{4, {16, 3, 4, 5}}, {2, {16, 60}}, {1, {960}}};

/* Values to choose from, by shape. */
typedef struct maker {
    graph *g;
    uint64_t seed, draws;
    value *pool[CLASSES][POOL];
    int count[CLASSES];
    value *weight, *square, *bias[2], *rate, *steps; /* of an image's channels and a matrix' columns */
    stria_error *err;
} maker;

static int draw(maker *m, int n) {
    uint32_t r[4];
    random_block(m->seed, random_hash("graph"), m->draws++, r);
    return (int)(r[0] % (uint32_t)n);
}

static value *any(maker *m, int kind) {
    return m->pool[kind][draw(m, m->count[kind])];
}

static void keep(maker *m, int kind, value *v) {
    if (m->count[kind] < POOL) m->pool[kind][m->count[kind]++] = v;
}

static stria_status add(maker *m, const op_def *op, value *const *in, int count, const char *name, const char *text,
                        int kind) {
    node *n;
    void *attributes = arena_alloc(&m->g->arena, op->attribute_bytes + 1);
    TRY(attributes_default(op, attributes, &m->g->arena, m->err));
    if (name) TRY(attribute_set(op, attributes, name, text, &m->g->arena, m->err));
    TRY(graph_add_node(m->g, op, NULL, in, count, attributes, 1, NULL, &n, m->err));
    keep(m, kind, n->out[0]);
    return STRIA_OK;
}

static stria_status constant_ints(maker *m, const int64_t *x, int64_t count, value **out) {
    tensor *t;
    TRY(tensor_new(&t, STRIA_INT64, &(shape){1, {count}}, "a test", m->err));
    memcpy(t->data, x, t->bytes);
    stria_status status = graph_add_constant(m->g, NULL, t, out, m->err);
    tensor_release(t);
    return status;
}

static stria_status add_reshape(maker *m, int from, int to) {
    value *s;
    TRY(constant_ints(m, shapes[to].dim, shapes[to].rank, &s));
    return add(m, &op_Reshape, (value *[]){any(m, from), s}, 2, NULL, NULL, to);
}

/* A product and what may fuse into it: a bias, an activation, both; what follows may also read the product itself. */
static stria_status add_product(maker *m) {
    int kind = draw(m, 2);
    if (kind == IMAGE) TRY(add(m, &op_Conv, (value *[]){any(m, IMAGE), m->weight}, 2, "pads", "1,1,1,1", IMAGE));
    else TRY(add(m, &op_MatMul, (value *[]){any(m, MATRIX), m->square}, 2, NULL, NULL, MATRIX));
    int order = draw(m, 3);
    value *y = m->pool[kind][m->count[kind] - 1];
    value *bias = draw(m, 4) ? m->bias[kind] : any(m, kind); /* a whole tensor is no bias */
    if (order) TRY(add(m, &op_Add, (value *[]){order == 1 ? y : bias, order == 1 ? bias : y}, 2, NULL, NULL, kind));
    y = m->pool[kind][m->count[kind] - 1];
    return draw(m, 2) ? add(m, &op_LeakyRelu, &y, 1, "alpha", "0.3", kind) : STRIA_OK;
}

static stria_status add_random(maker *m) {
    static const op_def *const unary[] = {&op_Relu, &op_Sigmoid, &op_Tanh, &op_Identity, &op_Neg, &op_LeakyRelu};
    static const op_def *const binary[] = {&op_Mul, &op_Sub, &op_Max, &op_Min};
    int kind = draw(m, CLASSES);
    switch (draw(m, 8)) {
    case 0:
        return add_reshape(m, kind, draw(m, CLASSES));
    case 1:
        return add(m, &op_Flatten, (value *[]){any(m, IMAGE)}, 1, NULL, NULL, MATRIX);
    case 2:
        return add_product(m);
    case 3:
        return add(m, &op_Softmax, (value *[]){any(m, MATRIX)}, 1, NULL, NULL, MATRIX);
    case 4:
        return add(m, binary[draw(m, 4)], (value *[]){any(m, kind), any(m, kind)}, 2, NULL, NULL, kind);
    default:
        return add(m, unary[draw(m, 6)], (value *[]){any(m, kind)}, 1, NULL, NULL, kind);
    }
}

static stria_status add_state(maker *m, const char *name, shape s, value **out) {
    tensor *t = random_tensor(STRIA_FLOAT32, &s, -0.2, 0.2, m->seed + random_hash(name));
    if (!t) FAIL(m->err, STRIA_NO_MEMORY, "no memory for a test");
    stria_status status = graph_add_state(m->g, name, ROLE_PARAMETER, t, out, m->err);
    tensor_release(t);
    return status;
}

static stria_status sources(maker *m) {
    for (int kind = 0; kind < CLASSES; kind++)
        for (int i = 0; i < 4; i++) {
            value *v;
            char name[32];
            snprintf(name, sizeof name, "%s%d%d", i == 0 ? "x" : i == 3 ? "c" : "s", kind, i);
            if (i == 0) TRY(graph_add_input(m->g, name, STRIA_FLOAT32, &shapes[kind], &v, m->err));
            tensor *t = i == 0 ? NULL : random_tensor(STRIA_FLOAT32, &shapes[kind], -1, 1, random_hash(name) + m->seed);
            if (i == 3) TRY(graph_add_constant(m->g, name, t, &v, m->err));
            else if (i) TRY(graph_add_state(m->g, name, ROLE_PARAMETER, t, &v, m->err));
            tensor_release(t);
            keep(m, kind, v);
        }
    TRY(add_state(m, "w", (shape){4, {3, 3, 3, 3}}, &m->weight));
    TRY(add_state(m, "square", (shape){2, {60, 60}}, &m->square));
    TRY(add_state(m, "b0", (shape){3, {3, 1, 1}}, &m->bias[IMAGE]));
    TRY(add_state(m, "b1", (shape){1, {60}}, &m->bias[MATRIX]));
    TRY(graph_add_input(m->g, "rate", STRIA_FLOAT32, &(shape){0}, &m->rate, m->err));
    return graph_add_input(m->g, "steps", STRIA_INT64, &(shape){0}, &m->steps, m->err);
}

/* An optimiser on states s·1 and s·2: both of its results update, or one, or none. */
static stria_status add_momentum(maker *m, int kind) {
    node *n;
    char *mode = draw(m, 2) ? "nesterov" : "standard";
    value *x = m->pool[kind][1], *v = m->pool[kind][2];
    char *attributes = arena_alloc(&m->g->arena, op_Momentum.attribute_bytes + 1);
    TRY(attributes_default(&op_Momentum, attributes, &m->g->arena, m->err));
    TRY(attribute_set(&op_Momentum, attributes, "alpha", "0.5", &m->g->arena, m->err));
    TRY(attribute_set(&op_Momentum, attributes, "beta", "0.5", &m->g->arena, m->err));
    TRY(attribute_set(&op_Momentum, attributes, "norm_coefficient", "0.01", &m->g->arena, m->err));
    TRY(attribute_set(&op_Momentum, attributes, "mode", mode, &m->g->arena, m->err));
    TRY(graph_add_node(m->g, &op_Momentum, NULL, (value *[]){m->rate, m->steps, x, any(m, kind), v}, 5, attributes, 2,
                       NULL, &n, m->err));
    if (draw(m, 3) == 0) keep(m, kind, n->out[0]);
    if (draw(m, 4)) TRY(graph_add_update(m->g, x, n->out[0], m->err));
    return draw(m, 4) ? graph_add_update(m->g, v, n->out[1], m->err) : STRIA_OK;
}

static bool updated(const graph *g, const value *v) {
    for (int i = 0; i < g->update_count; i++)
        if (g->updates[i].state == v) return true;
    return false;
}

/* The states of a shape: swapped, or set to anything, or left. */
static stria_status add_updates(maker *m, int kind) {
    value *a = m->pool[kind][1], *b = m->pool[kind][2];
    bool swap = draw(m, 3) == 0;
    if (!updated(m->g, a) && (swap || draw(m, 2))) TRY(graph_add_update(m->g, a, swap ? b : any(m, kind), m->err));
    if (!updated(m->g, b) && (swap || draw(m, 2))) TRY(graph_add_update(m->g, b, swap ? a : any(m, kind), m->err));
    return STRIA_OK;
}

/* Weights change too, so that whatever was packed of them is stale. */
static stria_status add_weight_update(maker *m, value *w) {
    node *n;
    if (draw(m, 2)) return STRIA_OK;
    TRY(graph_add_node(m->g, &op_Neg, NULL, &w, 1, NULL, 1, NULL, &n, m->err));
    return graph_add_update(m->g, w, n->out[0], m->err);
}

static stria_status add_outputs(maker *m) {
    for (int kind = 0; kind < CLASSES; kind++)
        for (int i = 0; i < 3; i++) {
            char name[16];
            snprintf(name, sizeof name, "y%d%d", kind, i);
            TRY(graph_add_output(m->g, i == 2 ? m->pool[kind][m->count[kind] - 1] : any(m, kind), name, m->err));
        }
    return STRIA_OK;
}

static stria_status make(maker *m) {
    TRY(sources(m));
    int momentum = draw(m, NODES);
    for (int i = 0; i < NODES; i++) {
        TRY(add_random(m));
        if (i == momentum || i == momentum - 9) TRY(add_momentum(m, i == momentum ? draw(m, 2) : VECTOR));
    }
    for (int kind = 0; kind < CLASSES; kind++) TRY(add_updates(m, kind));
    TRY(add_weight_update(m, m->weight));
    TRY(add_weight_update(m, m->square));
    return add_outputs(m);
}

stria_status random_graph(graph **out, uint64_t seed, stria_error *err) {
    maker m = {.seed = seed, .err = err};
    TRY(graph_new(&m.g, "random", err));
    stria_status status = make(&m);
    if (status == STRIA_OK) *out = m.g;
    else graph_free(m.g);
    return status;
}

tensor *step_input(const value *input, uint64_t seed, int step) {
    return random_tensor(input->type, &input->shape, 0, 1, random_hash(input->name) + seed * 1000 + (uint64_t)step);
}

/* ---- meaning ---- */

stria_status meaning_init(meaning *m, const graph *g, stria_error *err) {
    *m = (meaning){.g = g, .states = contents_new(g), .contents = NULL};
    if (!m->states) FAIL(err, STRIA_NO_MEMORY, "no memory for a test");
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->kind == VALUE_STATE) m->states[i] = tensor_retain(g->values[i]->data);
    return STRIA_OK;
}

stria_status meaning_step(meaning *m, uint64_t seed, int step, stria_error *err) {
    contents_free(m->g, m->contents);
    m->contents = contents_new(m->g);
    if (!m->contents) FAIL(err, STRIA_NO_MEMORY, "no memory for a test");
    for (int i = 0; i < m->g->value_count; i++) m->contents[i] = tensor_retain(m->states[i]);
    for (int i = 0; i < m->g->input_count; i++)
        m->contents[m->g->inputs[i]->id] = step_input(m->g->inputs[i], seed, step);
    TRY(graph_evaluate(m->g, m->contents, -1, err));
    for (int i = 0; i < m->g->update_count; i++) {
        tensor **state = &m->states[m->g->updates[i].state->id];
        tensor_release(*state);
        *state = tensor_retain(m->contents[m->g->updates[i].next->id]);
    }
    return STRIA_OK;
}

void meaning_release(meaning *m) {
    contents_free(m->g, m->states);
    contents_free(m->g, m->contents);
}
