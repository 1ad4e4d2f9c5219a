/* Where along one dimension the greatest or least element is: ArgMax, ArgMin, Hardmax. The first NaN counts as the
 * greatest and as the least. */
#include "op/arg.h"

#include <math.h>

#include "op/rule.h"
#include "op/shape.h"

static const attr_field arg_fields[] = {ATTR(arg_attributes, axis, ATTR_INT, "0"),
                                        ATTR(arg_attributes, keepdims, ATTR_INT, "1"),
                                        ATTR(arg_attributes, select_last_index, ATTR_INT, "0"),
                                        {0}};
static const attr_field hard_fields[] = {ATTR(axis_attributes, axis, ATTR_INT, "-1"), {0}};

/* ---- shapes ---- */

int arg_axis_of(const node *n) {
    const value *x = n->op == &op_TopKGradient ? n->in[2] : n->in[0];
    int64_t asked = n->op == &op_Hardmax                             ? ((const axis_attributes *)n->attributes)->axis
                    : n->op == &op_TopK || n->op == &op_TopKGradient ? ((const topk_attributes *)n->attributes)->axis
                                                                     : ((const arg_attributes *)n->attributes)->axis;
    int axis = 0;
    (void)rule_axis(asked, x->shape.rank, &axis, NULL);
    return axis;
}

static stria_status arg_infer(node *n, stria_error *err) {
    const arg_attributes *a = n->attributes;
    const shape *x = &n->in[0]->shape;
    shape y = {0};
    char text[192];
    int axis;
    TRY(rule_axis(a->axis, x->rank, &axis, err));
    for (int d = 0; d < x->rank; d++)
        if (d != axis || a->keepdims != 0) y.dim[y.rank++] = d == axis ? 1 : x->dim[d];
    if (n->in[0]->type == STRIA_BOOL) FAIL(err, STRIA_BAD_SHAPE, "input is bool, expected numbers");
    if (x->dim[axis] == 0 && shape_count(&y) != 0)
        FAIL(err, STRIA_BAD_SHAPE, "input is %s: axis %d has no elements to choose from", shape_text(x, text), axis);
    return rule_output(n, 0, STRIA_INT64, &y, err);
}

static stria_status hard_infer(node *n, stria_error *err) {
    int axis;
    TRY(rule_floats(n, 0, err));
    TRY(rule_axis(((const axis_attributes *)n->attributes)->axis, n->in[0]->shape.rank, &axis, err));
    return rule_like(n, 0, err);
}

static op_cost cost(const node *n) {
    return (op_cost){0, shape_count(&n->in[0]->shape)};
}

/* ---- references ---- */

/* x's element i replaces its element k. */
static bool wins(const ref_tensor *x, int64_t i, int64_t k, bool least, bool last) {
    if (x->f) {
        double v = least ? -x->f[i] : x->f[i], best = least ? -x->f[k] : x->f[k];
        if (isnan(v) || isnan(best)) return isnan(v) && (last || !isnan(best));
        return last ? v >= best : v > best;
    }
    int64_t a = least ? x->i[k] : x->i[i], b = least ? x->i[i] : x->i[k];
    bool greater = integer_less(x->type, b, a);
    return greater || (last && a == b);
}

/* Among n elements from x[at] on, `step` apart. */
static int64_t search(const ref_tensor *x, int64_t at, int64_t n, int64_t step, bool least, bool last) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (wins(x, at + i * step, at + best * step, least, last)) best = i;
    return best;
}

static stria_status arg_reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0];
    bool last = ((const arg_attributes *)c->attributes)->select_last_index != 0;
    int axis = arg_axis_of(c->node);
    int64_t n = x->shape.dim[axis], inner = shape_span(&x->shape, axis + 1, x->shape.rank);
    int64_t runs = shape_count(&c->out[0].shape);
    for (int64_t i = 0; i < runs; i++)
        c->out[0].i[i] = search(x, i / inner * n * inner + i % inner, n, inner, c->node->op == &op_ArgMin, last);
    return STRIA_OK;
}

static stria_status hard_reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0];
    int axis = arg_axis_of(c->node);
    int64_t n = x->shape.dim[axis], inner = shape_span(&x->shape, axis + 1, x->shape.rank);
    ref_zero(&c->out[0]);
    for (int64_t i = 0; n > 0 && i < shape_count(&x->shape) / n; i++) {
        int64_t at = i / inner * n * inner + i % inner;
        c->out[0].f[at + inner * search(x, at, n, inner, false, false)] = 1;
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case arg_cases[] = {{"2x3x4x5", ""},
                                    {"2x3x4x5", "axis=1 keepdims=0"},
                                    {"2x3x4x5", "axis=-1 select_last_index=1"},
                                    {"33x10", "axis=1 keepdims=0"},
                                    {"2x70x5x7", "axis=1"},
                                    {"f=1,3,3,2,3,1:2x3", "axis=1"},
                                    {"f=1,3,3,2,3,1:2x3", "axis=1 select_last_index=1"},
                                    {"3x100", "axis=1"},
                                    {"0x4", "axis=1"},
                                    {"i64=1,5,-7,5:4", "select_last_index=1"},
                                    {"u8=1,255,7,0:2x2", "axis=1"},
                                    {0}};
static const op_case hard_cases[] = {{"4x10", ""}, {"2x3x4x5", "axis=1"}, {"3x0", ""}, {0}};

#define ARG(op_name)                                                                                                   \
    .name = op_name, .domain = "", .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,                               \
    .attribute_bytes = sizeof(arg_attributes), .fields = arg_fields, .infer = arg_infer, .cost = cost,                 \
    .reference = arg_reference, .gradient = rule_no_gradient, .cases = arg_cases, .layouts = LAYOUT_STRIDED

const op_def op_ArgMax = {ARG("ArgMax"), .note = "The first of equal elements, unless select_last_index is 1.",
                          .text = "y = argmax x along the axis: the first, or the last one"};
const op_def op_ArgMin = {ARG("ArgMin"), .text = "y = argmin x along the axis: the first, or the last one"};

const op_def op_Hardmax = {
    .name = "Hardmax",
    .domain = "",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(axis_attributes),
    .fields = hard_fields,
    .infer = hard_infer,
    .gradient = rule_no_gradient,
    .cost = cost,
    .reference = hard_reference,
    .cases = hard_cases,
    .layouts = LAYOUT_STRIDED,
    .text = "y = 1 at the (first) greatest x along the axis, else 0",
};
