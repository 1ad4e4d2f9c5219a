/* Tile: y[i] = x[i mod size], along every dimension. */
#include "op/reduce.h"
#include "op/rule.h"

static stria_status tile_infer(node *n, stria_error *err) {
    char text[192];
    int64_t repeats[RANK_MAX];
    int count;
    shape y = n->in[0]->shape;
    TRY(rule_ints(n, 1, "repeats", repeats, RANK_MAX, &count, err));
    if (count != y.rank) FAIL(err, STRIA_BAD_SHAPE, "there are %d repeats for a tensor of rank %d", count, y.rank);
    for (int d = 0; d < y.rank; d++)
        if (repeats[d] < 0 || __builtin_mul_overflow(y.dim[d], repeats[d], &y.dim[d]))
            FAIL(err, STRIA_BAD_SHAPE, "dimension %d of %s cannot be repeated %lld times", d,
                 shape_text(&n->in[0]->shape, text), (long long)repeats[d]);
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* dy summed over the repetitions, a dimension after the other: as [before, repeats, size and the rest]. */
static stria_status tile_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                  stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    const shape *x = &n->in[0]->shape, *y = &n->out[0]->shape;
    int64_t middle = 1;
    value *d = dy[0];
    if (!wanted[0]) return STRIA_OK;
    for (int k = 0; k < x->rank; k++) {
        if (y->dim[k] == x->dim[k]) continue;
        if (shape_count(y) == 0) { /* nothing was repeated, or nothing is left of it */
            dx[0] = build2(&b, &op_ExpandTo, build_scalar(&b, n->in[0]->type, 0), n->in[0], NULL);
            return b.status;
        }
        int64_t split[3] = {shape_span(x, 0, k), y->dim[k] / x->dim[k], x->dim[k] * shape_span(y, k + 1, y->rank)};
        d = build2(&b, &op_Reshape, d, build_i64(&b, split, 3), NULL);
        d = build2(&b, &op_ReduceSum, d, build_i64(&b, &middle, 1), &(reduce_attributes){0, 0});
    }
    dx[0] = build_reshape_to(&b, d, n->in[0]);
    return b.status;
}

static stria_status tile_reference(const ref_call *c, stria_error *err) {
    const shape *x = &c->in[0].shape, *y = &c->out[0].shape;
    int64_t count = shape_count(y);
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i, at = 0, stride = 1;
        for (int d = y->rank - 1; d >= 0; rest /= y->dim[d--]) {
            at += rest % y->dim[d] % x->dim[d] * stride;
            stride *= x->dim[d];
        }
        ref_copy(&c->out[0], i, &c->in[0], at);
    }
    return STRIA_OK;
}

static const op_case tile_cases[] = {{"2x3x4, i64=1,2,3:3", ""},
                                     {"3x1, i64=2,5:2", ""},
                                     {"2x3x4x5, i64=1,2,1,3:4", ""},
                                     {"2x3, i64=1,1:2", ""},
                                     {"2x3, i64=0,1:2", ""},
                                     {"i64=1,2:2, i64=2:1", ""},
                                     {":, i64=:0", ""},
                                     {0}};

const op_def op_Tile = {
    .name = "Tile",
    .domain = "",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .fields = no_fields,
    .infer = tile_infer,
    .gradient = tile_gradient,
    .cost = rule_no_cost,
    .reference = tile_reference,
    .cases = tile_cases,
    .value_inputs = 1 << 1,
    .layouts = LAYOUT_FOLLOW,
    .text = "y = x, repeated so often along each dimension",
};
