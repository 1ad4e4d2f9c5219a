/* Types and constants: Cast and Constant. */
#include <string.h>

#include "graph/float8.h"
#include "op/rule.h"
#include "op/shape.h"

#define ROUNDING ATTR(cast_attributes, saturate, ATTR_INT, "1"), ATTR(cast_attributes, round_mode, ATTR_STRING, NULL)
static const attr_field cast_fields[] = {{"to", ATTR_INT, offsetof(cast_attributes, to), NULL, true}, ROUNDING, {0}};
static const attr_field cast_like_fields[] = {ROUNDING, {0}};
static const attr_field constant_fields[] = {ATTR(constant_attributes, value, ATTR_TENSOR, NULL),
                                             ATTR(constant_attributes, value_ints, ATTR_INTS, NULL),
                                             ATTR(constant_attributes, value_floats, ATTR_FLOATS, NULL),
                                             ATTR(constant_attributes, value_int, ATTR_INT, "-9223372036854775808"),
                                             ATTR(constant_attributes, value_float, ATTR_FLOAT, "0"),
                                             {0}};

/* In the order of float8_round. */
static const char *const round_modes[] = {"up", "down", "nearest", NULL};

static int round_mode(const cast_attributes *a) {
    int i = 0;
    while (a->round_mode && round_modes[i] && strcmp(round_modes[i], a->round_mode) != 0) i++;
    return i;
}

static stria_status rounding_check(const node *n, stria_error *err) {
    const cast_attributes *a = n->attributes;
    if (!round_modes[round_mode(a)])
        FAIL(err, STRIA_BAD_ARGUMENT, "round_mode is '%s', expected up, down or nearest", a->round_mode);
    return STRIA_OK;
}

static stria_status cast_infer(node *n, stria_error *err) {
    int64_t to = ((const cast_attributes *)n->attributes)->to;
    if (to < 1 || to > 64 || dtype_bytes((dtype)to) == 0)
        FAIL(err, STRIA_UNSUPPORTED, "a cast to ONNX type %lld is not supported", (long long)to);
    TRY(rounding_check(n, err));
    return rule_output(n, 0, (dtype)to, &n->in[0]->shape, err);
}

static stria_status cast_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                  stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    dtype from = n->in[0]->type;
    if (wanted[0] && dtype_is_float(from) && dtype_is_float(n->out[0]->type))
        dx[0] = build1(&b, &op_Cast, dy[0], &(cast_attributes){.to = (int64_t)from, .saturate = 1});
    return b.status;
}

/* Element i as an integer, a bool or the code of an 8-bit float. */
static int64_t cast_whole(const ref_tensor *x, int64_t i, dtype to, float8_rule rule) {
    if (to == x->type) return x->i[i];
    if (dtype_is_float8(to)) return float8_code(to, ref_value(x, i), rule);
    if (to == STRIA_BOOL) return ref_value(x, i) != 0;
    bool real = x->f || dtype_is_float8(x->type);
    return real ? integer_of(to, ref_value(x, i)) : integer_wrap(to, x->i[i]);
}

static stria_status cast_reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0], *y = &c->out[0];
    const cast_attributes *a = c->attributes;
    float8_rule rule = {a->saturate != 0, (float8_round)round_mode(a)};
    int64_t count = shape_count(&y->shape);
    for (int64_t i = 0; i < count; i++)
        if (y->f) y->f[i] = ref_value(x, i);
        else y->i[i] = cast_whole(x, i, y->type, rule);
    return STRIA_OK;
}

static stria_status cast_like_infer(node *n, stria_error *err) {
    TRY(rounding_check(n, err));
    return rule_output(n, 0, n->in[1]->type, &n->in[0]->shape, err);
}

static stria_status constant_infer(node *n, stria_error *err) {
    const constant_attributes *a = n->attributes;
    shape scalar = shape_of(0, NULL);
    if (a->value) return rule_output(n, 0, a->value->type, &a->value->shape, err);
    if (a->value_ints.count) {
        shape list = shape_of(1, &a->value_ints.count);
        return rule_output(n, 0, STRIA_INT64, &list, err);
    }
    if (a->value_floats.count) {
        shape list = shape_of(1, &a->value_floats.count);
        return rule_output(n, 0, STRIA_FLOAT32, &list, err);
    }
    return rule_output(n, 0, a->value_int != INT64_MIN ? STRIA_INT64 : STRIA_FLOAT32, &scalar, err);
}

static stria_status constant_reference(const ref_call *c, stria_error *err) {
    const constant_attributes *a = c->attributes;
    ref_tensor *y = &c->out[0];
    int64_t count = shape_count(&y->shape);
    for (int64_t i = 0; i < count; i++)
        if (a->value && y->f) y->f[i] = tensor_f64(a->value, i);
        else if (a->value) y->i[i] = tensor_i64(a->value, i);
        else if (y->i) y->i[i] = a->value_ints.count ? a->value_ints.value[i] : a->value_int;
        else y->f[i] = (double)(a->value_floats.count ? a->value_floats.value[i] : a->value_float);
    return STRIA_OK;
}

static const op_case cast_cases[] = {{"2x3x4", "to=11"},
                                     {"-3..3:2x3x4", "to=7"},
                                     {"i64=0,1,-2:3", "to=1"},
                                     {"i64=0,1,-2:3", "to=9"},
                                     {"f=-0.5,0,300,-300:4", "to=2"},
                                     {"f=-0.5,0,300,-300:4", "to=3"},
                                     {"f=-0.5,0,0.25,-300:4", "to=9"},
                                     {"i64=256,-1,300,7:4", "to=2"},
                                     {"i32=0,1,-2:3", "to=1"},
                                     {"u8=0,1,200:3", "to=1"},
                                     {"f=0.3,-500,1e9,0:4", "to=17"},
                                     {"f=0.3,-500,1e9,0:4", "to=20 saturate=0"},
                                     {"f=0.3,500,1e9,0:4", "to=24 round_mode=nearest"},
                                     {"f8=56,200,127,0:4", "to=1"},
                                     {0}};
static const op_case cast_like_cases[] = {{"2x3x4, i64=1:1", ""}, {"i64=0,1,-2:3, 2x2", ""}, {0}};
static const op_case constant_cases[] = {
    {"", "value_ints=1,2,3"}, {"", "value_float=0.5"}, {"", "value_int=4"}, {"", "value_floats=0.5,2"}, {0}};

const op_def op_Cast = {
    .name = "Cast",
    .domain = "",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(cast_attributes),
    .fields = cast_fields,
    .infer = cast_infer,
    .gradient = cast_gradient,
    .reference = cast_reference,
    .cases = cast_cases,
    .float8 = true,
    .layouts = LAYOUT_SAME,
    .text = "y = x in another type; fractions are cut off, 8-bit floats rounded",
};

const op_def op_CastLike = {
    .name = "CastLike",
    .domain = "",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(cast_attributes),
    .fields = cast_like_fields,
    .infer = cast_like_infer,
    .gradient = cast_gradient,
    .reference = cast_reference,
    .cases = cast_like_cases,
    .float8 = true,
    .shape_inputs = 1 << 1,
    .layouts = LAYOUT_SAME,
    .text = "y = x in the type of `like`",
};

const op_def op_Constant = {
    .name = "Constant",
    .domain = "",
    .in_min = 0,
    .in_max = 0,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(constant_attributes),
    .fields = constant_fields,
    .infer = constant_infer,
    .gradient = rule_no_gradient,
    .cost = rule_no_cost,
    .reference = constant_reference,
    .cases = constant_cases,
    .float8 = true,
    .layouts = LAYOUT_PLAIN,
    .text = "y = the attribute that is set",
};
