/* Lp normalisation along one axis, and mean-variance normalisation, which is built of others. */
#include <math.h>

#include "op/lrn.h"
#include "op/reduce.h"
#include "op/rule.h"

static const attr_field lp_fields[] = {
    ATTR(lp_attributes, axis, ATTR_INT, "-1"), ATTR(lp_attributes, p, ATTR_INT, "2"), {0}};
typedef struct variance_attributes {
    ints axes;
} variance_attributes;
static const attr_field variance_fields[] = {ATTR(variance_attributes, axes, ATTR_INTS, "0,2,3"), {0}};

static stria_status lp_infer(node *n, stria_error *err) {
    const lp_attributes *a = n->attributes;
    int axis;
    TRY(rule_floats(n, 0, err));
    TRY(rule_axis(a->axis, n->in[0]->shape.rank, &axis, err));
    if (a->p != 1 && a->p != 2) FAIL(err, STRIA_UNSUPPORTED, "p is %lld, expected 1 or 2", (long long)a->p);
    return rule_like(n, 0, err);
}

/* dx = (dy − slope · Σ dy·y) / ‖x‖, slope = ∂‖x‖/∂x: y, or the sign of x for p = 1. A row of zeros gets 0. */
static stria_status lp_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    const lp_attributes *a = n->attributes;
    const reduce_attributes keep = {.keepdims = 1, .noop_with_empty_axes = 0};
    value *x = n->in[0], *y = n->out[0], *axis = build_i64(&b, &a->axis, 1);
    if (!wanted[0]) return b.status;
    value *norm = build2(&b, a->p == 1 ? &op_ReduceL1 : &op_ReduceL2, x, axis, &keep);
    value *sum = build2(&b, &op_ReduceSum, build2(&b, &op_Mul, dy[0], y, NULL), axis, &keep);
    value *slope = a->p == 1 ? build1(&b, &op_Sign, x, NULL) : y;
    value *across = build2(&b, &op_Sub, dy[0], build2(&b, &op_Mul, slope, sum, NULL), NULL);
    value *zero = build_scalar(&b, x->type, 0), *none = build2(&b, &op_Equal, norm, zero, NULL);
    value *share = build1(&b, &op_Reciprocal, norm, NULL);
    if (none && share)
        dx[0] = build2(&b, &op_Mul, across, build(&b, &op_Where, (value *[]){none, zero, share}, 3, NULL), NULL);
    return b.status;
}

/* A row of elements a stride apart; a row whose norm is 0 gives 0. */
static void lp_row(int64_t p, const double *x, double *y, int64_t count, int64_t stride) {
    double norm = 0;
    for (int64_t i = 0; i < count; i++) norm += p == 1 ? fabs(x[i * stride]) : x[i * stride] * x[i * stride];
    if (p == 2) norm = sqrt(norm);
    for (int64_t i = 0; i < count; i++) y[i * stride] = norm == 0 ? 0 : x[i * stride] / norm;
}

static stria_status lp_reference(const ref_call *c, stria_error *err) {
    const lp_attributes *a = c->attributes;
    const shape *s = &c->in[0].shape;
    int axis;
    TRY(rule_axis(a->axis, s->rank, &axis, err));
    int64_t count = s->dim[axis], inner = shape_span(s, axis + 1, s->rank), outer = shape_span(s, 0, axis);
    for (int64_t i = 0; i < outer * inner; i++) {
        int64_t at = i / inner * count * inner + i % inner;
        lp_row(a->p, c->in[0].f + at, c->out[0].f + at, count, inner);
    }
    return STRIA_OK;
}

/* ---- (x − mean) / (√(mean (x − mean)²) + 1e-9) ---- */

static stria_status variance_axes(const node *n, int64_t list[RANK_MAX], int *count, stria_error *err) {
    const ints *axes = &((const variance_attributes *)n->attributes)->axes;
    bool seen[RANK_MAX] = {false};
    *count = 0;
    for (int64_t i = 0; i < axes->count; i++) {
        int axis;
        TRY(rule_axis(axes->value[i], n->in[0]->shape.rank, &axis, err));
        if (seen[axis]) FAIL(err, STRIA_BAD_SHAPE, "axis %lld is given twice", (long long)axes->value[i]);
        seen[axis] = true;
        list[(*count)++] = axis;
    }
    return STRIA_OK;
}

static stria_status variance_infer(node *n, stria_error *err) {
    int64_t list[RANK_MAX];
    int count;
    TRY(rule_floats(n, 0, err));
    TRY(variance_axes(n, list, &count, err));
    return rule_like(n, 0, err);
}

static stria_status variance_reference(const ref_call *c, stria_error *err) {
    const shape *s = &c->in[0].shape;
    int64_t list[RANK_MAX], stride[RANK_MAX], count = shape_count(s);
    int axes;
    double *mean;
    shape sets = *s;
    TRY(variance_axes(c->node, list, &axes, err));
    for (int i = 0; i < axes; i++) sets.dim[list[i]] = 1;
    size_t set_count = (size_t)shape_count(&sets);
    double m = (double)count / (double)set_count;
    TRY(mem_new(&mean, 2 * set_count + 1, sizeof *mean, "the reference", err));
    broadcast_strides(&sets, s, stride);
    double *variance = mean + set_count;
    for (int64_t i = 0; i < count; i++) mean[strided_offset(i, s, stride)] += c->in[0].f[i] / m;
    for (int64_t i = 0; i < count; i++) {
        int64_t k = strided_offset(i, s, stride);
        variance[k] += (c->in[0].f[i] - mean[k]) * (c->in[0].f[i] - mean[k]) / m;
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t k = strided_offset(i, s, stride);
        c->out[0].f[i] = (c->in[0].f[i] - mean[k]) / (sqrt(variance[k]) + 1e-9);
    }
    mem_free(mean);
    return STRIA_OK;
}

static stria_status variance_expand(graph *g, const node *n, value **out, stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    int64_t list[RANK_MAX];
    int count;
    TRY(variance_axes(n, list, &count, err));
    value *axes = build_i64(&b, list, count), *mean;
    const reduce_attributes keep = {.keepdims = 1, .noop_with_empty_axes = 0};
    mean = build2(&b, &op_ReduceMean, n->in[0], axes, &keep);
    value *centred = build2(&b, &op_Sub, n->in[0], mean, NULL);
    value *variance = build2(&b, &op_ReduceMean, build2(&b, &op_Mul, centred, centred, NULL), axes, &keep);
    value *deviation = build1(&b, &op_Sqrt, variance, NULL), *least = build_scalar(&b, n->in[0]->type, 1e-9);
    out[0] = build2(&b, &op_Div, centred, build2(&b, &op_Add, deviation, least, NULL), NULL);
    return b.status;
}

static const op_case lp_cases[] = {{"4x10", ""}, {"2x3x4x5", "axis=1 p=1"}, {"3x4", "axis=0"}, {"5x33", "p=1"}, {0}};
static const op_case variance_cases[] = {{"2x3x4x5", ""}, {"4x9", "axes=-1"}, {"2x5x3", "axes=0,2"}, {0}};

const op_def op_LpNormalization = {
    .name = "LpNormalization",
    .domain = "",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(lp_attributes),
    .fields = lp_fields,
    .infer = lp_infer,
    .gradient = lp_gradient,
    .reference = lp_reference,
    .cases = lp_cases,
    .layouts = LAYOUT_SAME,
    .text = "y = x / (Σ |x|^p)^(1/p) along the axis, 0 where that is 0; p is 1 or 2",
};

const op_def op_MeanVarianceNormalization = {
    .name = "MeanVarianceNormalization",
    .domain = "",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(variance_attributes),
    .fields = variance_fields,
    .infer = variance_infer,
    .reference = variance_reference,
    .cases = variance_cases,
    .expand = variance_expand,
    .text = "y = (x − mean) / (√variance + 1e-9) over the axes",
};
