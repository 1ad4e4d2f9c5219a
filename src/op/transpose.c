/* Transpose: y[i_perm(0), i_perm(1), …] = x[i_0, i_1, …]. */
#include "op/rule.h"
#include "op/shape.h"

static const attr_field transpose_fields[] = {ATTR(transpose_attributes, perm, ATTR_INTS, NULL), {0}};

static stria_status permutation(const node *n, int64_t perm[RANK_MAX], stria_error *err) {
    const ints *given = &((const transpose_attributes *)n->attributes)->perm;
    int rank = n->in[0]->shape.rank;
    bool seen[RANK_MAX] = {false};
    if (given->count != 0 && given->count != rank)
        FAIL(err, STRIA_BAD_SHAPE, "perm has %lld entr%s, the input has rank %d", (long long)given->count,
             text_ies(given->count), rank);
    for (int d = 0; d < rank; d++) {
        perm[d] = given->count ? given->value[d] : rank - 1 - d;
        if (perm[d] < 0 || perm[d] >= rank || seen[perm[d]])
            FAIL(err, STRIA_BAD_SHAPE, "perm is not a permutation of 0…%d: entry %lld", rank - 1, (long long)perm[d]);
        seen[perm[d]] = true;
    }
    return STRIA_OK;
}

static stria_status transpose_infer(node *n, stria_error *err) {
    int64_t perm[RANK_MAX];
    TRY(permutation(n, perm, err));
    shape y = n->in[0]->shape;
    for (int d = 0; d < y.rank; d++) y.dim[d] = n->in[0]->shape.dim[perm[d]];
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status transpose_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                       stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    int64_t perm[RANK_MAX], inverse[RANK_MAX];
    int rank = n->in[0]->shape.rank;
    TRY(permutation(n, perm, err));
    for (int d = 0; d < rank; d++) inverse[perm[d]] = d;
    if (wanted[0]) dx[0] = build1(&b, &op_Transpose, dy[0], &(transpose_attributes){{rank, inverse}});
    return b.status;
}

static stria_status transpose_reference(const ref_call *c, stria_error *err) {
    int64_t perm[RANK_MAX] = {0}, x_stride[RANK_MAX], stride[RANK_MAX];
    TRY(permutation(c->node, perm, err));
    broadcast_strides(&c->in[0].shape, &c->in[0].shape, x_stride);
    const shape *y = &c->out[0].shape;
    for (int d = 0; d < y->rank; d++) stride[d] = x_stride[perm[d]];
    int64_t count = shape_count(y);
    for (int64_t i = 0; i < count; i++) ref_copy(&c->out[0], i, &c->in[0], strided_offset(i, y, stride));
    return STRIA_OK;
}

static const op_case transpose_cases[] = {
    {"3x4", ""}, {"2x3x4x5", "perm=0,2,3,1"}, {"2x3x4x5", "perm=3,1,0,2"}, {"i64=1,2,3,4:2x2", ""}, {0}};

const op_def op_Transpose = {
    .name = "Transpose",
    .domain = "",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(transpose_attributes),
    .fields = transpose_fields,
    .infer = transpose_infer,
    .gradient = transpose_gradient,
    .cost = rule_no_cost,
    .reference = transpose_reference,
    .cases = transpose_cases,
    .float8 = true,
    .layouts = LAYOUT_STRIDED,
    .text = "y has x's dimensions in the order perm",
};
