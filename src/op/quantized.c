/* Products of small integers: ConvInteger and MatMulInteger, whose results are int32, and QLinearConv and
 * QLinearMatMul, whose results are small integers again. Sums of such products are whole numbers below 2^53, so that
 * double holds them exactly. */
#include <math.h>

#include "op/conv.h"
#include "op/matmul.h"
#include "op/quantize.h"
#include "op/rule.h"

static const attr_field conv_fields[] = {
    WINDOW_FIELDS(conv_attributes, window), {"group", ATTR_INT, offsetof(conv_attributes, group), "1", false}, {0}};

/* Where an operator has its two factors, their zero points (and scales), −1: none; and where its result's. */
typedef struct ports {
    int a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero, bias;
} ports;

static ports ports_of(const op_def *op) {
    bool linear = op == &op_QLinearConv || op == &op_QLinearMatMul;
    return linear ? (ports){0, 1, 2, 3, 4, 5, 6, 7, 8} : (ports){0, -1, 2, 1, -1, 3, -1, -1, -1};
}

/* How a parameter lies over a factor: one for all, or one for each of `count` entries that are `inner` elements long.
 */
typedef struct spread {
    int64_t count, inner;
} spread;

static int64_t spread_at(const spread *s, int64_t i) {
    return s->count == 1 ? 0 : i / s->inner % s->count;
}

static bool is_conv(const op_def *op) {
    return op == &op_ConvInteger || op == &op_QLinearConv;
}

/* The parameters of a matrix product may have the factor's own shape with a 1 along the inner dimension. */
static bool spread_fits(const node *n, int factor, const shape *s, spread *out) {
    const shape *x = &n->in[factor]->shape;
    bool left = factor == 0;
    int64_t count = shape_count(s);
    *out = (spread){1, 1};
    if (count == 1) return true;
    if (is_conv(n->op)) {
        *out = (spread){x->dim[0], shape_span(x, 1, x->rank)};
        return !left && s->rank == 1 && count == x->dim[0];
    }
    if (x->rank < 2) return false; /* a vector has one row, or one column */
    int along = left ? x->rank - 2 : x->rank - 1;
    if (along < 0) return false;
    if (s->rank == 1 || x->rank == 2) {
        *out = (spread){x->dim[along], left ? x->dim[x->rank - 1] : 1};
        return count == x->dim[along];
    }
    return false;
}

static stria_status parameter_check(const node *n, int factor, int i, const char *what, dtype type, stria_error *err) {
    const value *v = i < 0 ? NULL : rule_input(n, i);
    char tx[192], tp[192];
    spread s;
    if (!v) return STRIA_OK;
    if (!spread_fits(n, factor, &v->shape, &s))
        FAIL(err, STRIA_BAD_SHAPE, "%s is %s, which does not fit a factor of %s", what, shape_text(&v->shape, tp),
             shape_text(&n->in[factor]->shape, tx));
    if (type ? v->type != type : !dtype_is_float(v->type))
        FAIL(err, STRIA_BAD_SHAPE, "%s is %s, expected %s", what, dtype_name(v->type),
             type ? dtype_name(type) : "a floating type");
    return STRIA_OK;
}

static stria_status parameters_check(const node *n, const ports *p, stria_error *err) {
    TRY(quantize_check_bytes(n, p->a, "the first factor", err));
    TRY(quantize_check_bytes(n, p->b, "the second factor", err));
    TRY(parameter_check(n, p->a, p->a_zero, "the first zero point", n->in[p->a]->type, err));
    TRY(parameter_check(n, p->b, p->b_zero, "the second zero point", n->in[p->b]->type, err));
    TRY(parameter_check(n, p->a, p->a_scale, "the first scale", 0, err));
    TRY(parameter_check(n, p->b, p->b_scale, "the second scale", 0, err));
    if (p->y_scale < 0) return STRIA_OK;
    for (int k = 0; k < 2; k++)
        if (shape_count(&n->in[p->y_scale + k]->shape) != 1)
            FAIL(err, STRIA_BAD_SHAPE, "the result's %s has %lld elements, expected 1", k ? "zero point" : "scale",
                 (long long)shape_count(&n->in[p->y_scale + k]->shape));
    TRY(rule_float(n, p->y_scale, "the result's scale", err));
    return quantize_check_bytes(n, p->y_zero, "the result's zero point", err);
}

static dtype result_type(const node *n, const ports *p) {
    return p->y_zero < 0 ? STRIA_INT32 : n->in[p->y_zero]->type;
}

/* ---- shapes ---- */

static stria_status conv_infer(node *n, stria_error *err) {
    ports p = ports_of(n->op);
    const shape *x = &n->in[p.a]->shape, *w = &n->in[p.b]->shape;
    const value *bias = p.bias < 0 ? NULL : rule_input(n, p.bias);
    char text[192];
    conv_shape s;
    TRY(conv_infer_shape(&s, n->attributes, x, w, err));
    TRY(parameters_check(n, &p, err));
    if (bias && (bias->type != STRIA_INT32 || bias->shape.rank != 1 || bias->shape.dim[0] != s.oc))
        FAIL(err, STRIA_BAD_SHAPE, "the bias is %s of %s, expected [%lld] of int32", shape_text(&bias->shape, text),
             dtype_name(bias->type), (long long)s.oc);
    shape y = conv_result_shape(&s, x->rank);
    return rule_output(n, 0, result_type(n, &p), &y, err);
}

static stria_status matmul_infer(node *n, stria_error *err) {
    ports p = ports_of(n->op);
    const shape *a = &n->in[p.a]->shape, *b = &n->in[p.b]->shape;
    product_geometry g;
    TRY(matmul_geometry(&g, a, b, err));
    TRY(parameters_check(n, &p, err));
    shape y = matmul_shape(&g, a, b);
    return rule_output(n, 0, result_type(n, &p), &y, err);
}

static op_cost cost(const node *n) {
    ports p = ports_of(n->op);
    const shape *a = &n->in[p.a]->shape, *b = &n->in[p.b]->shape;
    int64_t inner = is_conv(n->op) ? shape_span(b, 1, b->rank) : a->rank ? a->dim[a->rank - 1] : 1;
    return (op_cost){size_mul(shape_count(&n->out[0]->shape), inner), 0};
}

/* ---- references ---- */

/* The factor without its zero points, as doubles. */
static stria_status centred(const ref_call *c, int factor, int zero_at, double **out, stria_error *err) {
    const ref_tensor *x = &c->in[factor];
    const ref_tensor *zero = zero_at < c->in_count && c->in[zero_at].i ? &c->in[zero_at] : NULL;
    int64_t count = shape_count(&x->shape);
    spread s = {1, 1};
    if (zero) (void)spread_fits(c->node, factor, &zero->shape, &s);
    TRY(mem_new(out, (size_t)count + 1, sizeof **out, "a factor", err));
    for (int64_t i = 0; i < count; i++) (*out)[i] = (double)(x->i[i] - (zero ? zero->i[spread_at(&s, i)] : 0));
    return STRIA_OK;
}

static void conv_sum(const ref_call *c, double *a, double *b, double *sum) {
    conv_shape s;
    ports p = ports_of(c->node->op);
    (void)conv_infer_shape(&s, c->attributes, &c->in[p.a].shape, &c->in[p.b].shape, NULL);
    conv_walk(&s, a, b, sum, PART_Y);
}

static void matmul_sum(const ref_call *c, const double *a, const double *b, double *sum) {
    ports p = ports_of(c->node->op);
    product_geometry g;
    (void)matmul_geometry(&g, &c->in[p.a].shape, &c->in[p.b].shape, NULL);
    int64_t count = shape_count(&c->out[0].shape);
    for (int64_t i = 0; i < count; i++) {
        int64_t matrix = i / (g.m * g.n);
        const double *row = a + strided_offset(matrix, &g.batch, g.a_batch) + i / g.n % g.m * g.a_row;
        const double *column = b + strided_offset(matrix, &g.batch, g.b_batch) + i % g.n * g.b_column;
        for (int64_t k = 0; k < g.k; k++) sum[i] += row[k * g.a_column] * column[k * g.b_row];
    }
}

/* Where the scales of element i of the result are: its row (convolution: none) and its column or channel. */
static void scales_at(const ref_call *c, const ports *p, int64_t i, int64_t *of_a, int64_t *of_b) {
    const shape *y = &c->out[0].shape, *a = &c->in[p->a].shape;
    int64_t a_count = shape_count(&c->in[p->a_scale].shape), b_count = shape_count(&c->in[p->b_scale].shape);
    bool conv = is_conv(c->node->op);
    int64_t columns = conv ? shape_span(y, 2, y->rank) : b_count == 1 || !y->rank ? 1 : y->dim[y->rank - 1];
    int64_t width = c->in[p->b].shape.rank > 1 && y->rank ? y->dim[y->rank - 1] : 1;
    *of_a = a_count == 1 || a->rank < 2 ? 0 : i / width % a_count;
    *of_b = b_count == 1 ? 0 : conv ? i / columns % b_count : i % columns;
}

/* As ONNX Runtime does in float32: (sum + bias) · (scale of a · scale of b / scale of y), rounded, halves to even. */
static void result_put(const ref_call *c, const ports *p, const double *sum) {
    ref_tensor *y = &c->out[0];
    int64_t count = shape_count(&y->shape), of_a, of_b;
    const ref_tensor *bias = p->bias >= 0 && p->bias < c->in_count && c->in[p->bias].i ? &c->in[p->bias] : NULL;
    int64_t inner = is_conv(c->node->op) ? shape_span(&y->shape, 2, y->shape.rank) : 1;
    for (int64_t i = 0; i < count; i++) {
        int64_t whole = integer_wrap(STRIA_INT32, (int64_t)sum[i]);
        if (p->y_scale < 0) {
            y->i[i] = whole;
            continue;
        }
        if (bias) whole += bias->i[i / inner % bias->shape.dim[0]];
        scales_at(c, p, i, &of_a, &of_b);
        double scale = quantize_precision(STRIA_FLOAT32, c->in[p->a_scale].f[of_a] * c->in[p->b_scale].f[of_b]);
        scale = quantize_precision(STRIA_FLOAT32, scale / c->in[p->y_scale].f[0]);
        double scaled = quantize_precision(STRIA_FLOAT32, (double)(float)whole * scale);
        y->i[i] = quantize_one(y->type, scaled, c->in[p->y_zero].i[0]);
    }
}

static stria_status reference(const ref_call *c, stria_error *err) {
    ports p = ports_of(c->node->op);
    double *a = NULL, *b = NULL, *sum = NULL;
    stria_status status = STRIA_OK;
    TRY_DONE(centred(c, p.a, p.a_zero, &a, err));
    TRY_DONE(centred(c, p.b, p.b_zero, &b, err));
    TRY_DONE(mem_new(&sum, (size_t)shape_count(&c->out[0].shape) + 1, sizeof *sum, "sums", err));
    if (is_conv(c->node->op)) conv_sum(c, a, b, sum);
    else matmul_sum(c, a, b, sum);
    result_put(c, &p, sum);
done:
    mem_free(a);
    mem_free(b);
    mem_free(sum);
    return status;
}

/* ---- cases and definitions ---- */

static const op_case conv_integer_cases[] = {
    {"u8=1,2,3,4,5,6,7,8,250:1x1x3x3, u8=1,1,255,1:1x1x2x2, u8=1", ""},
    {"u8=1,2,3,4,5,6,7,8,250:1x1x3x3, u8=1,1,255,1,0,2,3,4:2x1x2x2, u8=1, u8=3,4:2", "pads=1,0,1,0"},
    {0}};
static const op_case matmul_integer_cases[] = {
    {"u8=11,7,3,10,6,2,9,5,1,8,4,0:4x3, u8=1,4,2,5,3,6:3x2, u8=12, u8=0", ""},
    {"u8=11,7,3,10,6,2:2x3, u8=1,4,2,5,3,6:3x2, u8=12,4:2, u8=1,2:2", ""},
    {"u8=1,2:2, u8=3,200:2", ""},
    {0}};
static const op_case qlinear_conv_cases[] = {
    {"u8=1,2,3,4,5,6,7,8,250:1x1x3x3, f=0.1, u8=4, u8=1,1,255,1,0,2,3,4:2x1x2x2, f=0.5,0.25:2, u8=3,4:2, f=2, u8=100, "
     "i32=7,-300:2",
     "strides=1,2"},
    {0}};
static const op_case qlinear_matmul_cases[] = {
    {"u8=208,236,0,238,3,214,255,29:2x4, f=0.0066, u8=113, u8=152,51,244,60,26,255,0,127,246,127,254,247:4x3, "
     "f=0.00705, "
     "u8=114, f=0.0107, u8=118",
     ""},
    {"u8=208,236,0,238,3,214:2x3, f=0.0066,0.01:2, u8=113,4:2, u8=152,51,244,60,26,255:3x2, f=0.00705,0.02:2, "
     "u8=114,5:2, f=0.0107, u8=118",
     ""},
    {0}};

#define QUANTIZED(op_name, least, most)                                                                                \
    .name = op_name, .domain = "", .in_min = least, .in_max = most, .out_min = 1, .out_max = 1, .cost = cost,          \
    .reference = reference, .layouts = LAYOUT_PLAIN
#define CONV   .attribute_bytes = sizeof(conv_attributes), .fields = conv_fields, .infer = conv_infer
#define MATMUL .fields = no_fields, .infer = matmul_infer

const op_def op_ConvInteger = {QUANTIZED("ConvInteger", 2, 4), CONV, .cases = conv_integer_cases,
                               .text = "y = Conv(x − zero point, w − zero point), in int32"};
const op_def op_MatMulInteger = {QUANTIZED("MatMulInteger", 2, 4), MATMUL, .cases = matmul_integer_cases,
                                 .text = "y = (a − zero point) · (b − zero point), in int32"};
const op_def op_QLinearConv = {QUANTIZED("QLinearConv", 8, 9), CONV, .cases = qlinear_conv_cases,
                               .text =
                                   "y = saturate(round((Conv(x, w) + b) · scale) + zero point), of centred x and w"};
const op_def op_QLinearMatMul = {QUANTIZED("QLinearMatMul", 8, 8), MATMUL, .cases = qlinear_matmul_cases,
                                 .text = "y = saturate(round(a · b · scale) + zero point), of centred a and b"};
