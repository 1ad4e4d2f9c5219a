/* Tensors made of numbers only: ConstantOfShape and Range. */
#include <math.h>

#include "op/rule.h"
#include "op/shape.h"

static const attr_field filled_fields[] = {ATTR(filled_attributes, value, ATTR_TENSOR, NULL), {0}};

/* ---- ConstantOfShape ---- */

static stria_status filled_infer(node *n, stria_error *err) {
    const tensor *t = ((const filled_attributes *)n->attributes)->value;
    shape y = {0};
    TRY(rule_ints(n, 0, "shape", y.dim, RANK_MAX, &y.rank, err));
    if (t && shape_count(&t->shape) != 1)
        FAIL(err, STRIA_BAD_SHAPE, "the value has %lld element%s, expected one", (long long)shape_count(&t->shape),
             text_s(shape_count(&t->shape)));
    for (int d = 0; d < y.rank; d++)
        if (y.dim[d] < 0) FAIL(err, STRIA_BAD_SHAPE, "dimension %d has size %lld", d, (long long)y.dim[d]);
    return rule_output(n, 0, t ? t->type : STRIA_FLOAT32, &y, err);
}

static stria_status filled_reference(const ref_call *c, stria_error *err) {
    const tensor *t = ((const filled_attributes *)c->attributes)->value;
    ref_tensor *y = &c->out[0];
    int64_t count = shape_count(&y->shape);
    for (int64_t i = 0; i < count; i++)
        if (y->f) y->f[i] = t ? tensor_f64(t, 0) : 0;
        else y->i[i] = tensor_i64(t, 0);
    return STRIA_OK;
}

/* ---- Range ---- */

/* How many numbers start, start + delta, … are before limit. */
static stria_status range_count(const tensor *const t[3], int64_t *count, stria_error *err) {
    if (dtype_is_float(t[0]->type)) {
        double delta = tensor_f64(t[2], 0), steps = ceil((tensor_f64(t[1], 0) - tensor_f64(t[0], 0)) / delta);
        if (delta == 0 || !isfinite(steps) || steps >= 0x1p62)
            FAIL(err, STRIA_BAD_SHAPE, "a range from %g to %g cannot step by %g", tensor_f64(t[0], 0),
                 tensor_f64(t[1], 0), delta);
        *count = steps > 0 ? (int64_t)steps : 0;
        return STRIA_OK;
    }
    int64_t start = tensor_i64(t[0], 0), limit = tensor_i64(t[1], 0), delta = tensor_i64(t[2], 0), span;
    if (delta == 0 || delta == INT64_MIN || __builtin_sub_overflow(limit, start, &span) || span == INT64_MIN)
        FAIL(err, STRIA_BAD_SHAPE, "a range from %lld to %lld cannot step by %lld", (long long)start, (long long)limit,
             (long long)delta);
    if (delta < 0) span = -span, delta = -delta;
    *count = span > 0 ? (span - 1) / delta + 1 : 0;
    return STRIA_OK;
}

static stria_status range_infer(node *n, stria_error *err) {
    static const char *const what[3] = {"start", "limit", "delta"};
    const tensor *t[3];
    int64_t count;
    for (int i = 0; i < 3; i++) {
        TRY(rule_same_type(n, 0, i, err));
        if (!(t[i] = value_contents(n->in[i])))
            FAIL(err, STRIA_UNSUPPORTED, "the input %s ('%s') must be constant", what[i], n->in[i]->name);
        if (shape_count(&t[i]->shape) != 1)
            FAIL(err, STRIA_BAD_SHAPE, "the input %s has %lld element%s, expected one", what[i],
                 (long long)shape_count(&t[i]->shape), text_s(shape_count(&t[i]->shape)));
    }
    TRY(range_count(t, &count, err));
    shape y = shape_of(1, &count);
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status range_reference(const ref_call *c, stria_error *err) {
    ref_tensor *y = &c->out[0];
    for (int64_t i = 0; i < y->shape.dim[0]; i++)
        if (y->f) y->f[i] = c->in[0].f[0] + (double)i * c->in[2].f[0];
        else y->i[i] = (int64_t)((uint64_t)c->in[0].i[0] + (uint64_t)i * (uint64_t)c->in[2].i[0]);
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case filled_cases[] = {{"i64=2,3:2", ""}, {"i64=:0", ""}, {"i64=0,2:2", ""}, {"i64=70,33:2", ""}, {0}};
static const op_case range_cases[] = {
    {"f=1, f=5, f=1.5", ""}, {"i64=10, i64=-3, i64=-4", ""}, {"i32=2, i32=2, i32=1", ""}, {"f=3, f=1, f=0.5", ""}, {0}};

const op_def op_ConstantOfShape = {
    .name = "ConstantOfShape",
    .domain = "",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(filled_attributes),
    .fields = filled_fields,
    .infer = filled_infer,
    .gradient = rule_no_gradient,
    .cost = rule_no_cost,
    .reference = filled_reference,
    .cases = filled_cases,
    .float8 = true,
    .value_inputs = 1 << 0,
    .layouts = LAYOUT_PLAIN,
    .text = "y[i] = value, in the given shape",
};

const op_def op_Range = {
    .name = "Range",
    .domain = "",
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = range_infer,
    .gradient = rule_no_gradient,
    .cost = rule_no_cost,
    .reference = range_reference,
    .cases = range_cases,
    .value_inputs = 1 << 0 | 1 << 1 | 1 << 2,
    .layouts = LAYOUT_PLAIN,
    .text = "y[i] = start + i · delta, as long as it lies before limit",
};
