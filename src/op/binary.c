/* Arithmetic of two tensors (Min and Max: of several), elementwise with broadcasting. */
#include <math.h>

#include "op/rule.h"
#include "op/shape.h"

/* ---- shapes ---- */

static stria_status broadcast_infer(node *n, stria_error *err) {
    shape y = n->in[0]->shape;
    for (int i = 1; i < n->in_count; i++) {
        char tx[192], ty[192];
        shape together;
        if (n->op != &op_Pow) TRY(rule_same_type(n, 0, i, err)); /* an exponent may be of any type of number */
        if (!shape_broadcast(&y, &n->in[i]->shape, &together))
            FAIL(err, STRIA_BAD_SHAPE, "%s and %s do not broadcast", shape_text(&y, ty),
                 shape_text(&n->in[i]->shape, tx));
        y = together;
    }
    if (n->in[0]->type == STRIA_BOOL) FAIL(err, STRIA_BAD_SHAPE, "inputs are bool, expected numbers");
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status select_infer(node *n, stria_error *err) {
    TRY(rule_floats(n, 0, err));
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &n->in[2]->shape, "y", err));
    return rule_like(n, 0, err);
}

/* ---- gradients ---- */

static stria_status add_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                 stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    for (int i = 0; i < 2; i++)
        if (wanted[i]) dx[i] = build_reduce_to(&b, dy[0], n->in[i]);
    return b.status;
}

static stria_status sub_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                 stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) dx[0] = build_reduce_to(&b, dy[0], n->in[0]);
    if (wanted[1]) dx[1] = build1(&b, &op_Neg, build_reduce_to(&b, dy[0], n->in[1]), NULL);
    return b.status;
}

static stria_status mul_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                 stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    for (int i = 0; i < 2; i++)
        if (wanted[i]) dx[i] = build_reduce_to(&b, build2(&b, &op_Mul, dy[0], n->in[1 - i], NULL), n->in[i]);
    return b.status;
}

/* y = p / q: dp = dy / q, dq = −dp · y */
static stria_status div_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                 stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *dp = build2(&b, &op_Div, dy[0], n->in[1], NULL);
    if (wanted[0]) dx[0] = build_reduce_to(&b, dp, n->in[0]);
    if (wanted[1])
        dx[1] = build1(&b, &op_Neg, build_reduce_to(&b, build2(&b, &op_Mul, dp, n->out[0], NULL), n->in[1]), NULL);
    return b.status;
}

/* y = x^p: dx = dy · p · x^(p−1), dp = dy · y · log x */
static stria_status pow_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                 stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *x = n->in[0], *p = n->in[1];
    if (p->type != x->type) p = build1(&b, &op_Cast, p, &(cast_attributes){(int64_t)x->type, 1});
    if (!p) return b.status;
    if (wanted[0]) {
        value *lower = build2(&b, &op_Sub, p, build_scalar(&b, p->type, 1), NULL);
        value *slope = build2(&b, &op_Mul, p, build2(&b, &op_Pow, x, lower, NULL), NULL);
        dx[0] = build_reduce_to(&b, build2(&b, &op_Mul, dy[0], slope, NULL), x);
    }
    if (wanted[1]) {
        value *slope = build2(&b, &op_Mul, n->out[0], build1(&b, &op_Log, x, NULL), NULL);
        value *dp = build_reduce_to(&b, build2(&b, &op_Mul, dy[0], slope, NULL), p);
        dx[1] = p == n->in[1] ? dp : build1(&b, &op_Cast, dp, &(cast_attributes){(int64_t)n->in[1]->type, 1});
    }
    return b.status;
}

/* Min, Max: dx = dy where x is what was chosen. Equal candidates all get it. */
static stria_status choice_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                    stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    for (int i = 0; i < n->in_count; i++)
        if (wanted[i]) {
            value *in[3] = {dy[0], n->in[i], n->out[0]};
            dx[i] = build_reduce_to(&b, build(&b, &op_SelectEqual, in, 3, NULL), n->in[i]);
        }
    return b.status;
}

static stria_status select_gradient(graph *g, const node *n, value *const *e, const bool *wanted, value **d,
                                    stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) d[0] = build(&b, &op_SelectEqual, (value *[]){e[0], n->in[1], n->in[2]}, 3, NULL);
    return b.status;
}

/* ---- reference ---- */

static double real(const op_def *op, double a, double b) {
    if (op == &op_Add) return a + b;
    if (op == &op_Sub) return a - b;
    if (op == &op_Mul) return a * b;
    if (op == &op_Div) return a / b;
    if (op == &op_Pow) return pow(a, b);
    if (isnan(a) || isnan(b)) return NAN;
    return op == &op_Min ? fmin(a, b) : fmax(a, b);
}

static int64_t power(int64_t a, int64_t b) {
    uint64_t y = 1, square = (uint64_t)a;
    if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    for (; b > 0; b >>= 1, square *= square)
        if (b & 1) y *= square;
    return (int64_t)y;
}

static int64_t quotient(dtype type, int64_t a, int64_t b) {
    if (type == STRIA_UINT64) return (int64_t)((uint64_t)a / (uint64_t)b);
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b; /* INT64_MIN / −1 wraps */
}

static bool less(dtype type, int64_t a, int64_t b) {
    return type == STRIA_UINT64 ? (uint64_t)a < (uint64_t)b : a < b;
}

static int64_t whole(const op_def *op, dtype type, int64_t a, int64_t b) {
    if (op == &op_Add) return (int64_t)((uint64_t)a + (uint64_t)b);
    if (op == &op_Sub) return (int64_t)((uint64_t)a - (uint64_t)b);
    if (op == &op_Mul) return (int64_t)((uint64_t)a * (uint64_t)b);
    if (op == &op_Div) return quotient(type, a, b);
    if (op == &op_Pow) return power(a, b);
    return less(type, a, b) == (op == &op_Min) ? a : b;
}

/* y = y ∘ x, x broadcast */
static stria_status combine(const ref_call *c, ref_tensor *y, const ref_tensor *x, stria_error *err) {
    const op_def *op = c->node->op;
    int64_t stride[RANK_MAX], count = shape_count(&y->shape);
    broadcast_strides(&x->shape, &y->shape, stride);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = strided_offset(i, &y->shape, stride);
        if (y->f || x->f) { /* both, but for powers */
            double z = real(op, y->f ? y->f[i] : (double)y->i[i], x->f ? x->f[at] : (double)x->i[at]);
            if (y->f) y->f[i] = z;
            else y->i[i] = integer_wrap(y->type, integer_of(z));
            continue;
        }
        if (op == &op_Div && x->i[at] == 0) FAIL(err, STRIA_BAD_ARGUMENT, "integer division by zero");
        y->i[i] = integer_wrap(y->type, whole(op, y->type, y->i[i], x->i[at]));
    }
    return STRIA_OK;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    ref_tensor *y = &c->out[0];
    int64_t stride[RANK_MAX], count = shape_count(&y->shape);
    broadcast_strides(&c->in[0].shape, &y->shape, stride);
    for (int64_t i = 0; i < count; i++) ref_copy(y, i, &c->in[0], strided_offset(i, &y->shape, stride));
    for (int k = 1; k < c->in_count; k++) TRY(combine(c, y, &c->in[k], err));
    return STRIA_OK;
}

static stria_status select_reference(const ref_call *c, stria_error *err) {
    (void)err;
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

#define BROADCASTS                                                                                                     \
    {"2x3x4x5, 2x3x4x5", ""}, {"2x3x4x5, 3x1x1", ""}, {"2x3x4x5, 5", ""}, {"3x4, :", ""}, {":, 3x4", ""},              \
        {"3x1x5, 2x1x4x1", ""}, {"2x1x4x5, 2x3x4x5", ""}, {                                                            \
        "257, 257", ""                                                                                                 \
    }
static const op_case cases[] = {
    BROADCASTS, {"i64=1,-2,3,4,5,6:2x3, i64=7,-8,9:3", ""}, {"i32=2147483647,-5:2, i32=1,2:2", ""}, {0}};
static const op_case div_cases[] = {
    {"2x3x4x5, pos:2x3x4x5", ""}, {"2x3x4x5, pos:3x1x1", ""},         {"3x4, pos:1", ""},
    {"5, pos:3x4x1", ""},         {"i64=7,-7,8:3, i64=2,2,-3:3", ""}, {0}};
static const op_case pow_cases[] = {{"pos:2x3x4, 2x3x4", ""},
                                    {"pos:2x3x4, :", ""},
                                    {"pos:4, 2x3x1", ""},
                                    {"i64=2,-3,5:3, i64=10,3,0:3", ""},
                                    {"pos:2x3, i64=2,0,-1:3", ""},
                                    {"i64=2,3:2, f=2,0.5:2", ""},
                                    {0}};
static const op_case choice_cases[] = {
    {"2x3x4, 2x3x4", ""}, {"2x3x4", ""}, {"2x3x4, 4, 3x1", ""}, {"i64=1,5,-3:3, i64=2:1", ""}, {0}};
static const op_case select_cases[] = {{"2x3, 0..0:3, -1..1:2x3", ""}, {"2x3, 1..1:1, 1..1:2x3", ""}, {0}};

#define BINARY(op_name, most, bits)                                                                                    \
    .name = op_name, .domain = "", .in_min = (most) == 2 ? 2 : 1, .in_max = most, .out_min = 1, .out_max = 1,          \
    .fields = no_fields, .infer = broadcast_infer, .cost = cost, .reference = reference, .learnable_inputs = bits,     \
    .layouts = LAYOUT_SAME, .in_place = 1 << 0 | 1 << 1

const op_def op_Add = {BINARY("Add", 2, 3), .gradient = add_gradient, .cases = cases, .text = "y = a + b"};
const op_def op_Sub = {BINARY("Sub", 2, 0), .gradient = sub_gradient, .cases = cases, .text = "y = a − b"};
const op_def op_Mul = {BINARY("Mul", 2, 3), .gradient = mul_gradient, .cases = cases, .text = "y = a · b"};
const op_def op_Div = {BINARY("Div", 2, 0), .gradient = div_gradient, .cases = div_cases,
                       .text = "y = a / b; integers toward zero"};
const op_def op_Pow = {BINARY("Pow", 2, 0), .gradient = pow_gradient, .cases = pow_cases,
                       .text = "y = a to the power b"};
const op_def op_Min = {BINARY("Min", OP_UNBOUNDED, 0), .gradient = choice_gradient, .cases = choice_cases,
                       .text = "y = the least of the inputs"};
const op_def op_Max = {BINARY("Max", OP_UNBOUNDED, 0), .gradient = choice_gradient, .cases = choice_cases,
                       .text = "y = the greatest of the inputs"};

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
