/* BitCast: the same bits as another type of the same size. */
#include <string.h>

#include "op/rule.h"

typedef struct bit_cast_attributes {
    int64_t to; /* a dtype */
} bit_cast_attributes;

static const attr_field fields[] = {{"to", ATTR_INT, offsetof(bit_cast_attributes, to), NULL, true}, {0}};

static stria_status infer(node *n, stria_error *err) {
    int64_t to = ((const bit_cast_attributes *)n->attributes)->to;
    dtype from = n->in[0]->type;
    if (to < 1 || to > 64 || dtype_bytes((dtype)to) == 0)
        FAIL(err, STRIA_UNSUPPORTED, "bits as ONNX type %lld are not supported", (long long)to);
    if (dtype_bytes((dtype)to) != dtype_bytes(from))
        FAIL(err, STRIA_BAD_SHAPE, "%s has %zu bytes, %s has %zu", dtype_name(from), dtype_bytes(from),
             dtype_name((dtype)to), dtype_bytes((dtype)to));
    if (dtype_bytes(from) == 2 && (dtype_is_float(from) || dtype_is_float((dtype)to)))
        FAIL(err, STRIA_UNSUPPORTED, "the bits of 16-bit floats, which are computed as float32, are not supported");
    return rule_output(n, 0, (dtype)to, &n->in[0]->shape, err);
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0], *y = &c->out[0];
    int64_t count = shape_count(&x->shape);
    for (int64_t i = 0; i < count; i++) {
        unsigned char bits[8];
        if (x->f) convert_from_f64(bits, x->type, &x->f[i], 1);
        else convert_from_i64(bits, x->type, &x->i[i], 1);
        if (y->type == STRIA_BOOL) bits[0] = bits[0] != 0;
        if (y->f) convert_to_f64(&y->f[i], bits, y->type, 1);
        else convert_to_i64(&y->i[i], bits, y->type, 1);
    }
    return STRIA_OK;
}

static const op_case cases[] = {{"i32=0,1065353216,-1082130432,7:4", "to=1"},
                                {"i64=0,4607182418800017408:2", "to=11"},
                                {"u8=0,1,200,255:2x2", "to=3"},
                                {"bool=0,1:2", "to=2"},
                                {0}};

const op_def op_BitCast = {
    .name = "BitCast",
    .domain = "",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(bit_cast_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = rule_no_gradient,
    .cost = rule_no_cost,
    .reference = reference,
    .cases = cases,
    .float8 = true,
    .layouts = LAYOUT_PLAIN,
    .text = "y = the bits of x as another type",
};
