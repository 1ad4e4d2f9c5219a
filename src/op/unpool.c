/* MaxUnpool: each element goes where MaxPool found it, zeros between; and its gradient. Indices count in the shape that
 * the windows give, (in − 1)·stride + kernel − pads; a larger output_shape puts that at its upper left. */
#include "op/unpool.h"
#include "op/rule.h"

static const attr_field fields[] = {{"kernel_shape", ATTR_INTS, offsetof(window_attributes, kernel_shape), NULL, true},
                                    {"strides", ATTR_INTS, offsetof(window_attributes, strides), NULL, false},
                                    {"pads", ATTR_INTS, offsetof(window_attributes, pads), NULL, false},
                                    {0}};

/* ---- shapes ---- */

/* What the indices count in: the size that windows slide over, of x's pixels as their number. */
static stria_status counted(shape *full, const node *n, const shape *x, stria_error *err) {
    window_attributes a = *(const window_attributes *)n->attributes;
    const ints none = {0, NULL};
    int rank = x->rank - 2;
    window w[2];
    char text[192];
    if (x->rank == 5) FAIL(err, STRIA_UNSUPPORTED, "3-D unpooling is not supported (input %s)", shape_text(x, text));
    if (x->rank != 3 && x->rank != 4)
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected [batch, channels, height, width]", shape_text(x, text));
    if (a.kernel_shape.count != rank)
        FAIL(err, STRIA_BAD_SHAPE, "kernel_shape has %lld entr%s, expected %d", (long long)a.kernel_shape.count,
             text_ies(a.kernel_shape.count), rank);
    a.auto_pad = "NOTSET";
    TRY(window_transpose_infer(w, &a, &none, &none, rank, x->dim + 2, a.kernel_shape.value, err));
    *full = *x;
    for (int d = 0; d < rank; d++) full->dim[2 + d] = w[2 - rank + d].in;
    if (shape_count(full) < 0) FAIL(err, STRIA_BAD_SHAPE, "unpooled it would be %s: too large", shape_text(full, text));
    return STRIA_OK;
}

static stria_status check_indices(const node *n, const shape *x, stria_error *err) {
    if (n->in[1]->type != STRIA_INT64)
        FAIL(err, STRIA_BAD_SHAPE, "indices are %s, expected int64", dtype_name(n->in[1]->type));
    return rule_same_shape(&n->in[1]->shape, "the tensor of indices", x, "the input", err);
}

static stria_status infer(node *n, stria_error *err) {
    const shape *x = &n->in[0]->shape;
    shape full, y = {0};
    char tx[192], ty[192];
    TRY(rule_float(n, 0, "input", err));
    TRY(check_indices(n, x, err));
    TRY(counted(&full, n, x, err));
    TRY(rule_ints(n, 2, "output_shape", y.dim, RANK_MAX, &y.rank, err));
    if (y.rank < 0) return rule_output(n, 0, n->in[0]->type, &full, err);
    if (y.rank != x->rank || shape_count(&y) < 0 || y.dim[0] != x->dim[0] || y.dim[1] != x->dim[1])
        FAIL(err, STRIA_BAD_SHAPE, "cannot unpool %s to %s", shape_text(x, tx), shape_text(&y, ty));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* Inputs dy, the indices. */
static stria_status infer_gradient(node *n, stria_error *err) {
    shape full;
    TRY(rule_float(n, 0, "dy", err));
    TRY(counted(&full, n, &n->in[1]->shape, err));
    TRY(check_indices(n, &n->in[1]->shape, err));
    const shape *dy = &n->in[0]->shape;
    char has[192], wants[192];
    if (dy->rank != full.rank || dy->dim[0] != full.dim[0] || dy->dim[1] != full.dim[1])
        FAIL(err, STRIA_BAD_SHAPE, "dy is %s, the indices count in %s", shape_text(dy, has), shape_text(&full, wants));
    return rule_output(n, 0, n->in[0]->type, &n->in[1]->shape, err);
}

unpool_geometry unpool_geometry_of(const node *n) {
    const shape *x = &n->in[1]->shape, *y = n->op == &op_MaxUnpool ? &n->out[0]->shape : &n->in[0]->shape;
    shape full = *x;
    (void)counted(&full, n, x, NULL);
    bool image = x->rank == 4;
    return (unpool_geometry){.planes = x->dim[0] * x->dim[1],
                             .fh = image ? full.dim[2] : 1,
                             .fw = full.dim[x->rank - 1],
                             .oh = image ? y->dim[2] : 1,
                             .ow = y->dim[x->rank - 1]};
}

stria_status unpool_check(const int64_t *indices, int64_t count, const unpool_geometry *g, stria_error *err) {
    for (int64_t i = 0; i < count; i++)
        if (indices[i] < 0 || indices[i] >= g->planes * g->fh * g->fw)
            FAIL(err, STRIA_BAD_VALUE, "index %lld at position %lld is outside the %lld planes of %lldx%lld",
                 (long long)indices[i], (long long)i, (long long)g->planes, (long long)g->fh, (long long)g->fw);
    return STRIA_OK;
}

/* ---- gradient ---- */

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    if (wanted[0]) dx[0] = build2(&b, &op_MaxUnpoolGradient, dy[0], n->in[1], n->attributes);
    return b.status;
}

/* ---- references ---- */

/* Where in y `index` points; −1 where y ends before it. */
static int64_t target(const unpool_geometry *g, int64_t index) {
    int64_t size = g->fh * g->fw, row = index % size / g->fw, column = index % g->fw;
    return row < g->oh && column < g->ow ? (index / size * g->oh + row) * g->ow + column : -1;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    unpool_geometry g = unpool_geometry_of(c->node);
    int64_t count = shape_count(&c->in[0].shape), at;
    TRY(unpool_check(c->in[1].i, count, &g, err));
    ref_zero(&c->out[0]);
    for (int64_t i = 0; i < count; i++) {
        at = target(&g, c->in[1].i[i]);
        if (at >= 0) c->out[0].f[at] = c->in[0].f[i];
    }
    return STRIA_OK;
}

static stria_status reference_gradient(const ref_call *c, stria_error *err) {
    unpool_geometry g = unpool_geometry_of(c->node);
    int64_t count = shape_count(&c->out[0].shape), at;
    TRY(unpool_check(c->in[1].i, count, &g, err));
    for (int64_t i = 0; i < count; i++) {
        at = target(&g, c->in[1].i[i]);
        c->out[0].f[i] = at >= 0 ? c->in[0].f[at] : 0;
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case cases[] = {
    {"1x1x2x2, i64=5,7,13,15:1x1x2x2", "kernel_shape=2,2 strides=2,2"},
    {"1x1x2x2, i64=5,7,13,15:1x1x2x2, i64=1,1,5,5:4", "kernel_shape=2,2 strides=2,2"},
    {"1x2x3, i64=0,3,5,6,9,11:1x2x3", "kernel_shape=2 strides=2"},
    {"1x2x2x1, i64=0,4,6,8:1x2x2x1, i64=1,2,1,2:4", "kernel_shape=2,2 strides=2,2 pads=1,0,0,0"},
    {0}};
static const op_case gradient_cases[] = {{"1x1x4x4, i64=5,7,13,15:1x1x2x2", "kernel_shape=2,2 strides=2,2"},
                                         {"1x1x5x5, i64=5,7,13,15:1x1x2x2", "kernel_shape=2,2 strides=2,2"},
                                         {0}};

#define UNPOOL(op_name, most)                                                                                          \
    .name = op_name, .in_min = 2, .in_max = most, .out_min = 1, .out_max = 1,                                          \
    .attribute_bytes = sizeof(window_attributes), .fields = fields, .cost = rule_no_cost, .layouts = LAYOUT_PLAIN

const op_def op_MaxUnpool = {UNPOOL("MaxUnpool", 3), .domain = "",
                             .infer = infer,         .gradient = gradient,
                             .reference = reference, .cases = cases,
                             .value_inputs = 1 << 2, .text = "y = x where MaxPool's indices point, else 0"};
const op_def op_MaxUnpoolGradient = {UNPOOL("MaxUnpoolGradient", 2), .domain = "stria",
                                     .infer = infer_gradient,        .reference = reference_gradient,
                                     .cases = gradient_cases,        .text = "dx = dy where the indices point"};
