/* Between numbers and small integers or 8-bit floats: QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear. A
 * scale and a zero point stand for the whole tensor, for each entry of one axis, or for each block of `block_size`
 * entries along it. */
#include "op/quantize.h"

#include <math.h>

#include "graph/float8.h"
#include "op/rule.h"

typedef struct quantize_attributes {
    int64_t axis;
    int64_t block_size;   /* 0: no blocks */
    int64_t output_dtype; /* 0: the zero point's (uint8), the scale's */
    int64_t precision;    /* of the division; 0: the scale's type */
    int64_t saturate;     /* of 8-bit floats */
} quantize_attributes;

static const attr_field quantize_fields[] = {
    ATTR(quantize_attributes, axis, ATTR_INT, "1"),         ATTR(quantize_attributes, block_size, ATTR_INT, "0"),
    ATTR(quantize_attributes, output_dtype, ATTR_INT, "0"), ATTR(quantize_attributes, precision, ATTR_INT, "0"),
    ATTR(quantize_attributes, saturate, ATTR_INT, "1"),     {0}};
static const attr_field dequantize_fields[] = {ATTR(quantize_attributes, axis, ATTR_INT, "1"),
                                               ATTR(quantize_attributes, block_size, ATTR_INT, "0"),
                                               ATTR(quantize_attributes, output_dtype, ATTR_INT, "0"),
                                               {0}};

static bool is_small(dtype type) {
    return type == STRIA_UINT8 || type == STRIA_INT8 || type == STRIA_UINT16 || type == STRIA_INT16;
}

static bool is_stored(dtype type) {
    return is_small(type) || (dtype_is_float8(type) && type != STRIA_FLOAT8E8M0);
}

/* ---- what others use ---- */

double quantize_precision(dtype type, double x) {
    uint16_t half;
    if (type == STRIA_FLOAT64) return x;
    if (type == STRIA_FLOAT32) return (double)(float)x;
    convert_from_f64(&half, type, &x, 1);
    convert_to_f64(&x, &half, type, 1);
    return x;
}

int64_t quantize_one(dtype type, double divided, int64_t zero) {
    return integer_of(type, nearbyint(divided) + (double)zero); /* NaN becomes 0 */
}

stria_status quantize_check_bytes(const node *n, int i, const char *what, stria_error *err) {
    dtype type = n->in[i]->type;
    if (type != STRIA_UINT8 && type != STRIA_INT8)
        FAIL(err, STRIA_BAD_SHAPE, "%s is %s, expected uint8 or int8", what, dtype_name(type));
    return STRIA_OK;
}

/* ---- scales ---- */

/* Which scale an element has: [outer][entries along the axis][inner]. */
typedef struct scales {
    int64_t size, inner; /* of the axis; elements after it */
    int64_t block, blocks;
    bool single, blocked;
} scales;

static stria_status scales_of(const node *n, scales *s, stria_error *err) {
    const quantize_attributes *a = n->attributes;
    const shape *x = &n->in[0]->shape, *scale = &n->in[1]->shape;
    char tx[192], ts[192];
    int axis = 0;
    *s = (scales){.single = scale->rank == 0 || (scale->rank == 1 && scale->dim[0] == 1 && !a->block_size)};
    if (s->single) return STRIA_OK;
    TRY(rule_axis(a->axis, x->rank, &axis, err));
    s->size = x->dim[axis];
    s->inner = shape_span(x, axis + 1, x->rank);
    s->blocked = a->block_size != 0;
    s->block = a->block_size;
    bool fits = s->blocked ? a->block_size > 0 && scale->rank == x->rank : scale->rank == 1 && scale->dim[0] == s->size;
    if (s->blocked && fits) s->blocks = scale->dim[axis];
    for (int d = 0; d < x->rank && fits && s->blocked; d++)
        fits = scale->dim[d] == (d == axis ? (x->dim[d] - 1) / a->block_size + 1 : x->dim[d]);
    if (!fits)
        FAIL(err, STRIA_BAD_SHAPE, "the scale is %s, which does not fit an input of %s, axis %d, blocks of %lld",
             shape_text(scale, ts), shape_text(x, tx), axis, (long long)a->block_size);
    return STRIA_OK;
}

static int64_t scale_at(const scales *s, int64_t i) {
    if (s->single) return 0;
    int64_t along = i / s->inner % s->size, outer = i / s->inner / s->size;
    return s->blocked ? (outer * s->blocks + along / s->block) * s->inner + i % s->inner : along;
}

/* The shape of the scale, but a scalar may be written as one element of a list: ONNX's own cases mix the two. */
static stria_status zero_check(const node *n, dtype type, stria_error *err) {
    const value *zero = rule_input(n, 2);
    if (!zero) return STRIA_OK;
    const shape *scale = &n->in[1]->shape;
    bool single = zero->shape.rank < 2 && scale->rank < 2 && shape_count(&zero->shape) == 1 && shape_count(scale) == 1;
    if (!single) TRY(rule_same_shape(&zero->shape, "the zero point", scale, "the scale", err));
    if (zero->type != type)
        FAIL(err, STRIA_BAD_SHAPE, "the zero point is %s, expected %s", dtype_name(zero->type), dtype_name(type));
    return STRIA_OK;
}

/* ---- QuantizeLinear, DequantizeLinear ---- */

static stria_status type_check(int64_t type, const char *what, bool good, stria_error *err) {
    if (!good) FAIL(err, STRIA_UNSUPPORTED, "%s of ONNX type %lld is not supported", what, (long long)type);
    return STRIA_OK;
}

static stria_status quantize_infer(node *n, stria_error *err) {
    const quantize_attributes *a = n->attributes;
    const value *zero = rule_input(n, 2);
    scales s;
    dtype type = a->output_dtype ? (dtype)a->output_dtype : zero ? zero->type : STRIA_UINT8;
    if (n->in[0]->type != STRIA_INT32) TRY(rule_float(n, 0, "input", err));
    TRY(rule_float(n, 1, "the scale", err));
    TRY(type_check((int64_t)type, "a result", a->output_dtype >= 0 && a->output_dtype < 64 && is_stored(type), err));
    TRY(type_check(a->precision, "a precision",
                   !a->precision || (a->precision > 0 && a->precision < 64 && dtype_is_float((dtype)a->precision)),
                   err));
    TRY(zero_check(n, type, err));
    TRY(scales_of(n, &s, err));
    return rule_output(n, 0, type, &n->in[0]->shape, err);
}

static stria_status quantize_reference(const ref_call *c, stria_error *err) {
    const quantize_attributes *a = c->attributes;
    const ref_tensor *x = &c->in[0], *y = &c->out[0];
    const ref_tensor *zero = c->in_count > 2 && c->in[2].i ? &c->in[2] : NULL;
    float8_rule rule = {.saturate = a->saturate != 0};
    dtype precision = a->precision ? (dtype)a->precision : c->in[1].type;
    int64_t count = shape_count(&x->shape);
    scales s;
    TRY(scales_of(c->node, &s, err));
    for (int64_t i = 0; i < count; i++) {
        int64_t at = scale_at(&s, i);
        double divided = quantize_precision(precision, ref_value(x, i) / c->in[1].f[at]);
        y->i[i] = dtype_is_float8(y->type) ? float8_code(y->type, divided + (zero ? ref_value(zero, at) : 0), rule)
                                           : quantize_one(y->type, divided, zero ? zero->i[at] : 0);
    }
    return STRIA_OK;
}

static stria_status dequantize_infer(node *n, stria_error *err) {
    const quantize_attributes *a = n->attributes;
    scales s;
    dtype from = n->in[0]->type, type = a->output_dtype ? (dtype)a->output_dtype : n->in[1]->type;
    TRY(rule_float(n, 1, "the scale", err));
    TRY(type_check((int64_t)from, "an input", is_stored(from) || from == STRIA_INT32, err));
    TRY(type_check((int64_t)type, "a result", a->output_dtype >= 0 && a->output_dtype < 64 && dtype_is_float(type),
                   err));
    TRY(zero_check(n, from, err));
    TRY(scales_of(n, &s, err));
    return rule_output(n, 0, type, &n->in[0]->shape, err);
}

static stria_status dequantize_reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0];
    const ref_tensor *zero = c->in_count > 2 && c->in[2].i ? &c->in[2] : NULL;
    int64_t count = shape_count(&x->shape);
    scales s;
    TRY(scales_of(c->node, &s, err));
    for (int64_t i = 0; i < count; i++) {
        int64_t at = scale_at(&s, i);
        c->out[0].f[i] = (ref_value(x, i) - (zero ? ref_value(zero, at) : 0)) * c->in[1].f[at];
    }
    return STRIA_OK;
}

/* ---- DynamicQuantizeLinear ---- */

static stria_status dynamic_infer(node *n, stria_error *err) {
    shape scalar = {0};
    if (n->in[0]->type != STRIA_FLOAT32 && n->in[0]->type != STRIA_FLOAT64)
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected float32", dtype_name(n->in[0]->type));
    TRY(rule_output(n, 0, STRIA_UINT8, &n->in[0]->shape, err));
    TRY(rule_output(n, 1, n->in[0]->type, &scalar, err));
    return rule_output(n, 2, STRIA_UINT8, &scalar, err);
}

/* The range of x, widened to have 0 in it, in 255 steps; of zeros only, steps of 1, as ONNX Runtime takes them. */
static stria_status dynamic_reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0];
    double least = 0, most = 0;
    int64_t count = shape_count(&x->shape);
    for (int64_t i = 0; i < count; i++) least = fmin(least, x->f[i]), most = fmax(most, x->f[i]);
    double scale = least == most ? 1 : quantize_precision(x->type, quantize_precision(x->type, most - least) / 255);
    int64_t zero = integer_of(STRIA_UINT8, nearbyint(quantize_precision(x->type, -least / scale)));
    for (int64_t i = 0; i < count; i++)
        c->out[0].i[i] = quantize_one(STRIA_UINT8, quantize_precision(x->type, x->f[i] / scale), zero);
    if (c->out_count > 1 && c->out[1].f) c->out[1].f[0] = scale;
    if (c->out_count > 2 && c->out[2].i) c->out[2].i[0] = zero;
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case quantize_cases[] = {{"-300..300:3x4, f=2", ""},
                                         {"-9..9:2x3x4, f=0.5,1,2:3, u8=128,3,0:3", ""},
                                         {"-9..9:2x6, f=0.5,1,2,0.25:2x2", "block_size=3 output_dtype=3"},
                                         {"i32=-9,0,700:3, f=3", "axis=0 output_dtype=5"},
                                         {"f=0.5,1.5,2.5,-0.5:4, f=1, u8=1", "axis=0"},
                                         {"-300..300:3x4, f=2", "output_dtype=19"},
                                         {"-9..9:2x3, f=0.01,1,2:3, f8=0,48,176:3", "saturate=0"},
                                         {0}};
static const op_case dequantize_cases[] = {{"u8=0,1,200,255,7,9:2x3, f=2", ""},
                                           {"u8=0,1,200,255,7,9:2x3, f=0.5,1,2:3, u8=128,3,0:3", ""},
                                           {"i32=-70000,5:2, f=0.5", ""},
                                           {"f8=0,1,200,255,7,9:2x3, f=0.5,1,2:3, f8=128,3,0:3", ""},
                                           {"u8=0,1,200,255,7,9:2x3, f=0.5,1,2,3:2x2", "block_size=2"},
                                           {0}};
static const op_case dynamic_cases[] = {{"-3..9:3x4", ""}, {"1..2:5", ""}, {"0..0:3", ""}, {0}};

#define QUANTIZE(op_name, least, most, results)                                                                        \
    .name = op_name, .domain = "", .in_min = least, .in_max = most, .out_min = results, .out_max = results,            \
    .layouts = LAYOUT_PLAIN

const op_def op_QuantizeLinear = {QUANTIZE("QuantizeLinear", 2, 3, 1),
                                  .attribute_bytes = sizeof(quantize_attributes),
                                  .fields = quantize_fields,
                                  .infer = quantize_infer,
                                  .gradient = rule_no_gradient,
                                  .reference = quantize_reference,
                                  .cases = quantize_cases,
                                  .float8 = true,
                                  .text =
                                      "y = saturate(round(x / scale) + zero point), halves to even; of 8-bit floats "
                                      "the number nearest to x / scale + zero point"};
const op_def op_DequantizeLinear = {QUANTIZE("DequantizeLinear", 2, 3, 1),
                                    .attribute_bytes = sizeof(quantize_attributes),
                                    .fields = dequantize_fields,
                                    .infer = dequantize_infer,
                                    .reference = dequantize_reference,
                                    .cases = dequantize_cases,
                                    .float8 = true,
                                    .text = "y = (x − zero point) · scale"};
const op_def op_DynamicQuantizeLinear = {
    QUANTIZE("DynamicQuantizeLinear", 1, 1, 3),
    .fields = no_fields,
    .infer = dynamic_infer,
    .reference = dynamic_reference,
    .cases = dynamic_cases,
    .text = "scale = (max(x, 0) − min(x, 0)) / 255, zero = round(−min(x, 0) / scale), y = round(x / scale) + zero"};
