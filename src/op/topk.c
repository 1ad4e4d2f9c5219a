/* The k greatest or least elements along one dimension, in order, and where they are. Of equal ones the first comes
 * first; NaN counts as greatest. With sorted=0 any order is allowed: it is the same. */
#include <math.h>

#include "op/arg.h"
#include "op/rule.h"

static const attr_field fields[] = {ATTR(topk_attributes, axis, ATTR_INT, "-1"),
                                    ATTR(topk_attributes, largest, ATTR_INT, "1"),
                                    ATTR(topk_attributes, sorted, ATTR_INT, "1"),
                                    {0}};

/* ---- shapes ---- */

static stria_status infer(node *n, stria_error *err) {
    shape y = n->in[0]->shape;
    int64_t k;
    int axis, count;
    char text[192];
    TRY(rule_axis(((const topk_attributes *)n->attributes)->axis, y.rank, &axis, err));
    TRY(rule_ints(n, 1, "k", &k, 1, &count, err));
    if (count != 1) FAIL(err, STRIA_BAD_SHAPE, "the input k has %d entr%s, expected 1", count, text_ies(count));
    if (n->in[0]->type == STRIA_BOOL) FAIL(err, STRIA_BAD_SHAPE, "input is bool, expected numbers");
    if (k < 0 || k > y.dim[axis])
        FAIL(err, STRIA_BAD_SHAPE, "k is %lld, but axis %d of %s has %lld element%s", (long long)k, axis,
             shape_text(&y, text), (long long)y.dim[axis], text_s(y.dim[axis]));
    y.dim[axis] = k;
    TRY(rule_output(n, 0, n->in[0]->type, &y, err));
    return rule_output(n, 1, STRIA_INT64, &y, err);
}

static stria_status infer_gradient(node *n, stria_error *err) {
    const shape *x = &n->in[2]->shape;
    shape y = *x;
    int axis;
    TRY(rule_float(n, 0, "dy", err));
    TRY(rule_axis(((const topk_attributes *)n->attributes)->axis, x->rank, &axis, err));
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &n->in[1]->shape, "the indices", err));
    if (n->in[0]->shape.rank == x->rank) y.dim[axis] = n->in[0]->shape.dim[axis];
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "the result", err));
    if (n->in[1]->type != STRIA_INT64) FAIL(err, STRIA_BAD_SHAPE, "indices are not int64");
    return rule_output(n, 0, n->in[0]->type, x, err);
}

/* ---- gradient ---- */

/* dx = dy where the elements came from. If the indices were not an output, they are computed again. */
static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *indices = n->out_count > 1 ? n->out[1] : NULL;
    node *again;
    if (!wanted[0] || !dy[0]) return STRIA_OK;
    if (!indices) {
        TRY(graph_add_node(g, &op_TopK, NULL, n->in, 2, n->attributes, 2, NULL, &again, err));
        indices = again->out[1];
    }
    dx[0] = build(&b, &op_TopKGradient, (value *[]){dy[0], indices, n->in[0]}, 3, n->attributes);
    return b.status;
}

/* Of the reference: every result is looked for among all of its line. */
static op_cost cost(const node *n) {
    const shape *x = &n->in[0]->shape;
    int axis = 0;
    (void)rule_axis(((const topk_attributes *)n->attributes)->axis, x->rank, &axis, NULL);
    return (op_cost){0, size_mul(shape_count(&n->out[0]->shape), x->rank ? x->dim[axis] : 1)};
}

/* ---- references ---- */

/* Element p comes before element q. */
static bool before(const ref_tensor *x, int64_t p, int64_t q, bool largest) {
    if (x->f) {
        double a = x->f[p], b = x->f[q];
        if (isnan(a) != isnan(b)) return isnan(a) == largest;
        if (a != b && !isnan(a)) return (a > b) == largest;
    } else if (x->i[p] != x->i[q]) {
        bool greater = integer_less(x->type, x->i[q], x->i[p]);
        return greater == largest;
    }
    return p < q;
}

/* The first of n elements that comes after `last` (−1: any). */
static int64_t next(const ref_tensor *x, int64_t at, int64_t n, int64_t step, int64_t last, bool largest) {
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++) {
        int64_t here = at + i * step;
        if (last >= 0 && !before(x, at + last * step, here, largest)) continue;
        if (best < 0 || before(x, here, at + best * step, largest)) best = i;
    }
    return best;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const ref_tensor *x = &c->in[0];
    int axis = arg_axis_of(c->node);
    int64_t n = x->shape.dim[axis], k = c->out[0].shape.dim[axis], runs = shape_span(&x->shape, 0, axis);
    int64_t inner = shape_span(&x->shape, axis + 1, x->shape.rank);
    bool largest = ((const topk_attributes *)c->attributes)->largest != 0;
    for (int64_t i = 0; i < runs * inner; i++) {
        int64_t from = i / inner * n * inner + i % inner, to = i / inner * k * inner + i % inner, last = -1;
        for (int64_t r = 0; r < k; r++) {
            last = next(x, from, n, inner, last, largest);
            ref_copy(&c->out[0], to + r * inner, x, from + last * inner);
            if (c->out_count > 1 && c->out[1].i) c->out[1].i[to + r * inner] = last;
        }
    }
    return STRIA_OK;
}

static stria_status reference_gradient(const ref_call *c, stria_error *err) {
    int axis = arg_axis_of(c->node);
    const shape *x = &c->out[0].shape;
    int64_t n = x->dim[axis], k = c->in[0].shape.dim[axis], inner = shape_span(x, axis + 1, x->rank);
    int64_t count = shape_count(&c->in[0].shape);
    ref_zero(&c->out[0]);
    for (int64_t i = 0; i < count; i++) {
        int64_t run = i / inner / k, at = c->in[1].i[i];
        if (at >= 0 && at < n) c->out[0].f[(run * n + at) * inner + i % inner] = c->in[0].f[i];
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case cases[] = {{"3x10, i64=4:1", ""},
                                {"3x10, i64=10:1", "largest=0"},
                                {"2x7x4x5, i64=3:1", "axis=1"},
                                {"2x3x40, i64=1:1", "axis=2 sorted=0"},
                                {"5x3, i64=0:1", ""},
                                {"i64=1,9,9,-4:4, i64=2:1", ""},
                                {0}};
static const op_case gradient_cases[] = {
    {"2x3, i64=3,0,1,2,3,0:2x3, 2x4", ""}, {"2x2x3, i64=1,0,1,3,3,0,0,1,2,3,2,1:2x2x3, 2x4x3", "axis=1"}, {0}};

const op_def op_TopK = {
    .name = "TopK",
    .domain = "",
    .in_min = 2,
    .in_max = 2,
    .out_min = 2,
    .out_max = 2,
    .attribute_bytes = sizeof(topk_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = gradient,
    .cost = cost,
    .reference = reference,
    .cases = cases,
    .value_inputs = 1 << 1,
    .layouts = LAYOUT_STRIDED,
    .note = "Of equal elements the one with the lower index comes first; PyTorch promises no order.",
    .text = "y = the k greatest (least) x along the axis in order, equal ones by index; indices: where they were",
};

const op_def op_TopKGradient = {
    .name = "TopKGradient",
    .domain = "stria",
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(topk_attributes),
    .fields = fields,
    .infer = infer_gradient,
    .reference = reference_gradient,
    .cost = cost,
    .cases = gradient_cases,
    .shape_inputs = 1 << 2,
    .layouts = LAYOUT_STRIDED,
    .text = "dx = dy at the indices, else 0",
};
