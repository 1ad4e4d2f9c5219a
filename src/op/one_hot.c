/* OneHot(indices, depth, [off, on]): y[…, k, …] = k = indices[…] ? on : off, the new dimension at axis. Negative
 * indices count from the end; what is outside is off everywhere. */
#include <math.h>

#include "op/reduce.h"
#include "op/rule.h"
#include "op/shape.h"

static const attr_field fields[] = {ATTR(axis_attributes, axis, ATTR_INT, "-1"), {0}};

static stria_status infer(node *n, stria_error *err) {
    char text[192];
    const value *depth = n->in[1];
    const tensor *t = value_contents(depth);
    const shape *x = &n->in[0]->shape;
    shape y = {0};
    int axis;
    if (!t) FAIL(err, STRIA_UNSUPPORTED, "the input depth ('%s') must be constant", depth->name);
    double size = shape_count(&t->shape) == 1 ? tensor_f64(t, 0) : -1;
    if (!(size >= 0 && size <= 0x1p53) || size != floor(size))
        FAIL(err, STRIA_BAD_SHAPE, "the input depth is %g with shape %s, expected one whole number", size,
             shape_text(&t->shape, text));
    if (n->in[2]->shape.rank != 1 || n->in[2]->shape.dim[0] != 2)
        FAIL(err, STRIA_BAD_SHAPE, "values are %s, expected [2]: off and on", shape_text(&n->in[2]->shape, text));
    if (x->rank == RANK_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "the result would have rank %d, at most %d is supported", x->rank + 1, RANK_MAX);
    y.rank = x->rank + 1;
    TRY(rule_axis(((const axis_attributes *)n->attributes)->axis, y.rank, &axis, err));
    for (int d = 0, from = 0; d < y.rank; d++) y.dim[d] = d == axis ? (int64_t)size : x->dim[from++];
    return rule_output(n, 0, n->in[2]->type, &y, err);
}

/* d on = Σ dy where it is on, d off = Σ dy where it is not. */
static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    reduce_attributes all = {0, 0};
    int64_t first = 0;
    if (!wanted[2] || !dtype_is_float(n->in[2]->type)) return STRIA_OK;
    value *pair[2] = {build_scalar(&b, n->in[2]->type, 0), build_scalar(&b, n->in[2]->type, 1)};
    for (int i = 0; i < 2; i++) pair[i] = build_unsqueeze(&b, pair[i], &first, 1);
    value *values = build(&b, &op_Concat, pair, 2, &(axis_attributes){0});
    value *hits = build(&b, &op_OneHot, (value *[]){n->in[0], n->in[1], values}, 3, n->attributes);
    value *on = build1(&b, &op_ReduceSum, build2(&b, &op_Mul, dy[0], hits, NULL), &all);
    value *off = build2(&b, &op_Sub, build1(&b, &op_ReduceSum, dy[0], &all), on, NULL);
    value *sums[2] = {build_unsqueeze(&b, off, &first, 1), build_unsqueeze(&b, on, &first, 1)};
    dx[2] = build(&b, &op_Concat, sums, 2, &(axis_attributes){0});
    return b.status;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    int axis;
    const shape *y = &c->out[0].shape;
    TRY(rule_axis(((const axis_attributes *)c->attributes)->axis, y->rank, &axis, err));
    int64_t depth = y->dim[axis], inner = shape_span(y, axis + 1, y->rank), count = shape_count(y);
    for (int64_t i = 0; i < count; i++) {
        int64_t k = i / inner % depth, at = i / inner / depth * inner + i % inner;
        int64_t index = c->in[0].f ? integer_of(STRIA_INT64, c->in[0].f[at]) : c->in[0].i[at];
        ref_copy(&c->out[0], i, &c->in[2], index == k || (index < 0 && index + depth == k));
    }
    return STRIA_OK;
}

static const op_case cases[] = {{"i64=1,9,-3,0:2x2, i64=4, f=0.5,2:2", "axis=1"},
                                {"i64=0,7,8:3, i64=10:1, f=2,5:2", ""},
                                {"i32=3,1,-1,2,0,9:3x2, i64=4, i64=0,1:2", "axis=0"},
                                {"f=1.5,2.5,-1.5:3, f=3, f=0,1:2", "axis=-2"},
                                {"i64=2, i64=3, f=0,1:2", ""},
                                {0}};

const op_def op_OneHot = {
    .name = "OneHot",
    .domain = "",
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(axis_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = gradient,
    .cost = rule_no_cost,
    .reference = reference,
    .cases = cases,
    .value_inputs = 1 << 1,
    .layouts = LAYOUT_PLAIN,
    .text = "y[…, k, …] = on where k = indices[…], else off",
};
