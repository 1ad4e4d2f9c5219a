/* Opsets: what changed between the file's and GRAPH_OPSET, as a table. Most changes moved an attribute to an input, or
 * dropped it; those that changed a meaning are in old_operators.c. What is not here only got more types. */
#include "model/onnx/importer.h"

#include <float.h>
#include <string.h>

typedef enum action {
    TO_INPUT, /* the attribute is input `number` now: lists and k as [n], floats as scalars */
    DROP,     /* it has no meaning any more, or none for us */
    DROP_IF   /* the same, but only the value `number` can be expressed today */
} action;

static const struct row {
    const char *op;
    int from, below; /* applies to opsets in [from, below) */
    action action;
    const char *attribute;
    int64_t number;
} rows[] = {
    {NULL, 1, 6, DROP, "consumed_inputs", 0}, /* of any operator */
    {"Reshape", 1, 5, TO_INPUT, "shape", 1},
    {"Add", 1, 7, DROP, "broadcast", 0},
    {"Sub", 1, 7, DROP, "broadcast", 0},
    {"Mul", 1, 7, DROP, "broadcast", 0},
    {"Div", 1, 7, DROP, "broadcast", 0},
    {"Pow", 1, 7, DROP, "broadcast", 0},
    {"Equal", 1, 7, DROP, "broadcast", 0},
    {"Less", 1, 7, DROP, "broadcast", 0},
    {"Greater", 1, 7, DROP, "broadcast", 0},
    {"And", 1, 7, DROP, "broadcast", 0},
    {"Or", 1, 7, DROP, "broadcast", 0},
    {"Xor", 1, 7, DROP, "broadcast", 0},
    {"Gemm", 1, 7, DROP, "broadcast", 0},
    {"BatchNormalization", 1, 7, DROP, "is_test", 0},
    {"BatchNormalization", 1, 9, DROP_IF, "spatial", 1},
    {"Dropout", 1, 7, DROP, "is_test", 0},
    {"Dropout", 1, 12, TO_INPUT, "ratio", 1},
    {"Clip", 1, 11, TO_INPUT, "min", 1},
    {"Clip", 1, 11, TO_INPUT, "max", 2},
    {"Pad", 1, 11, TO_INPUT, "pads", 1},
    {"Pad", 1, 11, TO_INPUT, "value", 2},
    {"Slice", 1, 10, TO_INPUT, "starts", 1},
    {"Slice", 1, 10, TO_INPUT, "ends", 2},
    {"Slice", 1, 10, TO_INPUT, "axes", 3},
    {"TopK", 1, 10, TO_INPUT, "k", 1},
    {"Split", 1, 13, TO_INPUT, "split", 1},
    {"Squeeze", 1, 13, TO_INPUT, "axes", 1},
    {"Unsqueeze", 1, 13, TO_INPUT, "axes", 1},
    {"ReduceSum", 1, 13, TO_INPUT, "axes", 1},
    {"ReduceMean", 1, 18, TO_INPUT, "axes", 1},
    {"ReduceMax", 1, 18, TO_INPUT, "axes", 1},
    {"ReduceMin", 1, 18, TO_INPUT, "axes", 1},
    {"ReduceProd", 1, 18, TO_INPUT, "axes", 1},
    {"ReduceL1", 1, 18, TO_INPUT, "axes", 1},
    {"ReduceL2", 1, 18, TO_INPUT, "axes", 1},
    {"ReduceLogSum", 1, 18, TO_INPUT, "axes", 1},
    {"ReduceLogSumExp", 1, 18, TO_INPUT, "axes", 1},
    {"ReduceSumSquare", 1, 18, TO_INPUT, "axes", 1},
    {"Upsample", 7, 9, TO_INPUT, "scales", 2},
    {"Range", 27, OPSET_NEWEST + 1, DROP, "stash_type", 0}, /* 16-bit floats are computed in float32 anyway */
};

static stria_status float_tensor(float x, const char *name, tensor **out, stria_error *err) {
    TRY(tensor_new(out, STRIA_FLOAT32, &(shape){0}, name, err));
    *(float *)(*out)->data = x;
    return STRIA_OK;
}

static stria_status input_tensor(const Onnx__AttributeProto *p, tensor **out, stria_error *err) {
    bool whole = p->n_ints > 0 || p->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
    int64_t count = whole ? (int64_t)p->n_ints : p->n_floats ? (int64_t)p->n_floats : 1;
    if (!whole && p->has_f) return float_tensor(p->f, p->name, out, err);
    if (!whole && !p->n_floats && !p->has_i) FAIL(err, STRIA_BAD_FILE, "attribute '%s' is not a number", p->name);
    bool real = !whole && p->n_floats;
    const void *from = real ? (const void *)p->floats : whole ? p->ints : &p->i;
    shape s = shape_of(1, &count);
    TRY(tensor_new(out, real ? STRIA_FLOAT32 : STRIA_INT64, &s, p->name, err));
    if (count) memcpy((*out)->data, from, (*out)->bytes);
    return STRIA_OK;
}

static void attribute_remove(Onnx__NodeProto *n, const Onnx__AttributeProto *p) {
    size_t kept = 0;
    for (size_t i = 0; i < n->n_attribute; i++)
        if (n->attribute[i] != p) n->attribute[kept++] = n->attribute[i];
    n->n_attribute = kept;
}

static stria_status row_apply(const importer *im, const struct row *r, upgraded *u, stria_error *err) {
    const Onnx__AttributeProto *p = onnx_attribute_find(&u->node, r->attribute);
    if (!p) return STRIA_OK;
    if (r->action == DROP_IF && (!p->has_i || p->i != r->number))
        FAIL(err, STRIA_UNSUPPORTED, "attribute '%s' of opset %lld may only be %lld", r->attribute,
             (long long)im->opset, (long long)r->number);
    if (r->action == TO_INPUT) {
        int k = (int)r->number;
        TRY(input_tensor(p, &u->input[k].data, err));
        u->input[k].name = r->attribute;
        if (u->input_count <= k) u->input_count = k + 1;
    }
    attribute_remove(&u->node, p);
    return STRIA_OK;
}

/* From 6 to 10, Clip without a limit had the largest finite number as one, which infinities do not pass. */
static stria_status clip_limits(const importer *im, upgraded *u, stria_error *err) {
    static const struct {
        const char *name;
        float x;
    } limits[] = {{"min", -FLT_MAX}, {"max", FLT_MAX}};
    if (im->opset < 6 || im->opset > 10 || strcmp(u->node.op_type, "Clip") != 0) return STRIA_OK;
    u->input_count = 3; /* before any is made: upgrade_release counts on it */
    for (int k = 0; k < 2; k++)
        if (!u->input[k + 1].data) {
            TRY(float_tensor(limits[k].x, limits[k].name, &u->input[k + 1].data, err));
            u->input[k + 1].name = limits[k].name;
        }
    return STRIA_OK;
}

static stria_status node_upgrade(importer *im, upgraded *u, stria_error *err) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (im->opset >= rows[i].from && im->opset < rows[i].below &&
            (!rows[i].op || strcmp(u->node.op_type, rows[i].op) == 0))
            TRY(row_apply(im, &rows[i], u, err));
    TRY(clip_limits(im, u, err));
    return old_operator_rename(im, u, err);
}

/* Before 12, Dropout's ratio was 0.5 unless said, as it is today; before 10, Slice's axes were all, as today. */
stria_status upgrade_node(importer *im, const Onnx__NodeProto *n, upgraded *out, stria_error *err) {
    *out = (upgraded){.node = *n};
    if (name_given(n->domain) && strcmp(n->domain, "ai.onnx") != 0) return STRIA_OK;
    out->node.attribute = arena_copy(&im->arena, n->attribute, sizeof *n->attribute * n->n_attribute);
    if (!out->node.attribute) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a node");
    stria_status status = node_upgrade(im, out, err);
    if (status != STRIA_OK) upgrade_release(out);
    return status;
}

void upgrade_release(upgraded *u) {
    for (int i = 0; i < u->input_count; i++) tensor_release(u->input[i].data);
    u->input_count = 0;
}
