/* Sums over dimensions and their opposites: ReduceSum, ReduceMean, and of domain "stria" ReduceTo, ExpandTo; Expand. */
#include "op/reduce.h"

#include "op/rule.h"
#include "op/shape.h"

static const attr_field reduce_fields[] = {ATTR(reduce_attributes, keepdims, ATTR_INT, "1"),
                                           ATTR(reduce_attributes, noop_with_empty_axes, ATTR_INT, "0"),
                                           {0}};
static const attr_field expand_fields[] = {ATTR(expand_attributes, mean, ATTR_INT, "0"), {0}};

/* ---- shapes ---- */

/* No axes mean all of them, or none with noop_with_empty_axes. */
static stria_status reduced(const node *n, bool axis[RANK_MAX], stria_error *err) {
    const reduce_attributes *a = n->attributes;
    bool given;
    int rank = n->in[0]->shape.rank;
    TRY(rule_axes(n, 1, rank, axis, &given, err));
    for (int d = 0; d < rank && !given; d++) axis[d] = a->noop_with_empty_axes == 0;
    return STRIA_OK;
}

void reduce_axes_of(const node *n, bool axis[RANK_MAX]) {
    (void)reduced(n, axis, NULL);
}

static stria_status reduce_infer(node *n, stria_error *err) {
    const shape *x = &n->in[0]->shape;
    bool keep = ((const reduce_attributes *)n->attributes)->keepdims != 0, axis[RANK_MAX];
    shape y = {0};
    TRY(reduced(n, axis, err));
    for (int d = 0; d < x->rank; d++)
        if (!axis[d] || keep) y.dim[y.rank++] = axis[d] ? 1 : x->dim[d];
    if (n->in[0]->type == STRIA_BOOL) FAIL(err, STRIA_BAD_SHAPE, "input is bool, expected numbers");
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* `small` broadcasts to exactly `large`. */
static stria_status check_expands(const shape *small, const shape *large, stria_error *err) {
    char ts[192], tl[192];
    shape together;
    if (!shape_broadcast(small, large, &together) || !shape_equal(&together, large))
        FAIL(err, STRIA_BAD_SHAPE, "%s does not broadcast to %s", shape_text(small, ts), shape_text(large, tl));
    return STRIA_OK;
}

static stria_status reduce_to_infer(node *n, stria_error *err) {
    TRY(check_expands(&n->in[1]->shape, &n->in[0]->shape, err));
    return rule_output(n, 0, n->in[0]->type, &n->in[1]->shape, err);
}

static stria_status expand_to_infer(node *n, stria_error *err) {
    TRY(check_expands(&n->in[0]->shape, &n->in[1]->shape, err));
    return rule_output(n, 0, n->in[0]->type, &n->in[1]->shape, err);
}

static stria_status expand_infer(node *n, stria_error *err) {
    char tx[192], ty[192];
    shape asked = {0}, y;
    TRY(rule_ints(n, 1, "shape", asked.dim, RANK_MAX, &asked.rank, err));
    if (shape_count(&asked) < 0 || !shape_broadcast(&n->in[0]->shape, &asked, &y))
        FAIL(err, STRIA_BAD_SHAPE, "%s does not broadcast to %s", shape_text(&n->in[0]->shape, tx),
             shape_text(&asked, ty));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* ---- gradients ---- */

/* dx repeats dy along the axes; over their number for a mean. */
static stria_status reduce_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                    stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    bool axis[RANK_MAX], keep = ((const reduce_attributes *)n->attributes)->keepdims != 0;
    int64_t list[RANK_MAX];
    int count = 0;
    TRY(reduced(n, axis, err));
    for (int d = 0; d < n->in[0]->shape.rank && !keep; d++)
        if (axis[d]) list[count++] = d;
    value *column = build_unsqueeze(&b, dy[0], list, count);
    if (wanted[0]) dx[0] = build2(&b, &op_ExpandTo, column, n->in[0], &(expand_attributes){n->op == &op_ReduceMean});
    return b.status;
}

static stria_status reduce_to_gradient(graph *g, const node *n, value *const *e, const bool *wanted, value **d,
                                       stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) d[0] = build2(&b, &op_ExpandTo, e[0], n->in[0], NULL);
    return b.status;
}

static stria_status expand_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                    stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) dx[0] = build_reduce_to(&b, dy[0], n->in[0]);
    return b.status;
}

static stria_status expand_to_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                       stria_error *err) {
    if (((const expand_attributes *)n->attributes)->mean)
        FAIL(err, STRIA_UNSUPPORTED, "the gradient of a mean has no second derivative");
    return expand_gradient(g, n, dy, wanted, dx, err);
}

static op_cost reduce_cost(const node *n) {
    return (op_cost){0, shape_count(&n->in[0]->shape)};
}

/* ---- references ---- */

/* y[…] += x[…], y repeated by `stride` over x's shape; then divided by `over`. */
static void sum_into(const ref_tensor *x, ref_tensor *y, const int64_t stride[RANK_MAX], int64_t over) {
    int64_t count = shape_count(&x->shape), outputs = shape_count(&y->shape);
    for (int64_t i = 0; i < outputs; i++)
        if (y->f) y->f[i] = 0;
        else y->i[i] = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = strided_offset(i, &x->shape, stride);
        if (y->f) y->f[at] += x->f[i];
        else y->i[at] = (int64_t)((uint64_t)y->i[at] + (uint64_t)x->i[i]);
    }
    for (int64_t i = 0; i < outputs; i++)
        if (y->f) y->f[i] /= (double)over;
        else if (over != 0) y->i[i] = integer_wrap(y->type, y->i[i] / over);
}

static stria_status reduce_reference(const ref_call *c, stria_error *err) {
    (void)err;
    const shape *x = &c->in[0].shape;
    bool axis[RANK_MAX];
    int64_t stride[RANK_MAX], over = 1;
    shape kept = *x;
    reduce_axes_of(c->node, axis);
    for (int d = 0; d < x->rank; d++)
        if (axis[d]) over *= x->dim[d], kept.dim[d] = 1;
    broadcast_strides(&kept, x, stride);
    sum_into(&c->in[0], &c->out[0], stride, c->node->op == &op_ReduceMean ? over : 1);
    return STRIA_OK;
}

static stria_status reduce_to_reference(const ref_call *c, stria_error *err) {
    (void)err;
    int64_t stride[RANK_MAX];
    broadcast_strides(&c->out[0].shape, &c->in[0].shape, stride);
    sum_into(&c->in[0], &c->out[0], stride, 1);
    return STRIA_OK;
}

static stria_status expand_reference(const ref_call *c, stria_error *err) {
    (void)err;
    ref_tensor *y = &c->out[0];
    int64_t stride[RANK_MAX], count = shape_count(&y->shape), have = shape_count(&c->in[0].shape);
    broadcast_strides(&c->in[0].shape, &y->shape, stride);
    for (int64_t i = 0; i < count; i++) ref_copy(y, i, &c->in[0], strided_offset(i, &y->shape, stride));
    if (c->node->op == &op_ExpandTo && ((const expand_attributes *)c->attributes)->mean && y->f)
        for (int64_t i = 0; i < count; i++) y->f[i] *= (double)have / (double)count;
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case reduce_cases[] = {{"2x3x4x5, i64=0,2,3:3", "keepdims=0"},
                                       {"2x3x4x5, i64=1:1", ""},
                                       {"2x3x4, i64=-1:1", "keepdims=0"},
                                       {"2x3x4", ""},
                                       {"2x3x4", "keepdims=0"},
                                       {"2x3x4", "noop_with_empty_axes=1"},
                                       {"i64=1,2,3,4:2x2, i64=0:1", "keepdims=0"},
                                       {0}};
static const op_case reduce_to_cases[] = {{"2x3x4x5, 3x1x1", ""}, {"2x3x4x5, 5", ""}, {"3x4, :", ""},
                                          {"2x3, 1x3", ""},       {"65x33, 33", ""},  {0}};
static const op_case expand_to_cases[] = {
    {"3x1x1, 2x3x4x5", ""}, {"5, 2x3x4x5", ""}, {":, 3x4", ""}, {"2x1, 2x3", ""}, {0}};
static const op_case expand_cases[] = {{"3x1, i64=2,1,4:3", ""}, {"3x4, i64=1:1", ""}, {":, i64=2,3:2", ""}, {0}};

#define REDUCE(op_name)                                                                                                \
    .name = op_name, .domain = "", .in_min = 1, .in_max = 2, .out_min = 1, .out_max = 1,                               \
    .attribute_bytes = sizeof(reduce_attributes), .fields = reduce_fields, .infer = reduce_infer,                      \
    .gradient = reduce_gradient, .cost = reduce_cost, .reference = reduce_reference, .cases = reduce_cases,            \
    .value_inputs = 1 << 1, .layouts = LAYOUT_STRIDED

const op_def op_ReduceSum = {REDUCE("ReduceSum"), .text = "y = Σ x over the axes"};
const op_def op_ReduceMean = {REDUCE("ReduceMean"), .text = "y = Σ x over the axes / how many were added"};

const op_def op_ReduceTo = {
    .name = "ReduceTo",
    .domain = "stria",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = reduce_to_infer,
    .gradient = reduce_to_gradient,
    .cost = reduce_cost,
    .reference = reduce_to_reference,
    .cases = reduce_to_cases,
    .shape_inputs = 1 << 1,
    .layouts = LAYOUT_STRIDED,
    .text = "y = Σ x over what broadcasting repeated, to the shape of `like`",
};

const op_def op_ExpandTo = {
    .name = "ExpandTo",
    .domain = "stria",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(expand_attributes),
    .fields = expand_fields,
    .infer = expand_to_infer,
    .gradient = expand_to_gradient,
    .cost = rule_no_cost,
    .reference = expand_reference,
    .cases = expand_to_cases,
    .shape_inputs = 1 << 1,
    .layouts = LAYOUT_STRIDED,
    .text = "y = x repeated to the shape of `like`; with mean=1 over how often",
};

const op_def op_Expand = {
    .name = "Expand",
    .domain = "",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = expand_infer,
    .gradient = expand_gradient,
    .cost = rule_no_cost,
    .reference = expand_reference,
    .cases = expand_cases,
    .value_inputs = 1 << 1,
    .layouts = LAYOUT_STRIDED,
    .text = "y = x repeated to the given shape",
};
