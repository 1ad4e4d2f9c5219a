/* Nodes that mean something else here: operators whose meaning changed between opsets, built of today's. */
#include "model/onnx/importer.h"

#include "op/shape.h"

#include <string.h>

static stria_status no_memory(const char *name, stria_error *err) {
    FAIL(err, STRIA_NO_MEMORY, "not enough memory for node '%s'", name);
}

/* "NAME.SUFFIX", free for a value and for a node. */
static const char *helper_name(importer *im, const char *name, const char *suffix) {
    const char *stem = arena_printf(&im->arena, "%s.%s", name, suffix);
    return stem ? import_node_name(im, stem) : NULL;
}

static stria_status shape_constant(importer *im, const char *name, const shape *dims, value **out, stria_error *err) {
    int64_t rank = dims->rank;
    shape s = shape_of(1, &rank);
    tensor *t;
    const char *stem = arena_printf(&im->arena, "%s.shape", name);
    if (!stem) return no_memory(name, err);
    TRY(tensor_new(&t, STRIA_INT64, &s, stem, err));
    memcpy(t->data, dims->dim, t->bytes);
    return import_constant(im, stem, t, out, err);
}

static stria_status attribute_set_int(importer *im, Onnx__NodeProto *n, const char *key, int64_t number,
                                      stria_error *err) {
    Onnx__AttributeProto *p = arena_alloc(&im->arena, sizeof *p);
    Onnx__AttributeProto **list = arena_alloc(&im->arena, sizeof *list * (n->n_attribute + 1));
    if (!p || !list) return no_memory(n->op_type, err);
    size_t count = 0;
    for (size_t i = 0; i < n->n_attribute; i++)
        if (!n->attribute[i]->name || strcmp(n->attribute[i]->name, key) != 0) list[count++] = n->attribute[i];
    onnx__attribute_proto__init(p);
    p->name = (char *)(uintptr_t)key;
    p->has_type = p->has_i = 1;
    p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    p->i = number;
    list[count++] = p;
    n->attribute = list;
    n->n_attribute = count;
    return STRIA_OK;
}

/* Before 13, Softmax flattened x to [product of dimensions before axis, product of the rest] and worked on the rows.
 * That is Softmax along one dimension if only that one of the rest is not 1; else Flatten, Softmax, Reshape say it. */
static stria_status softmax_before_13(importer *im, upgraded *u, const char *name, value **in, value **after,
                                      stria_error *err) {
    const Onnx__AttributeProto *p = onnx_attribute_find(&u->node, "axis");
    const shape *s = &in[0]->shape;
    int64_t axis = p ? p->i : 1, last = s->rank - 1;
    if (axis < 0) axis += s->rank;
    if (axis < 0 || axis > last)
        FAIL(err, STRIA_BAD_SHAPE, "layer '%s': axis %lld of a tensor of rank %d", name, (long long)axis, s->rank);
    int wide = 0;
    for (int i = (int)axis; i < s->rank; i++)
        if (s->dim[i] != 1) wide++, last = i;
    if (wide <= 1) return attribute_set_int(im, &u->node, "axis", last, err);
    shape back = *s;
    back.dim[0] = axis == 1 ? 0 : -1; /* 0: what the flattened tensor has there, the batch */
    TRY(shape_constant(im, name, &back, after, err));
    const char *flat = helper_name(im, name, "flatten");
    node *n;
    if (!flat) return no_memory(name, err);
    flatten_attributes attributes = {.axis = axis};
    TRY(graph_add_node(im->g, &op_Flatten, flat, in, 1, &attributes, 1, NULL, &n, err));
    in[0] = n->out[0];
    return attribute_set_int(im, &u->node, "axis", -1, err);
}

/* Before 7, b's dimensions stood at a's from `axis` on; now they stand at the end, so b gets ones behind. */
static stria_status broadcast_before_7(importer *im, upgraded *u, const char *name, value **in, int in_count,
                                       stria_error *err) {
    const Onnx__AttributeProto *p = onnx_attribute_find(&u->node, "axis");
    if (!p) return STRIA_OK;
    if (in_count != 2 || !in[0] || !in[1]) FAIL(err, STRIA_BAD_FILE, "layer '%s' needs two inputs", name);
    int64_t axis = p->i < 0 ? p->i + in[0]->shape.rank : p->i, behind = in[0]->shape.rank - axis - in[1]->shape.rank;
    if (behind < 0 || axis < 0) FAIL(err, STRIA_BAD_SHAPE, "layer '%s': axis %lld does not fit", name, (long long)p->i);
    size_t kept = 0;
    for (size_t i = 0; i < u->node.n_attribute; i++)
        if (u->node.attribute[i] != p) u->node.attribute[kept++] = u->node.attribute[i];
    u->node.n_attribute = kept;
    if (!behind) return STRIA_OK;
    shape s = in[1]->shape;
    while (behind--) s.dim[s.rank++] = 1;
    value *pair[2] = {in[1], NULL};
    node *n;
    TRY(shape_constant(im, name, &s, &pair[1], err));
    const char *helper = helper_name(im, name, "reshape");
    if (!helper) return no_memory(name, err);
    TRY(graph_add_node(im->g, &op_Reshape, helper, pair, 2, NULL, 1, NULL, &n, err));
    in[1] = n->out[0];
    return STRIA_OK;
}

/* All floats of a graph are float32, so a cast to another float type is one to that. */
static stria_status cast_to_float32(importer *im, upgraded *u, stria_error *err) {
    const Onnx__AttributeProto *p = onnx_attribute_find(&u->node, "to");
    bool real = p && p->has_i && p->i > 0 && p->i < 32 && dtype_is_float((dtype)p->i);
    return real ? attribute_set_int(im, &u->node, "to", STRIA_FLOAT32, err) : STRIA_OK;
}

stria_status old_operator_before(importer *im, upgraded *u, const char *name, value **in, int in_count, value **after,
                                 stria_error *err) {
    static const char *const broadcasting[] = {"Add", "Sub", "Mul", "Div", "Pow"};
    const char *op = u->node.op_type;
    *after = NULL;
    if (im->opset < 13 && in_count == 1 && in[0] && (strcmp(op, "Softmax") == 0 || strcmp(op, "LogSoftmax") == 0))
        return softmax_before_13(im, u, name, in, after, err);
    if (strcmp(op, "Cast") == 0) return cast_to_float32(im, u, err);
    for (size_t i = 0; im->opset < 7 && i < sizeof broadcasting / sizeof *broadcasting; i++)
        if (strcmp(op, broadcasting[i]) == 0) return broadcast_before_7(im, u, name, in, in_count, err);
    return STRIA_OK;
}
