#include "op/op.h"

#include <string.h>

#include "base/text.h"

static const op_def *const all[] = {
#define OP(symbol) &op_##symbol,
#include "op/op_list.h"
#undef OP
    NULL,
};

enum { ALL_COUNT = sizeof all / sizeof all[0] - 1 };

const op_def *const *op_all(void) {
    return all;
}

const op_def *op_find(const char *domain, const char *name) {
    if (!domain || strcmp(domain, "ai.onnx") == 0) domain = "";
    for (int i = 0; i < ALL_COUNT; i++)
        if (strcmp(all[i]->name, name) == 0 && strcmp(all[i]->domain, domain) == 0) return all[i];
    return NULL;
}

stria_status op_find_any(const char *name, const op_def **out, stria_error *err) {
    const char *names[ALL_COUNT];
    for (int i = 0; i < ALL_COUNT; i++) {
        if (strcmp(all[i]->name, name) == 0) { /* the list has ONNX's first */
            *out = all[i];
            return STRIA_OK;
        }
        names[i] = all[i]->name;
    }
    const char *near = text_nearest(name, names, ALL_COUNT);
    if (near) FAIL(err, STRIA_UNSUPPORTED, "there is no operator '%s'; did you mean '%s'?", name, near);
    FAIL(err, STRIA_UNSUPPORTED, "there is no operator '%s'", name);
}

/* "conv1/Relu": a gradient node is found beside the layer that it came from. */
static const char *name_of(builder *b, const op_def *op) {
    if (!b->origin || !b->origin[0]) return NULL;
    const char *stem = arena_printf(&b->g->arena, "%s/%s", b->origin, op->name);
    const char *name = stem ? graph_fresh_name(b->g, stem) : NULL;
    if (!name) b->status = error_set(b->err, STRIA_NO_MEMORY, "not enough memory for a node name");
    return name;
}

value *build(builder *b, const op_def *op, value *const *in, int count, const void *attributes) {
    if (b->status != STRIA_OK) return NULL;
    const char *name = name_of(b, op);
    if (b->status != STRIA_OK) return NULL;
    node *n = NULL;
    b->status = graph_add_node(b->g, op, name, in, count, attributes, 0, NULL, &n, b->err);
    return b->status == STRIA_OK ? n->out[0] : NULL;
}

value *build1(builder *b, const op_def *op, value *x, const void *attributes) {
    return x ? build(b, op, &x, 1, attributes) : NULL;
}

value *build2(builder *b, const op_def *op, value *x, value *y, const void *attributes) {
    return x && y ? build(b, op, (value *[]){x, y}, 2, attributes) : NULL;
}

/* Adds t as a constant and gives the caller's reference away. */
static value *constant(builder *b, tensor *t) {
    value *v = NULL;
    b->status = graph_add_constant(b->g, NULL, t, &v, b->err);
    tensor_release(t);
    return b->status == STRIA_OK ? v : NULL;
}

value *build_filled(builder *b, dtype type, const shape *s, double x) {
    if (b->status != STRIA_OK) return NULL;
    tensor *t = NULL;
    b->status = tensor_new(&t, type, s, "a constant", b->err);
    if (b->status != STRIA_OK) return NULL;
    int64_t count = shape_count(s);
    if (x != 0)
        for (int64_t i = 0; i < count; i++) tensor_put(t, i, x);
    return constant(b, t);
}

value *build_scalar(builder *b, dtype type, double x) {
    shape s = shape_of(0, NULL);
    return build_filled(b, type, &s, x);
}

value *build_i64(builder *b, const int64_t *x, int64_t count) {
    if (b->status != STRIA_OK) return NULL;
    tensor *t = NULL;
    shape s = shape_of(1, &count);
    b->status = tensor_new(&t, STRIA_INT64, &s, "a constant", b->err);
    if (b->status != STRIA_OK) return NULL;
    if (count > 0) memcpy(t->data, x, (size_t)count * sizeof *x);
    return constant(b, t);
}
