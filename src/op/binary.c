/* Arithmetic of two tensors, elementwise with broadcasting. */
#include "op/binary.h"

#include <math.h>

#include "op/rule.h"
#include "op/shape.h"

/* ---- shapes ---- */

static stria_status infer(node *n, stria_error *err) {
    shape y;
    if (n->in[0]->type == STRIA_BOOL) FAIL(err, STRIA_BAD_SHAPE, "inputs are bool, expected numbers");
    if (n->op != &op_Pow) TRY(rule_same_type(n, 0, 1, err)); /* an exponent may be of any type of number */
    TRY(rule_broadcast(n, 0, &y, err));
    return rule_output(n, 0, n->in[0]->type, &y, err);
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

/* Known contents without this number. */
static bool lacks(const value *v, double number) {
    const tensor *t = value_contents(v);
    int64_t count = t ? shape_count(&t->shape) : 0;
    for (int64_t i = 0; i < count; i++)
        if (tensor_f64(t, i) == number) return false;
    return t != NULL;
}

/* 0 where `zero` holds, else v */
static value *without(builder *b, value *zero, value *v) {
    value *in[3] = {zero, v ? build_scalar(b, v->type, 0) : NULL, v};
    return in[0] && in[1] ? build(b, &op_Where, in, 3, NULL) : NULL;
}

/* p · x^(p−1); 0 for p = 0, whatever x is. */
static value *pow_slope_x(builder *b, value *x, value *p) {
    value *lower = build2(b, &op_Sub, p, build_scalar(b, p->type, 1), NULL);
    value *slope = build2(b, &op_Mul, p, build2(b, &op_Pow, x, lower, NULL), NULL);
    return lacks(p, 0) ? slope : without(b, build2(b, &op_Equal, p, build_scalar(b, p->type, 0), NULL), slope);
}

/* y · log x; for x = 0 the limit 0, but −∞ for p < 0 (and 0 for p = 0, as PyTorch has it). */
static value *pow_slope_p(builder *b, value *x, value *p, value *y) {
    value *slope = build2(b, &op_Mul, y, build1(b, &op_Log, x, NULL), NULL);
    value *at_zero = build2(b, &op_Equal, x, build_scalar(b, x->type, 0), NULL);
    value *not_below = build2(b, &op_GreaterOrEqual, p, build_scalar(b, p->type, 0), NULL);
    return lacks(x, 0) ? slope : without(b, build2(b, &op_And, at_zero, not_below, NULL), slope);
}

/* y = x^p: dx = dy · p · x^(p−1), dp = dy · y · log x */
static stria_status pow_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                 stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *x = n->in[0], *p = n->in[1];
    if (p->type != x->type) p = build1(&b, &op_Cast, p, &(cast_attributes){.to = (int64_t)x->type, .saturate = 1});
    if (!p) return b.status;
    if (wanted[0]) {
        value *slope = pow_slope_x(&b, x, p);
        dx[0] = build_reduce_to(&b, build2(&b, &op_Mul, dy[0], slope, NULL), x);
    }
    if (wanted[1]) {
        value *slope = pow_slope_p(&b, x, p, n->out[0]);
        value *dp = build_reduce_to(&b, build2(&b, &op_Mul, dy[0], slope, NULL), p);
        dx[1] = p == n->in[1]
                    ? dp
                    : build1(&b, &op_Cast, dp, &(cast_attributes){.to = (int64_t)n->in[1]->type, .saturate = 1});
    }
    return b.status;
}

/* y = a − b · q, q = ⌊a / b⌋ or a / b without its fraction: da = dy, db = −dy · q, q being (a − y) / b */
static stria_status mod_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                 stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) dx[0] = build_reduce_to(&b, dy[0], n->in[0]);
    if (wanted[1]) {
        value *whole = build2(&b, &op_Sub, n->in[0], n->out[0], NULL);
        whole = build1(&b, &op_Round, build2(&b, &op_Div, whole, n->in[1], NULL), NULL);
        dx[1] = build1(&b, &op_Neg, build_reduce_to(&b, build2(&b, &op_Mul, dy[0], whole, NULL), n->in[1]), NULL);
    }
    return b.status;
}

/* ---- reference ---- */

static double remainder_real(const node *n, double a, double b) {
    double r = fmod(a, b);
    if (((const mod_attributes *)n->attributes)->fmod) return r;
    if (r == 0) return copysign(0, b);
    return signbit(r) == signbit(b) ? r : r + b;
}

static double real(const node *n, double a, double b) {
    const op_def *op = n->op;
    if (op == &op_Add) return a + b;
    if (op == &op_Sub) return a - b;
    if (op == &op_Mul) return a * b;
    if (op == &op_Div) return a / b;
    return op == &op_Pow ? pow(a, b) : remainder_real(n, a, b);
}

static int64_t power(const node *n, int64_t a, int64_t b) {
    uint64_t y = 1, square = (uint64_t)a, times = (uint64_t)b;
    bool minus_one = a == -1 && n->in[0]->type != STRIA_UINT64;
    if (integer_less(n->in[1]->type, b, 0)) return a == 1 ? 1 : minus_one ? (b % 2 ? -1 : 1) : 0;
    for (; times > 0; times >>= 1, square *= square)
        if (times & 1) y *= square;
    return (int64_t)y;
}

static int64_t quotient(dtype type, int64_t a, int64_t b) {
    if (type == STRIA_UINT64) return (int64_t)((uint64_t)a / (uint64_t)b);
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b; /* INT64_MIN / −1 wraps */
}

static int64_t remainder_whole(const node *n, int64_t a, int64_t b) {
    if (n->in[0]->type == STRIA_UINT64) return (int64_t)((uint64_t)a % (uint64_t)b);
    int64_t r = b == -1 ? 0 : a % b;
    bool adjust = !((const mod_attributes *)n->attributes)->fmod && r != 0 && (r < 0) != (b < 0);
    return adjust ? r + b : r;
}

static int64_t whole(const node *n, int64_t a, int64_t b) {
    const op_def *op = n->op;
    if (op == &op_Add) return (int64_t)((uint64_t)a + (uint64_t)b);
    if (op == &op_Sub) return (int64_t)((uint64_t)a - (uint64_t)b);
    if (op == &op_Mul) return (int64_t)((uint64_t)a * (uint64_t)b);
    if (op == &op_Div) return quotient(n->in[0]->type, a, b);
    return op == &op_Pow ? power(n, a, b) : remainder_whole(n, a, b);
}

/* y = a ∘ b of one element; both are floats or both integers, but for powers. */
static stria_status combine(const node *n, ref_tensor *y, int64_t i, const ref_tensor *a, int64_t at_a,
                            const ref_tensor *b, int64_t at_b, stria_error *err) {
    if (a->f || b->f) {
        double z = real(n, ref_value(a, at_a), ref_value(b, at_b));
        if (y->f) y->f[i] = z;
        else y->i[i] = integer_of(y->type, z);
        return STRIA_OK;
    }
    if ((n->op == &op_Div || n->op == &op_Mod) && b->i[at_b] == 0)
        FAIL(err, STRIA_BAD_VALUE, "integer division by zero");
    int64_t z = whole(n, a->i[at_a], b->i[at_b]);
    if (y->f) y->f[i] = (double)z;
    else y->i[i] = integer_wrap(y->type, z);
    return STRIA_OK;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const ref_tensor *a = &c->in[0], *b = &c->in[1];
    ref_tensor *y = &c->out[0];
    int64_t stride_a[RANK_MAX], stride_b[RANK_MAX], count = shape_count(&y->shape);
    broadcast_strides(&a->shape, &y->shape, stride_a);
    broadcast_strides(&b->shape, &y->shape, stride_b);
    for (int64_t i = 0; i < count; i++)
        TRY(combine(c->node, y, i, a, strided_offset(i, &y->shape, stride_a), b, strided_offset(i, &y->shape, stride_b),
                    err));
    return STRIA_OK;
}

static op_cost cost(const node *n) {
    return (op_cost){0, shape_count(&n->out[0]->shape)};
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
static const op_case mod_cases[] = {{"2x3x4x5, pos:2x3x4x5", "fmod=1"},
                                    {"-3..3:2x3x4, pos:4", "fmod=1"},
                                    {"-3..3:2x3x4, -1.5..-0.5:4", ""},
                                    {"-3..3:257, pos:257", ""},
                                    {"5, pos:3x4x1", "fmod=1"},
                                    {"i64=7,-7,8,-8:4, i64=3,3,-3,-5:4", ""},
                                    {"i32=7,-7,8,-8:4, i32=3,3,-3,-5:4", "fmod=1"},
                                    {"u8=7,200:2, u8=3:1", ""},
                                    {0}};
static const attr_field mod_fields[] = {ATTR(mod_attributes, fmod, ATTR_INT, "0"), {0}};

#define BINARY(op_name, table, bits)                                                                                   \
    .name = op_name, .domain = "", .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .fields = table,              \
    .cost = cost, .reference = reference, .learnable_inputs = bits, .layouts = LAYOUT_SAME,                            \
    .in_place = 1 << 0 | 1 << 1

const op_def op_Add = {BINARY("Add", no_fields, 3), .infer = infer, .gradient = add_gradient, .cases = cases,
                       .text = "y = a + b"};
const op_def op_Sub = {BINARY("Sub", no_fields, 0), .infer = infer, .gradient = sub_gradient, .cases = cases,
                       .text = "y = a − b"};
const op_def op_Mul = {BINARY("Mul", no_fields, 3), .infer = infer, .gradient = mul_gradient, .cases = cases,
                       .text = "y = a · b"};
const op_def op_Div = {BINARY("Div", no_fields, 0), .infer = infer, .gradient = div_gradient, .cases = div_cases,
                       .text = "y = a / b; integers toward zero"};
const op_def op_Pow = {BINARY("Pow", no_fields, 0), .infer = infer, .gradient = pow_gradient, .cases = pow_cases,
                       .text = "y = a to the power b"};
const op_def op_Mod = {BINARY("Mod", mod_fields, 0),
                       .infer = infer,
                       .gradient = mod_gradient,
                       .cases = mod_cases,
                       .attribute_bytes = sizeof(mod_attributes),
                       .text = "y = the remainder of a / b, of b's sign; with fmod of a's"};
