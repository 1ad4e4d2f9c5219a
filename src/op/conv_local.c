/* Locally connected layers: a convolution whose weights are not shared,
 *   y[b, o, p, q] = bias[p, q, o] + Σ x[b, c, p·sh + u·dh − pt, q·sw + v·dw − pl] · w[p, q, u, v, c, o]
 * (one spatial dimension less for sequences). Every position has a matrix product of its own: with the pixels under
 * its window gathered as a row, y = rows[positions, batch, taps·ic] · w[positions, taps·ic, oc]. So it is a composite:
 * a slice for each tap, a concatenation, a batch of products. */
#include <assert.h>

#include "op/reduce.h"
#include "op/rule.h"
#include "op/shape.h"
#include "op/window.h"

#define TAPS_MAX 1024 /* each is a node */

typedef struct local_attributes {
    window_attributes window;
} local_attributes;

static const attr_field fields[] = {WINDOW_FIELDS(local_attributes, window), {0}};

typedef struct local_geometry {
    int64_t batch, ic, oc, positions, taps;
    window w[2];
    int rank; /* spatial dimensions, 1 or 2 */
} local_geometry;

/* ---- shapes ---- */

static stria_status geometry_infer(local_geometry *g, const node *n, stria_error *err) {
    const shape *x = &n->in[0]->shape, *w = &n->in[1]->shape;
    char text[192];
    if (x->rank != 3 && x->rank != 4)
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected [batch, channels, height, width]", shape_text(x, text));
    *g = (local_geometry){.batch = x->dim[0], .ic = x->dim[1], .rank = x->rank - 2};
    if (w->rank != 2 * g->rank + 2)
        FAIL(err, STRIA_BAD_SHAPE,
             "weights are %s, expected [positions down, across, taps down, across, input, output channels]",
             shape_text(w, text));
    const window_attributes *a = &((const local_attributes *)n->attributes)->window;
    for (int64_t d = 0; d < a->kernel_shape.count && d < g->rank; d++)
        if (a->kernel_shape.value[d] != w->dim[g->rank + d])
            FAIL(err, STRIA_BAD_SHAPE, "kernel_shape says %lld where the weights have %lld taps",
                 (long long)a->kernel_shape.value[d], (long long)w->dim[g->rank + d]);
    TRY(window_infer(g->w, a, g->rank, x->dim + 2, w->dim + g->rank, err));
    g->oc = w->dim[2 * g->rank + 1];
    g->positions = size_mul(g->w[0].out, g->w[1].out);
    g->taps = size_mul(g->w[0].kernel, g->w[1].kernel);
    for (int d = 0; d < g->rank; d++)
        if (w->dim[d] != g->w[2 - g->rank + d].out)
            FAIL(err, STRIA_BAD_SHAPE, "weights are of %lld positions in dimension %d, but %lld windows fit",
                 (long long)w->dim[d], d, (long long)g->w[2 - g->rank + d].out);
    if (w->dim[2 * g->rank] != g->ic)
        FAIL(err, STRIA_BAD_SHAPE, "input has %lld channel%s, weights expect %lld", (long long)g->ic, text_s(g->ic),
             (long long)w->dim[2 * g->rank]);
    if (g->taps > TAPS_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "windows of %lld taps, at most %d can be unshared", (long long)g->taps, TAPS_MAX);
    return STRIA_OK;
}

static local_geometry geometry_of(const node *n) {
    local_geometry g;
    stria_status status = geometry_infer(&g, n, NULL);
    assert(status == STRIA_OK);
    (void)status;
    return g;
}

static stria_status infer(node *n, stria_error *err) {
    local_geometry g;
    char ta[192], tb[192];
    TRY(rule_floats(n, 0, err));
    TRY(geometry_infer(&g, n, err));
    shape y = {4, {g.batch, g.oc, g.w[0].out, g.w[1].out}}, bias = {3, {g.w[0].out, g.w[1].out, g.oc}};
    if (g.rank == 1) y = (shape){3, {g.batch, g.oc, g.w[1].out}}, bias = (shape){2, {g.w[1].out, g.oc}};
    if (rule_input(n, 2) && !shape_equal(&n->in[2]->shape, &bias))
        FAIL(err, STRIA_BAD_SHAPE, "bias is %s, expected %s", shape_text(&n->in[2]->shape, ta), shape_text(&bias, tb));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static op_cost cost(const node *n) {
    local_geometry g = geometry_of(n);
    int64_t outputs = shape_count(&n->out[0]->shape);
    return (op_cost){size_mul(outputs, size_mul(g.ic, g.taps)), rule_input(n, 2) ? outputs : 0};
}

/* ---- parts of the composite ---- */

static value *reshape(builder *b, value *x, const int64_t *sizes, int rank) {
    return x ? build2(b, &op_Reshape, x, build_i64(b, sizes, rank), NULL) : NULL;
}

static value *transpose(builder *b, value *x, const int64_t *perm, int rank) {
    return x ? build1(b, &op_Transpose, x, &(transpose_attributes){{rank, perm}}) : NULL;
}

/* [batch, channels, down, across] ↔ [positions, batch, channels] */
static value *to_rows(builder *b, const local_geometry *g, value *x, int64_t channels) {
    static const int64_t down_first[4] = {2, 3, 0, 1}, across_first[3] = {2, 0, 1};
    return reshape(b, transpose(b, x, g->rank == 2 ? down_first : across_first, g->rank + 2),
                   (int64_t[]){g->positions, -1, channels}, 3); /* the batch stays open */
}
static value *from_rows(builder *b, const local_geometry *g, value *rows, int64_t channels) {
    static const int64_t last[4] = {2, 3, 0, 1}, across_last[3] = {1, 2, 0};
    const int64_t sizes[4] = {g->w[0].out, g->w[1].out, -1, channels};
    return transpose(b, reshape(b, rows, sizes + 2 - g->rank, g->rank + 2), g->rank == 2 ? last : across_last,
                     g->rank + 2);
}

/* w as [positions, taps·ic, oc] */
static value *as_matrices(builder *b, const local_geometry *g, value *w) {
    return reshape(b, w, (int64_t[]){g->positions, g->taps * g->ic, g->oc}, 3);
}

static value *pad(builder *b, const local_geometry *g, value *x) {
    int64_t pads[8] = {0};
    bool any = false;
    for (int d = 0; d < g->rank; d++) {
        const window *w = &g->w[2 - g->rank + d];
        pads[2 + d] = w->before;
        pads[g->rank + 4 + d] = w->after;
        any |= w->before || w->after;
    }
    return any ? build2(b, &op_Pad, x, build_i64(b, pads, 2 * (g->rank + 2)), NULL) : x;
}

/* Starts, ends, axes, steps of what tap (u, v) reads of the padded input. */
static void tap_slice(builder *b, const local_geometry *g, int64_t tap, value *in[4]) {
    int64_t at[2] = {tap / g->w[1].kernel, tap % g->w[1].kernel}, list[4][2];
    for (int d = 0; d < g->rank; d++) {
        const window *w = &g->w[2 - g->rank + d];
        list[0][d] = at[2 - g->rank + d] * w->dilation;
        list[1][d] = list[0][d] + (w->out - 1) * w->stride + 1;
        list[2][d] = 2 + d;
        list[3][d] = w->stride;
    }
    for (int k = 0; k < 4; k++) in[k] = build_i64(b, list[k], g->rank);
}

/* The pixels under every window: [positions, batch, taps·ic]. */
static value *gather_rows(builder *b, const local_geometry *g, value *x) {
    value *taps[TAPS_MAX], *in[5] = {pad(b, g, x)};
    for (int64_t t = 0; t < g->taps; t++) {
        tap_slice(b, g, t, in + 1);
        taps[t] = build(b, &op_Slice, in, 5, NULL);
    }
    if (b->status != STRIA_OK) return NULL;
    value *all = g->taps > 1 ? build(b, &op_Concat, taps, (int)g->taps, &(axis_attributes){1}) : taps[0];
    return to_rows(b, g, all, g->taps * g->ic);
}

/* The gradient of the input, from that of its rows. */
static value *scatter_rows(builder *b, const local_geometry *g, value *rows, value *x) {
    value *taps = from_rows(b, g, rows, g->taps * g->ic), *padded = pad(b, g, x), *sum = NULL;
    for (int64_t t = 0; t < g->taps; t++) {
        int64_t from = t * g->ic, to = from + g->ic, channel = 1;
        value *part[4] = {taps, build_i64(b, &from, 1), build_i64(b, &to, 1), build_i64(b, &channel, 1)};
        value *in[6] = {build(b, &op_Slice, part, 4, NULL), padded};
        tap_slice(b, g, t, in + 2);
        value *one = build(b, &op_SliceGradient, in, 6, NULL);
        sum = sum ? build2(b, &op_Add, sum, one, NULL) : one;
    }
    int64_t list[3][2];
    for (int d = 0; d < g->rank; d++) {
        const window *w = &g->w[2 - g->rank + d];
        list[0][d] = w->before, list[1][d] = w->before + w->in, list[2][d] = 2 + d;
    }
    value *in[4] = {sum, build_i64(b, list[0], g->rank), build_i64(b, list[1], g->rank),
                    build_i64(b, list[2], g->rank)};
    return padded == x ? sum : build(b, &op_Slice, in, 4, NULL);
}

static stria_status expand(graph *graph, const node *n, value **out, stria_error *err) {
    builder b = {graph, n->name, STRIA_OK, err};
    local_geometry g = geometry_of(n);
    value *y = build2(&b, &op_MatMul, gather_rows(&b, &g, n->in[0]), as_matrices(&b, &g, n->in[1]), NULL);
    if (rule_input(n, 2)) y = build2(&b, &op_Add, y, reshape(&b, n->in[2], (int64_t[]){g.positions, 1, g.oc}, 3), NULL);
    out[0] = from_rows(&b, &g, y, g.oc);
    return b.status;
}

/* The matrices' gradients, position by position: drows = dy·wᵀ, dw = rowsᵀ·dy. */
static stria_status gradient(graph *graph, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    static const int64_t turned[3] = {0, 2, 1}, batch = 1;
    builder b = {graph, n->name, STRIA_OK, err};
    local_geometry g = geometry_of(n);
    value *x = n->in[0], *w = n->in[1], *rows = to_rows(&b, &g, dy[0], g.oc);
    if (wanted[0])
        dx[0] = scatter_rows(&b, &g,
                             build2(&b, &op_MatMul, rows, transpose(&b, as_matrices(&b, &g, w), turned, 3), NULL), x);
    if (wanted[1]) {
        value *product = build2(&b, &op_MatMul, transpose(&b, gather_rows(&b, &g, x), turned, 3), rows, NULL);
        dx[1] = build_reshape_to(&b, product, w);
    }
    if (rule_input(n, 2) && wanted[2]) {
        value *sum = build2(&b, &op_ReduceSum, rows, build_i64(&b, &batch, 1), &(reduce_attributes){0, 0});
        dx[2] = build_reshape_to(&b, sum, n->in[2]);
    }
    return b.status;
}

/* ---- reference and definition ---- */

static double window_sum(const local_geometry *g, const double *x, const double *w, int64_t p, int64_t q) {
    double sum = 0;
    for (int64_t u = 0; u < g->w[0].kernel; u++)
        for (int64_t v = 0; v < g->w[1].kernel; v++)
            for (int64_t c = 0; c < g->ic; c++) {
                int64_t row = window_at(&g->w[0], p, u), column = window_at(&g->w[1], q, v);
                if (row < 0 || row >= g->w[0].in || column < 0 || column >= g->w[1].in) continue;
                sum +=
                    x[(c * g->w[0].in + row) * g->w[1].in + column] * w[((u * g->w[1].kernel + v) * g->ic + c) * g->oc];
            }
    return sum;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    local_geometry g = geometry_of(c->node);
    const double *bias = c->in_count > 2 ? c->in[2].f : NULL;
    double *y = c->out[0].f;
    for (int64_t b = 0; b < g.batch; b++)
        for (int64_t o = 0; o < g.oc; o++)
            for (int64_t i = 0; i < g.positions; i++) {
                const double *w = c->in[1].f + i * g.taps * g.ic * g.oc + o;
                double sum =
                    window_sum(&g, c->in[0].f + b * g.ic * g.w[0].in * g.w[1].in, w, i / g.w[1].out, i % g.w[1].out);
                *y++ = sum + (bias ? bias[i * g.oc + o] : 0);
            }
    return STRIA_OK;
}

static const op_case cases[] = {{"2x3x5x6, 3x4x3x3x3x2, 3x4x2", ""},
                                {"2x2x6x5, 3x5x3x2x2x3, 3x5x3", "strides=2,1 pads=1,0,1,1"},
                                {"1x2x7x7, 3x3x3x3x2x2", "dilations=2,2"},
                                {"2x2x5x5, 3x3x2x2x2x4, 3x3x4", "auto_pad=SAME_UPPER strides=2,2"},
                                {"2x3x8, 4x2x3x5, 4x5", "strides=2"},
                                {"2x3x1x1, 1x1x1x1x3x4, 1x1x4", ""},
                                {0}};

const op_def op_LocallyConnected = {
    .name = "LocallyConnected",
    .domain = "stria",
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(local_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = gradient,
    .cost = cost,
    .reference = reference,
    .expand = expand,
    .cases = cases,
    .learnable_inputs = 1 << 1 | 1 << 2,
    .layouts = LAYOUT_PLAIN,
    .text = "y[b,o,p,q] = bias[p,q,o] + Σ x[b,c,p·sh+u·dh−pt,q·sw+v·dw−pl] · w[p,q,u,v,c,o]",
};
