/* Reading by index, and the gradient of Gather.
 * Gather(x, indices): y[o, i…, r] = x[o, indices[i…], r]
 * GatherElements(x, indices): y[…, i, …] = x[…, indices[…, i, …], …]
 * GatherND(x, indices): y[b…, i…, r…] = x[b…, indices[b…, i…, 0], indices[b…, i…, 1], …, r…] */
#include "op/gather.h"

#include "op/rule.h"
#include "op/shape.h"

static const attr_field gather_fields[] = {ATTR(axis_attributes, axis, ATTR_INT, "0"), {0}};
static const attr_field gather_nd_fields[] = {ATTR(gather_nd_attributes, batch_dims, ATTR_INT, "0"), {0}};

/* ---- picks ---- */

static void row_major(const shape *s, int64_t stride[RANK_MAX]) {
    int64_t step = 1;
    for (int d = s->rank - 1; d >= 0; step *= s->dim[d--]) stride[d] = step;
}

picks picks_along(const shape *x, const shape *indices, int axis) {
    int64_t inner = shape_span(x, axis + 1, x->rank), size = x->dim[axis];
    return (picks){.rows = {2, {shape_span(x, 0, axis), shape_span(indices, 0, indices->rank)}},
                   .base = {size * inner, 0},
                   .at = {0, 1},
                   .count = 1,
                   .size = {size},
                   .stride = {inner},
                   .inner = inner};
}

picks picks_elements(const shape *x, const shape *indices, int axis) {
    picks p = {.rows = *indices, .count = 1, .size = {x->dim[axis]}, .inner = 1};
    row_major(x, p.base);
    row_major(indices, p.at);
    p.stride[0] = p.base[axis];
    p.base[axis] = 0;
    return p;
}

picks picks_tuples(const shape *x, const shape *indices, int batch_dims, int count) {
    int64_t strides[RANK_MAX] = {0}, tuples = shape_span(indices, batch_dims, indices->rank - 1);
    picks p = {.rows = {2, {shape_span(indices, 0, batch_dims), tuples}},
               .base = {shape_span(x, batch_dims, x->rank), 0},
               .at = {tuples * count, count},
               .count = count,
               .inner = shape_span(x, batch_dims + count, x->rank)};
    row_major(x, strides);
    for (int k = 0; k < count; k++) p.size[k] = x->dim[batch_dims + k], p.stride[k] = strides[batch_dims + k];
    return p;
}

int picks_input(const node *n) {
    return n->op == &op_GatherGradient ? 2 : 0;
}

picks picks_of(const node *n) {
    const shape *x = &n->in[picks_input(n)]->shape, *indices = &n->in[1]->shape;
    bool tuples = n->op == &op_GatherND || n->op == &op_ScatterND;
    if (tuples) {
        int64_t batch = n->op == &op_GatherND ? ((const gather_nd_attributes *)n->attributes)->batch_dims : 0;
        return picks_tuples(x, indices, (int)batch, (int)indices->dim[indices->rank - 1]);
    }
    int64_t axis = n->op == &op_ScatterElements ? ((const scatter_attributes *)n->attributes)->axis
                                                : ((const axis_attributes *)n->attributes)->axis;
    if (axis < 0) axis += x->rank;
    bool elements = n->op == &op_GatherElements || n->op == &op_ScatterElements;
    return elements ? picks_elements(x, indices, (int)axis) : picks_along(x, indices, (int)axis);
}

stria_status picks_offset(const picks *p, const int64_t *indices, int64_t r, int64_t *offset, stria_error *err) {
    const int64_t *index = indices + strided_offset(r, &p->rows, p->at);
    *offset = strided_offset(r, &p->rows, p->base);
    for (int k = 0; k < p->count; k++) {
        if (index[k] < -p->size[k] || index[k] >= p->size[k])
            FAIL(err, STRIA_BAD_VALUE, "index %lld is outside a dimension of %lld entr%s", (long long)index[k],
                 (long long)p->size[k], text_ies(p->size[k]));
        *offset += (index[k] < 0 ? index[k] + p->size[k] : index[k]) * p->stride[k];
    }
    return STRIA_OK;
}

stria_status picks_check_indices(const value *indices, stria_error *err) {
    if (indices->type != STRIA_INT64 && indices->type != STRIA_INT32)
        FAIL(err, STRIA_BAD_SHAPE, "indices are %s, expected int32 or int64", dtype_name(indices->type));
    return STRIA_OK;
}

/* ---- shapes ---- */

static stria_status gather_shape(const node *n, const shape *x, const value *indices, shape *y, stria_error *err) {
    int axis;
    TRY(rule_axis(((const axis_attributes *)n->attributes)->axis, x->rank, &axis, err));
    TRY(picks_check_indices(indices, err));
    y->rank = 0;
    if (x->rank - 1 + indices->shape.rank > RANK_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "the result would have rank %d, at most %d is supported",
             x->rank - 1 + indices->shape.rank, RANK_MAX);
    for (int d = 0; d < axis; d++) y->dim[y->rank++] = x->dim[d];
    for (int d = 0; d < indices->shape.rank; d++) y->dim[y->rank++] = indices->shape.dim[d];
    for (int d = axis + 1; d < x->rank; d++) y->dim[y->rank++] = x->dim[d];
    return STRIA_OK;
}

static stria_status gather_infer(node *n, stria_error *err) {
    shape y;
    TRY(gather_shape(n, &n->in[0]->shape, n->in[1], &y, err));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status gather_gradient_infer(node *n, stria_error *err) {
    shape y;
    TRY(gather_shape(n, &n->in[2]->shape, n->in[1], &y, err));
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "the gathered", err));
    TRY(rule_float(n, 0, "dy", err));
    return rule_output(n, 0, n->in[0]->type, &n->in[2]->shape, err);
}

static stria_status gather_elements_infer(node *n, stria_error *err) {
    char tx[192], ti[192];
    const shape *x = &n->in[0]->shape, *indices = &n->in[1]->shape;
    int axis;
    TRY(rule_axis(((const axis_attributes *)n->attributes)->axis, x->rank, &axis, err));
    TRY(picks_check_indices(n->in[1], err));
    bool fits = x->rank == indices->rank;
    for (int d = 0; fits && d < x->rank; d++) fits = d == axis || indices->dim[d] <= x->dim[d];
    if (!fits)
        FAIL(err, STRIA_BAD_SHAPE, "indices are %s, which do not fit the input's %s", shape_text(indices, ti),
             shape_text(x, tx));
    return rule_output(n, 0, n->in[0]->type, indices, err);
}

static stria_status gather_nd_infer(node *n, stria_error *err) {
    char tx[192], ti[192];
    const shape *x = &n->in[0]->shape, *indices = &n->in[1]->shape;
    int64_t batch = ((const gather_nd_attributes *)n->attributes)->batch_dims;
    TRY(picks_check_indices(n->in[1], err));
    bool fits = batch >= 0 && batch < indices->rank && batch < x->rank;
    int64_t count = fits ? indices->dim[indices->rank - 1] : 0;
    for (int d = 0; fits && d < batch; d++) fits = x->dim[d] == indices->dim[d];
    if (!fits || count < 1 || count > x->rank - batch)
        FAIL(err, STRIA_BAD_SHAPE, "indices %s with %lld batch dimensions do not fit the input's %s",
             shape_text(indices, ti), (long long)batch, shape_text(x, tx));
    shape y = {0};
    if (indices->rank - 1 + x->rank - batch - count > RANK_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "the result would have rank %lld, at most %d is supported",
             (long long)(indices->rank - 1 + x->rank - batch - count), RANK_MAX);
    for (int d = 0; d < indices->rank - 1; d++) y.dim[y.rank++] = indices->dim[d];
    for (int64_t d = batch + count; d < x->rank; d++) y.dim[y.rank++] = x->dim[d];
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* ---- gradients ---- */

static stria_status gather_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                    stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) dx[0] = build(&b, &op_GatherGradient, (value *[]){dy[0], n->in[1], n->in[0]}, 3, n->attributes);
    return b.status;
}

static stria_status gather_gradient_gradient(graph *g, const node *n, value *const *e, const bool *wanted, value **d,
                                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) d[0] = build2(&b, &op_Gather, e[0], n->in[1], n->attributes);
    return b.status;
}

static value *zeros_like(builder *b, value *x) {
    return build2(b, &op_ExpandTo, build_scalar(b, x->type, 0), x, NULL);
}

static stria_status gather_elements_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    scatter_attributes a = {((const axis_attributes *)n->attributes)->axis, "add"};
    value *in[3] = {zeros_like(&b, n->in[0]), n->in[1], dy[0]};
    if (wanted[0]) dx[0] = build(&b, &op_ScatterElements, in, 3, &a);
    return b.status;
}

/* The indices with their batch coordinates before them, as ScatterND wants them. */
static value *indices_whole(builder *b, const node *n) {
    int64_t batch = ((const gather_nd_attributes *)n->attributes)->batch_dims;
    shape s = n->in[1]->shape;
    tensor *t;
    value *constant = NULL;
    if (batch == 0 || b->status != STRIA_OK) return n->in[1];
    s.dim[s.rank - 1] = batch;
    int64_t each = shape_span(&s, (int)batch, s.rank - 1), rows = shape_span(&s, 0, s.rank - 1);
    b->status = tensor_new(&t, n->in[1]->type, &s, n->name, b->err);
    if (b->status != STRIA_OK) return NULL;
    for (int64_t r = 0; r < rows; r++) {
        int64_t rest = r / each;
        for (int64_t d = batch - 1; d >= 0; rest /= s.dim[d--]) tensor_put(t, r * batch + d, (double)(rest % s.dim[d]));
    }
    b->status = graph_add_constant(b->g, NULL, t, &constant, b->err);
    tensor_release(t);
    return build2(b, &op_Concat, constant, n->in[1], &(axis_attributes){-1});
}

static stria_status gather_nd_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                       stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *in[3] = {zeros_like(&b, n->in[0]), indices_whole(&b, n), dy[0]};
    if (wanted[0]) dx[0] = build(&b, &op_ScatterND, in, 3, &(scatter_attributes){0, "add"});
    return b.status;
}

/* ---- references ---- */

static stria_status gather_reference(const ref_call *c, stria_error *err) {
    picks p = picks_of(c->node);
    int64_t rows = shape_count(&p.rows), from;
    for (int64_t r = 0; r < rows; r++) {
        TRY(picks_offset(&p, c->in[1].i, r, &from, err));
        for (int64_t i = 0; i < p.inner; i++) ref_copy(&c->out[0], r * p.inner + i, &c->in[0], from + i);
    }
    return STRIA_OK;
}

static stria_status gather_gradient_reference(const ref_call *c, stria_error *err) {
    picks p = picks_of(c->node);
    int64_t rows = shape_count(&p.rows), to;
    ref_zero(&c->out[0]);
    for (int64_t r = 0; r < rows; r++) {
        TRY(picks_offset(&p, c->in[1].i, r, &to, err));
        for (int64_t i = 0; i < p.inner; i++) c->out[0].f[to + i] += c->in[0].f[r * p.inner + i];
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case gather_cases[] = {{"5x3, i64=0,4,-1:3", ""},
                                       {"2x4x3, i64=1,1,3,0:2x2", "axis=1"},
                                       {"3x4, i64=2", "axis=-1"},
                                       {"6x9, i32=5,0,0,3,2:5", "axis=1"},
                                       {"4x3, i64=:0", ""},
                                       {"i64=3,4,5:3, i64=2,0:2", ""},
                                       {"3x300, i64=2,1,0,2,-3:5", ""},
                                       {0}};
static const op_case gather_gradient_cases[] = {{"3x3, i64=0,4,-1:3, 5x3", ""},
                                                {"2x2x2x3, i64=1,1,3,0:2x2, 2x4x3", "axis=1"},
                                                {"6x5, i32=5,0,0,3,2:5, 6x9", "axis=1"},
                                                {"5x3000, i64=2,1,0,2,-3:5, 3x3000", ""},
                                                {0}};
static const op_case gather_elements_cases[] = {{"3x3, i64=1,2,0,2,0,0:2x3", ""},
                                                {"2x3x4, i64=1,-1,2,0,0,2,1,1:2x1x4", "axis=1"},
                                                {"2x5, i32=4,4,0,-5,1,2:2x3", "axis=-1"},
                                                {0}};
static const op_case gather_nd_cases[] = {{"2x3x4, i64=1,2,0,-1:2x2", ""},
                                          {"2x3x4, i64=1,0,0:3x1", ""},
                                          {"2x3x4, i64=1,0:2x1", "batch_dims=1"},
                                          {"2x2x3x4, i64=1,3,2,0,0,0,-1,-1:2x2x1x2", "batch_dims=2"},
                                          {"2x2, i32=0,1:2", ""},
                                          {0}};

#define INDEXED(op_name)                                                                                               \
    .name = op_name, .domain = "", .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .cost = rule_no_cost,         \
    .reference = gather_reference, .layouts = LAYOUT_PLAIN

const op_def op_Gather = {
    INDEXED("Gather"),
    .attribute_bytes = sizeof(axis_attributes),
    .fields = gather_fields,
    .infer = gather_infer,
    .gradient = gather_gradient,
    .cases = gather_cases,
    .text = "y[o, i, r] = x[o, indices[i], r], indices along axis",
};

const op_def op_GatherElements = {
    INDEXED("GatherElements"),
    .attribute_bytes = sizeof(axis_attributes),
    .fields = gather_fields,
    .infer = gather_elements_infer,
    .gradient = gather_elements_gradient,
    .cases = gather_elements_cases,
    .text = "y[…, i, …] = x[…, indices[…, i, …], …], indices along axis",
};

const op_def op_GatherND = {
    INDEXED("GatherND"),
    .attribute_bytes = sizeof(gather_nd_attributes),
    .fields = gather_nd_fields,
    .infer = gather_nd_infer,
    .gradient = gather_nd_gradient,
    .cases = gather_nd_cases,
    .text = "y[b, i, r] = x[b, indices[b, i, 0], indices[b, i, 1], …, r]",
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
    .gradient = gather_gradient_gradient,
    .cost = rule_no_cost,
    .reference = gather_gradient_reference,
    .cases = gather_gradient_cases,
    .shape_inputs = 1 << 2,
    .layouts = LAYOUT_PLAIN,
    .text = "dx[o, indices[i], r] = Σ dy[o, i, r] over equal indices",
};
