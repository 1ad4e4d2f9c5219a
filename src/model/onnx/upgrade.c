/* Opsets: what changed between the file's and GRAPH_OPSET, as a table. Most changes moved an attribute to an input, or
 * dropped it; those that changed a meaning are in old_operators.c. Behind GRAPH_OPSET only types were added to the
 * operators that Stria has (up to OPSET_NEWEST), and Cast got an attribute for 8-bit floats. */
#include "model/onnx/importer.h"

#include <string.h>

typedef enum action {
    TO_INPUT, /* the attribute is input `number` now: lists and k as int64 [n], floats as scalars */
    DROP,     /* it has no meaning any more */
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
    {"Cast", 19, OPSET_NEWEST + 1, DROP, "saturate", 0},
    {"Cast", 24, OPSET_NEWEST + 1, DROP, "round_mode", 0},
};

static stria_status input_tensor(const Onnx__AttributeProto *p, tensor **out, stria_error *err) {
    bool list = p->n_ints > 0 || p->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
    int64_t count = list ? (int64_t)p->n_ints : 1;
    if (!list && p->has_f) {
        TRY(tensor_new(out, STRIA_FLOAT32, &(shape){0}, p->name, err));
        *(float *)(*out)->data = p->f;
        return STRIA_OK;
    }
    if (!list && !p->has_i) FAIL(err, STRIA_BAD_FILE, "attribute '%s' is not a number", p->name);
    shape s = shape_of(1, &count);
    TRY(tensor_new(out, STRIA_INT64, &s, p->name, err));
    if (count) memcpy((*out)->data, list ? p->ints : &p->i, (*out)->bytes);
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

/* Before 12, Dropout's ratio was 0.5 unless said, as it is today; before 10, Slice's axes were all, as today. */
stria_status upgrade_node(importer *im, const Onnx__NodeProto *n, upgraded *out, stria_error *err) {
    *out = (upgraded){.node = *n};
    if (name_given(n->domain) && strcmp(n->domain, "ai.onnx") != 0) return STRIA_OK;
    out->node.attribute = arena_copy(&im->arena, n->attribute, sizeof *n->attribute * n->n_attribute);
    if (!out->node.attribute) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a node");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (im->opset >= rows[i].from && im->opset < rows[i].below &&
            (!rows[i].op || strcmp(n->op_type, rows[i].op) == 0)) {
            stria_status status = row_apply(im, &rows[i], out, err);
            if (status != STRIA_OK) {
                upgrade_release(out);
                return status;
            }
        }
    return STRIA_OK;
}

void upgrade_release(upgraded *u) {
    for (int i = 0; i < u->input_count; i++) tensor_release(u->input[i].data);
    u->input_count = 0;
}
