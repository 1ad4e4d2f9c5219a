/* Gather(x, indices): y[o, i…, r] = x[o, indices[i…], r], and its gradient. */
#include "op/rule.h"
#include "op/shape.h"

static const attr_field gather_fields[] = {ATTR(axis_attributes, axis, ATTR_INT, "0"), {0}};

static stria_status gather_shape(const node *n, const shape *x, const value *indices, shape *y, int *axis,
                                 stria_error *err) {
    TRY(rule_axis(((const axis_attributes *)n->attributes)->axis, x->rank, axis, err));
    if (indices->type != STRIA_INT64 && indices->type != STRIA_INT32)
        FAIL(err, STRIA_BAD_SHAPE, "indices are %s, expected int32 or int64", dtype_name(indices->type));
    y->rank = 0;
    if (x->rank - 1 + indices->shape.rank > RANK_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "the result would have rank %d, at most %d is supported",
             x->rank - 1 + indices->shape.rank, RANK_MAX);
    for (int d = 0; d < *axis; d++) y->dim[y->rank++] = x->dim[d];
    for (int d = 0; d < indices->shape.rank; d++) y->dim[y->rank++] = indices->shape.dim[d];
    for (int d = *axis + 1; d < x->rank; d++) y->dim[y->rank++] = x->dim[d];
    return STRIA_OK;
}

static stria_status gather_infer(node *n, stria_error *err) {
    shape y;
    int axis;
    TRY(gather_shape(n, &n->in[0]->shape, n->in[1], &y, &axis, err));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status gather_gradient_infer(node *n, stria_error *err) {
    shape y;
    int axis;
    TRY(gather_shape(n, &n->in[2]->shape, n->in[1], &y, &axis, err));
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "the gathered", err));
    return rule_output(n, 0, n->in[0]->type, &n->in[2]->shape, err);
}

static stria_status gather_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                    stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) dx[0] = build(&b, &op_GatherGradient, (value *[]){dy[0], n->in[1], n->in[0]}, 3, n->attributes);
    return b.status;
}

/* y ← x gathered, or x += y scattered. */
static stria_status gather_walk(const ref_call *c, const ref_tensor *x, const ref_tensor *y, bool scatter,
                                stria_error *err) {
    const ref_tensor *indices = &c->in[1];
    int axis;
    TRY(rule_axis(((const axis_attributes *)c->attributes)->axis, x->shape.rank, &axis, err));
    int64_t size = x->shape.dim[axis], many = shape_count(&indices->shape);
    int64_t inner = shape_span(&x->shape, axis + 1, x->shape.rank), count = shape_count(&y->shape);
    for (int64_t i = 0; i < count; i++) {
        int64_t index = indices->i[i / inner % many];
        if (index < -size || index >= size)
            FAIL(err, STRIA_BAD_ARGUMENT, "index %lld is outside the %lld entries of axis %d", (long long)index,
                 (long long)size, axis);
        if (index < 0) index += size;
        int64_t at = (i / inner / many * size + index) * inner + i % inner;
        if (scatter) x->f[at] += y->f[i];
        else ref_copy(&c->out[0], i, x, at);
    }
    return STRIA_OK;
}

static stria_status gather_reference(const ref_call *c, stria_error *err) {
    return gather_walk(c, &c->in[0], &c->out[0], false, err);
}

static stria_status gather_gradient_reference(const ref_call *c, stria_error *err) {
    ref_zero(&c->out[0]);
    return gather_walk(c, &c->out[0], &c->in[0], true, err);
}

static const op_case gather_cases[] = {
    {"5x3, i64=0,4,-1:3", ""}, {"2x4x3, i64=1,1,3,0:2x2", "axis=1"}, {"3x4, i64=2", "axis=-1"}, {0}};

static const op_case gather_gradient_cases[] = {
    {"3x3, i64=0,4,-1:3, 5x3", ""}, {"2x2x2x3, i64=1,1,3,0:2x2, 2x4x3", "axis=1"}, {0}};

const op_def op_Gather = {
    .name = "Gather",
    .domain = "",
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(axis_attributes),
    .fields = gather_fields,
    .infer = gather_infer,
    .gradient = gather_gradient,
    .cost = rule_no_cost,
    .reference = gather_reference,
    .cases = gather_cases,
    .layouts = LAYOUT_PLAIN,
    .text = "y[o, i, r] = x[o, indices[i], r], indices along axis",
};

const op_def op_GatherGradient = {
    .name = "GatherGradient",
    .domain = "stria",
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(axis_attributes),
    .fields = gather_fields,
    .infer = gather_gradient_infer,
    .cost = rule_no_cost,
    .reference = gather_gradient_reference,
    .cases = gather_gradient_cases,
    .shape_inputs = 1 << 2,
    .layouts = LAYOUT_PLAIN,
    .text = "dx[o, indices[i], r] = Σ dy[o, i, r] over equal indices",
};
