/* Questions about numbers, answered with bools: comparisons of two tensors, elementwise with broadcasting, and what
 * kind of number an element is. Nothing here has a gradient. */
#include "op/compare.h"

#include <math.h>

#include "op/rule.h"

static stria_status infer(node *n, stria_error *err) {
    shape y;
    TRY(rule_same_type(n, 0, 1, err));
    if (n->op != &op_Equal && n->in[0]->type == STRIA_BOOL)
        FAIL(err, STRIA_BAD_SHAPE, "inputs are bool, expected numbers");
    TRY(rule_broadcast(n, 0, &y, err));
    return rule_output(n, 0, STRIA_BOOL, &y, err);
}

static stria_status infer_kind(node *n, stria_error *err) {
    TRY(rule_float(n, 0, "input", err));
    return rule_output(n, 0, STRIA_BOOL, &n->in[0]->shape, err);
}

/* −1, 0, 1, or 2 where an operand is NaN: neither less, nor equal, nor greater. */
static int compare(const ref_tensor *a, int64_t at_a, const ref_tensor *b, int64_t at_b) {
    if (a->f) {
        double p = a->f[at_a], q = b->f[at_b];
        return p < q ? -1 : p > q ? 1 : p == q ? 0 : 2;
    }
    int64_t p = a->i[at_a], q = b->i[at_b];
    return p == q ? 0 : integer_less(a->type, p, q) ? -1 : 1;
}

static bool answer(const op_def *op, int order) {
    if (op == &op_Equal) return order == 0;
    if (op == &op_Less) return order == -1;
    if (op == &op_LessOrEqual) return order == -1 || order == 0;
    if (op == &op_Greater) return order == 1;
    return order == 1 || order == 0;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const ref_tensor *a = &c->in[0], *b = &c->in[1], *y = &c->out[0];
    int64_t stride_a[RANK_MAX], stride_b[RANK_MAX], count = shape_count(&y->shape);
    broadcast_strides(&a->shape, &y->shape, stride_a);
    broadcast_strides(&b->shape, &y->shape, stride_b);
    for (int64_t i = 0; i < count; i++)
        y->i[i] = answer(c->node->op,
                         compare(a, strided_offset(i, &y->shape, stride_a), b, strided_offset(i, &y->shape, stride_b)));
    return STRIA_OK;
}

static stria_status reference_isnan(const ref_call *c, stria_error *err) {
    int64_t count = shape_count(&c->out[0].shape);
    for (int64_t i = 0; i < count; i++) c->out[0].i[i] = isnan(c->in[0].f[i]) != 0;
    return STRIA_OK;
}

static stria_status reference_isinf(const ref_call *c, stria_error *err) {
    const isinf_attributes *a = c->attributes;
    int64_t count = shape_count(&c->out[0].shape);
    for (int64_t i = 0; i < count; i++) {
        double x = c->in[0].f[i];
        c->out[0].i[i] = isinf(x) && (x > 0 ? a->detect_positive : a->detect_negative) != 0;
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case cases[] = {{"2x3x4x5, 2x3x4x5", ""},
                                {"2x3x4x5, 3x1x1", ""},
                                {"3x4, :", ""},
                                {"5, 2x4x1", ""},
                                {"f=1,2,0,-1:4, f=1,1,0,0:4", ""},
                                {"i64=1,-2,3,4:4, i64=1,0,3,5:4", ""},
                                {"u8=1,200:2, u8=200:1", ""},
                                {"0x3, 3", ""},
                                {0}};
static const op_case kind_cases[] = {{"3x4x5", ""}, {"257", ""}, {"2x3x4x5", ""}, {0}};
static const op_case isinf_cases[] = {
    {"3x4x5", ""}, {"257", "detect_negative=0"}, {"2x3x4x5", "detect_positive=0"}, {0}};

static const attr_field isinf_fields[] = {ATTR(isinf_attributes, detect_negative, ATTR_INT, "1"),
                                          ATTR(isinf_attributes, detect_positive, ATTR_INT, "1"),
                                          {0}};

#define COMPARE(op_name)                                                                                               \
    .name = op_name, .domain = "", .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .fields = no_fields,          \
    .infer = infer, .reference = reference, .cases = cases, .layouts = LAYOUT_SAME

const op_def op_Equal = {COMPARE("Equal"), .text = "y = a is b"};
const op_def op_Greater = {COMPARE("Greater"), .text = "y = a > b"};
const op_def op_GreaterOrEqual = {COMPARE("GreaterOrEqual"), .text = "y = a ≥ b"};
const op_def op_Less = {COMPARE("Less"), .text = "y = a < b"};
const op_def op_LessOrEqual = {COMPARE("LessOrEqual"), .text = "y = a ≤ b"};

#define KIND(op_name)                                                                                                  \
    .name = op_name, .domain = "", .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .infer = infer_kind,          \
    .layouts = LAYOUT_SAME

const op_def op_IsNaN = {KIND("IsNaN"), .fields = no_fields, .reference = reference_isnan, .cases = kind_cases,
                         .text = "y = x is not a number"};
const op_def op_IsInf = {KIND("IsInf"),          .attribute_bytes = sizeof(isinf_attributes),
                         .fields = isinf_fields, .reference = reference_isinf,
                         .cases = isinf_cases,   .text = "y = x is infinite"};
