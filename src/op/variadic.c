/* Arithmetic of any number of tensors, elementwise with broadcasting: Sum, Mean, Min and Max. In a session they are
 * chains of the operators of two. */
#include <math.h>

#include "op/rule.h"

static stria_status infer(node *n, stria_error *err) {
    shape y;
    bool choice = n->op == &op_Min || n->op == &op_Max;
    if (!choice) TRY(rule_floats(n, 0, err));
    if (n->in[0]->type == STRIA_BOOL) FAIL(err, STRIA_BAD_SHAPE, "inputs are bool, expected numbers");
    for (int i = 1; i < n->in_count; i++) TRY(rule_same_type(n, 0, i, err));
    TRY(rule_broadcast(n, 0, &y, err));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status select_infer(node *n, stria_error *err) {
    TRY(rule_floats(n, 0, err));
    shape both;
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &n->in[2]->shape, "y", err));
    TRY(rule_broadcast(n, 1, &both, err));
    TRY(rule_same_shape(&both, "x with y", &n->in[2]->shape, "y", err));
    return rule_like(n, 0, err);
}

/* ---- gradients ---- */

static stria_status sum_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                 stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *d = dy[0];
    if (n->op == &op_Mean) d = build2(&b, &op_Div, d, build_scalar(&b, d->type, n->in_count), NULL);
    for (int i = 0; i < n->in_count; i++)
        if (wanted[i]) dx[i] = build_reduce_to(&b, d, n->in[i]);
    return b.status;
}

/* v where input i is y, else 0 */
static value *where_chosen(builder *b, const node *n, int i, value *v) {
    return v ? build(b, &op_SelectEqual, (value *[]){v, n->in[i], n->out[0]}, 3, NULL) : NULL;
}

/* Min, Max: dx = dy where x is what was chosen. Equal candidates share it. */
static stria_status choice_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                    stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    const value *y = n->out[0];
    value *share = dy[0], *ones = n->in_count > 1 ? build_filled(&b, y->type, &y->shape, 1) : NULL, *chosen = NULL;
    for (int i = 0; i < n->in_count && ones; i++) {
        value *one = where_chosen(&b, n, i, ones);
        chosen = i ? build2(&b, &op_Add, chosen, one, NULL) : one;
    }
    if (ones) share = build2(&b, &op_Div, share, chosen, NULL);
    for (int i = 0; i < n->in_count; i++)
        if (wanted[i]) dx[i] = build_reduce_to(&b, where_chosen(&b, n, i, share), n->in[i]);
    return b.status;
}

static stria_status select_gradient(graph *g, const node *n, value *const *e, const bool *wanted, value **d,
                                    stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) d[0] = build(&b, &op_SelectEqual, (value *[]){e[0], n->in[1], n->in[2]}, 3, NULL);
    return b.status;
}

/* ---- as chains ---- */

static stria_status expand(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    const op_def *two = n->op == &op_Sum || n->op == &op_Mean ? &op_Add : n->op;
    if (n->op == two && n->in_count == 2) return STRIA_OK; /* it is one of two */
    value *y = n->in[0];
    for (int i = 1; i < n->in_count; i++) y = build2(&b, two, y, n->in[i], NULL);
    if (n->op == &op_Mean && n->in_count > 1 && y)
        y = build2(&b, &op_Div, y, build_scalar(&b, y->type, n->in_count), NULL);
    out[0] = y;
    return b.status;
}

/* ---- reference ---- */

static double real(const op_def *op, double a, double b) {
    if (op == &op_Sum || op == &op_Mean) return a + b;
    if (isnan(a) || isnan(b)) return NAN;
    return op == &op_Min ? fmin(a, b) : fmax(a, b);
}

/* y = y ∘ x, x broadcast */
static void combine(const op_def *op, ref_tensor *y, const ref_tensor *x) {
    int64_t stride[RANK_MAX], count = shape_count(&y->shape);
    broadcast_strides(&x->shape, &y->shape, stride);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = strided_offset(i, &y->shape, stride);
        if (y->f) y->f[i] = real(op, y->f[i], x->f[at]);
        else if (integer_less(y->type, x->i[at], y->i[i]) == (op == &op_Min)) y->i[i] = x->i[at];
    }
}

static stria_status reference(const ref_call *c, stria_error *err) {
    ref_tensor *y = &c->out[0];
    int64_t stride[RANK_MAX], count = shape_count(&y->shape);
    broadcast_strides(&c->in[0].shape, &y->shape, stride);
    for (int64_t i = 0; i < count; i++) ref_copy(y, i, &c->in[0], strided_offset(i, &y->shape, stride));
    for (int k = 1; k < c->in_count; k++) combine(c->node->op, y, &c->in[k]);
    for (int64_t i = 0; c->node->op == &op_Mean && i < count; i++) y->f[i] /= c->in_count;
    return STRIA_OK;
}

static stria_status select_reference(const ref_call *c, stria_error *err) {
    ref_tensor *y = &c->out[0];
    int64_t stride[RANK_MAX], count = shape_count(&y->shape);
    broadcast_strides(&c->in[1].shape, &y->shape, stride);
    for (int64_t i = 0; i < count; i++)
        y->f[i] = c->in[1].f[strided_offset(i, &y->shape, stride)] == c->in[2].f[i] ? c->in[0].f[i] : 0;
    return STRIA_OK;
}

static op_cost cost(const node *n) {
    return (op_cost){0, size_mul(n->in_count - 1, shape_count(&n->out[0]->shape))};
}

/* ---- cases and definitions ---- */

static const op_case sum_cases[] = {
    {"2x3x4, 2x3x4", ""}, {"2x3x4", ""}, {"2x3x4, 4, 3x1", ""}, {":, 2x3, 2x1", ""}, {0}};
static const op_case choice_cases[] = {{"2x3x4, 2x3x4", ""},     {"2x3x4", ""},
                                       {"2x3x4, 4, 3x1", ""},    {"i64=1,5,-3:3, i64=2:1", ""},
                                       {"2x33x5x7, 33x1x1", ""}, {0}};
static const op_case select_cases[] = {
    {"2x3, 0..0:3, -1..1:2x3", ""}, {"2x3, 1..1:1, 1..1:2x3", ""}, {"2x3x4x5, 2..2:2x3x4x5, 2..2:2x3x4x5", ""}, {0}};

#define VARIADIC(op_name)                                                                                              \
    .name = op_name, .domain = "", .in_min = 1, .in_max = OP_UNBOUNDED, .out_min = 1, .out_max = 1,                    \
    .fields = no_fields, .infer = infer, .cost = cost, .reference = reference, .expand = expand,                       \
    .layouts = LAYOUT_SAME, .in_place = 1 << 0 | 1 << 1

const op_def op_Sum = {VARIADIC("Sum"), .gradient = sum_gradient, .cases = sum_cases, .text = "y = Σ of the inputs"};
const op_def op_Mean = {VARIADIC("Mean"), .gradient = sum_gradient, .cases = sum_cases,
                        .text = "y = the mean of the inputs"};
const op_def op_Min = {VARIADIC("Min"), .gradient = choice_gradient, .cases = choice_cases,
                       .text = "y = the least of the inputs; NaN if one is"};
const op_def op_Max = {VARIADIC("Max"), .gradient = choice_gradient, .cases = choice_cases,
                       .text = "y = the greatest of the inputs; NaN if one is"};

const op_def op_SelectEqual = {
    .name = "SelectEqual",
    .domain = "stria",
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = select_infer,
    .gradient = select_gradient,
    .reference = select_reference,
    .cases = select_cases,
    .layouts = LAYOUT_SAME,
    .in_place = 1 << 0,
    .text = "dx = dy where x equals y, else 0",
};
