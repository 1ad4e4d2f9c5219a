/* Convolution is one trilinear form,
 *   T(x, w, y) = Σ x[b, c, p·sh + u·dh − pt, q·sw + v·dw − pl] · w[o, c, u, v] · y[b, o, p, q]
 * (c runs over the input channels of o's group), and its three partial derivatives are the three operators of this
 * file: Conv = ∂T/∂y, ConvDataGradient = ∂T/∂x, ConvWeightGradient = ∂T/∂w. So each one's gradients are the other two.
 */
#include "op/conv.h"

#include <assert.h>

#include "op/reduce.h"
#include "op/rule.h"

static const attr_field fields[] = {
    WINDOW_FIELDS(conv_attributes, window), {"group", ATTR_INT, offsetof(conv_attributes, group), "1", false}, {0}};

/* ---- shapes ---- */

stria_status conv_check_ranks(const shape *x, const shape *w, stria_error *err) {
    char text[192];
    if (x->rank < 3 || x->rank > 5)
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected [batch, channels, height, width]", shape_text(x, text));
    if (w->rank != x->rank)
        FAIL(err, STRIA_BAD_SHAPE, "weights are %s, expected rank %d as the input's", shape_text(w, text), x->rank);
    return STRIA_OK;
}

static stria_status check_channels(const shape *x, const shape *w, int64_t groups, stria_error *err) {
    long long ic = x->dim[1], oc = w->dim[0], each = w->dim[1], group = groups;
    if (group < 1) FAIL(err, STRIA_BAD_SHAPE, "group is %lld, expected 1 or more", group);
    if (group == 1 && ic != each)
        FAIL(err, STRIA_BAD_SHAPE, "input has %lld channel%s, weights expect %lld", ic, text_s(ic), each);
    if (ic % group != 0 || ic / group != each)
        FAIL(err, STRIA_BAD_SHAPE, "input has %lld channel%s in %lld group%s, weights expect %lld in each", ic,
             text_s(ic), group, text_s(group), each);
    if (oc % group != 0)
        FAIL(err, STRIA_BAD_SHAPE, "cannot divide %lld output channel%s into %lld group%s", oc, text_s(oc), group,
             text_s(group));
    return STRIA_OK;
}

stria_status conv_check_kernel(const conv_attributes *a, const shape *w, stria_error *err) {
    const ints *k = &a->window.kernel_shape;
    for (int d = 2; d < w->rank && k->count == w->rank - 2; d++)
        if (k->value[d - 2] != w->dim[d])
            FAIL(err, STRIA_BAD_SHAPE, "kernel_shape says %lld, the weights' dimension %d is %lld",
                 (long long)k->value[d - 2], d, (long long)w->dim[d]);
    return STRIA_OK;
}

stria_status conv_infer_shape(conv_shape *s, const conv_attributes *a, const shape *x, const shape *w,
                              stria_error *err) {
    window slides[3] = {[2] = window_single()};
    TRY(conv_check_ranks(x, w, err));
    TRY(check_channels(x, w, a->group, err));
    TRY(window_infer(slides, &a->window, x->rank - 2, x->dim + 2, w->dim + 2, err));
    TRY(conv_check_kernel(a, w, err));
    *s = (conv_shape){.batch = x->dim[0],
                      .ic = x->dim[1],
                      .oc = w->dim[0],
                      .groups = a->group,
                      .y = slides[0],
                      .x = slides[1],
                      .z = slides[2]};
    return STRIA_OK;
}

/* Where each operator finds the shapes of x and w. */
static const shape *x_shape(const node *n) {
    return &n->in[n->op == &op_Conv ? 0 : n->op == &op_ConvDataGradient ? 2 : 1]->shape;
}
static const shape *w_shape(const node *n) {
    return &n->in[n->op == &op_ConvWeightGradient ? 2 : 1]->shape;
}

conv_shape conv_shape_of(const node *n) {
    conv_shape s = {0};
    stria_status status = n->op == &op_ConvTranspose
                              ? conv_transpose_infer_shape(&s, n->attributes, &n->in[0]->shape, &n->in[1]->shape, NULL)
                              : conv_infer_shape(&s, n->attributes, x_shape(n), w_shape(n), NULL);
    assert(status == STRIA_OK);
    (void)status;
    return s;
}

static bool window_is_compact(const window *w) {
    int64_t most = 2 * w->in + 64;
    return w->before <= most && w->kernel <= most && (w->kernel - 1) * w->dilation <= most;
}

bool conv_is_compact(const conv_shape *s) {
    return window_is_compact(&s->y) && window_is_compact(&s->x);
}

/* The last rank − 2 of three sizes. */
static shape spatial_shape(int rank, int64_t batch, int64_t channels, const int64_t size[3]) {
    shape y = {rank, {batch, channels}};
    for (int d = 2; d < rank; d++) y.dim[d] = size[3 - rank + d];
    return y;
}

shape conv_result_shape(const conv_shape *s, int rank) {
    return spatial_shape(rank, s->batch, s->oc, (int64_t[]){s->z.out, s->y.out, s->x.out});
}

shape conv_image_shape(const conv_shape *s, int rank) {
    return spatial_shape(rank, s->batch, s->ic, (int64_t[]){s->z.in, s->y.in, s->x.in});
}

static shape y_shape(const node *n, const conv_shape *s) {
    return conv_result_shape(s, x_shape(n)->rank);
}

static stria_status infer(node *n, stria_error *err) {
    conv_shape s;
    TRY(rule_floats(n, 0, err));
    TRY(conv_infer_shape(&s, n->attributes, x_shape(n), w_shape(n), err));
    if (rule_input(n, 2)) {
        const shape *b = &n->in[2]->shape;
        char text[192];
        if (b->rank != 1 || b->dim[0] != s.oc)
            FAIL(err, STRIA_BAD_SHAPE, "bias is %s, expected [%lld]", shape_text(b, text), (long long)s.oc);
    }
    shape y = y_shape(n, &s);
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status infer_gradient(node *n, stria_error *err) {
    conv_shape s;
    TRY(rule_floats(n, 0, err));
    TRY(conv_infer_shape(&s, n->attributes, x_shape(n), w_shape(n), err));
    shape y = y_shape(n, &s);
    TRY(rule_same_shape(&n->in[0]->shape, "dy", &y, "the convolution's output", err));
    return rule_output(n, 0, n->in[0]->type, n->op == &op_ConvDataGradient ? x_shape(n) : w_shape(n), err);
}

/* ---- gradients ---- */

value *conv_bias_gradient(builder *b, value *dy) {
    int64_t axes[4] = {0, 2, 3, 4};
    value *list = build_i64(b, axes, dy->shape.rank - 1);
    return list ? build2(b, &op_ReduceSum, dy, list, &(reduce_attributes){0, 0}) : NULL;
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *x = n->in[0], *w = n->in[1];
    if (wanted[0]) dx[0] = build(&b, &op_ConvDataGradient, (value *[]){dy[0], w, x}, 3, n->attributes);
    if (wanted[1]) dx[1] = build(&b, &op_ConvWeightGradient, (value *[]){dy[0], x, w}, 3, n->attributes);
    if (rule_input(n, 2) && wanted[2]) dx[2] = conv_bias_gradient(&b, dy[0]);
    return b.status;
}

/* dx = ∂T/∂x(dy, w): bilinear in dy and w; e is the gradient of dx and stands in x's place. */
static stria_status data_gradient(graph *g, const node *n, value *const *e, const bool *wanted, value **d,
                                  stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *dy = n->in[0], *w = n->in[1];
    if (wanted[0]) d[0] = build2(&b, &op_Conv, e[0], w, n->attributes);
    if (wanted[1]) d[1] = build(&b, &op_ConvWeightGradient, (value *[]){dy, e[0], w}, 3, n->attributes);
    return b.status;
}

/* dw = ∂T/∂w(dy, x): bilinear in dy and x; e is the gradient of dw and stands in w's place. */
static stria_status weight_gradient(graph *g, const node *n, value *const *e, const bool *wanted, value **d,
                                    stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *dy = n->in[0], *x = n->in[1];
    if (wanted[0]) d[0] = build2(&b, &op_Conv, x, e[0], n->attributes);
    if (wanted[1]) d[1] = build(&b, &op_ConvDataGradient, (value *[]){dy, e[0], x}, 3, n->attributes);
    return b.status;
}

op_cost conv_cost(const node *n) {
    conv_shape s = conv_shape_of(n);
    int64_t outputs = size_mul(size_mul(s.batch, s.oc), size_mul(s.z.out, size_mul(s.y.out, s.x.out)));
    assert(s.groups > 0);
    int64_t taps = size_mul(s.ic / s.groups, size_mul(s.z.kernel, size_mul(s.y.kernel, s.x.kernel)));
    bool bias = n->op->epilogue && rule_input(n, 2);
    return (op_cost){size_mul(outputs, taps), bias ? shape_count(&n->out[0]->shape) : 0};
}

/* ---- reference ---- */

/* One of x, w, y is accumulated, the other two are read; rows of the three tensors that meet in (b, o, c, u). */
static void walk_row(const conv_shape *s, double *x, double *w, double *y, const double *sum) {
    for (int64_t q = 0; q < s->x.out; q++)
        for (int64_t v = 0; v < s->x.kernel; v++) {
            int64_t column = window_at(&s->x, q, v);
            if (column < 0 || column >= s->x.in) continue;
            if (sum == y) y[q] += x[column] * w[v];
            else if (sum == x) x[column] += y[q] * w[v];
            else w[v] += x[column] * y[q];
        }
}

/* The same of planes that meet in (b, o, c, t). */
static void walk_plane(const conv_shape *s, double *x, double *w, double *y, conv_part part) {
    for (int64_t p = 0; p < s->y.out; p++)
        for (int64_t u = 0; u < s->y.kernel; u++) {
            int64_t row = window_at(&s->y, p, u);
            if (row < 0 || row >= s->y.in) continue;
            double *xr = x + row * s->x.in, *wr = w + u * s->x.kernel, *yr = y + p * s->x.out;
            walk_row(s, xr, wr, yr, part == PART_X ? xr : part == PART_W ? wr : yr);
        }
}

/* And of the images of one channel in and one out. */
static void walk_space(const conv_shape *s, double *x, double *w, double *y, conv_part part) {
    for (int64_t r = 0; r < s->z.out; r++)
        for (int64_t t = 0; t < s->z.kernel; t++) {
            int64_t plane = window_at(&s->z, r, t);
            if (plane < 0 || plane >= s->z.in) continue;
            walk_plane(s, x + plane * s->y.in * s->x.in, w + t * s->y.kernel * s->x.kernel, y + r * s->y.out * s->x.out,
                       part);
        }
}

void conv_walk(const conv_shape *s, double *x, double *w, double *y, conv_part part) {
    assert(s->groups > 0);
    int64_t group_ic = s->ic / s->groups, group_oc = s->oc / s->groups, taps = s->z.kernel * s->y.kernel * s->x.kernel;
    int64_t in = s->z.in * s->y.in * s->x.in, out = s->z.out * s->y.out * s->x.out;
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t o = 0; o < s->oc; o++)
            for (int64_t c = 0; c < group_ic; c++) {
                int64_t channel = o / group_oc * group_ic + c;
                walk_space(s, x + (b * s->ic + channel) * in, w + (o * group_ic + c) * taps, y + (b * s->oc + o) * out,
                           part);
            }
}

void conv_add_bias(ref_tensor *y, const double *bias) {
    int64_t plane = shape_span(&y->shape, 2, y->shape.rank), count = shape_count(&y->shape);
    assert(count == 0 || (plane > 0 && y->shape.dim[1] > 0));
    for (int64_t i = 0; i < count; i++) y->f[i] += bias[i / plane % y->shape.dim[1]];
}

static stria_status reference(const ref_call *c, stria_error *err) {
    conv_shape s = conv_shape_of(c->node);
    ref_tensor *y = &c->out[0];
    ref_zero(y);
    conv_walk(&s, c->in[0].f, c->in[1].f, y->f, PART_Y);
    if (c->in_count > 2 && c->in[2].f) conv_add_bias(y, c->in[2].f);
    return STRIA_OK;
}

static stria_status reference_data(const ref_call *c, stria_error *err) {
    conv_shape s = conv_shape_of(c->node);
    ref_zero(&c->out[0]);
    conv_walk(&s, c->out[0].f, c->in[1].f, c->in[0].f, PART_X);
    return STRIA_OK;
}

static stria_status reference_weight(const ref_call *c, stria_error *err) {
    conv_shape s = conv_shape_of(c->node);
    ref_zero(&c->out[0]);
    conv_walk(&s, c->in[1].f, c->out[0].f, c->in[0].f, PART_W);
    return STRIA_OK;
}

/* ---- cases ---- */

static const op_case cases[] = {{"2x3x7x6, 4x3x3x3, 4", "pads=1,1,1,1"},
                                {"2x1x9x9, 6x1x5x5, 6", ""},
                                {"3x6x8x8, 16x6x5x5, 16", "kernel_shape=5,5"},
                                {"1x3x8x9, 4x3x3x2, -", "strides=2,3 pads=1,0,2,1"},
                                {"2x2x9x8, 3x2x3x2", "dilations=2,3 pads=0,2,1,1"},
                                {"2x4x6x6, 6x2x3x3, 6", "group=2 strides=2,2 pads=1,1,1,1"},
                                {"2x5x6x5, 5x1x3x3, 5", "group=5 pads=1,1,1,1"},
                                {"1x4x6x5, 8x1x3x3", "group=4 dilations=2,1 pads=2,1,2,1"},
                                {"2x3x7x8, 4x3x2x4", "auto_pad=SAME_UPPER strides=2,2"},
                                {"2x3x7x8, 4x3x2x4", "auto_pad=SAME_LOWER strides=1,3"},
                                {"1x2x5x5, 3x2x2x2", "auto_pad=VALID strides=2,2"},
                                {"2x8x5x5, 9x8x1x1, 9", ""},
                                {"2x17x4x4, 33x17x3x3, 33", "pads=1,1,1,1"},
                                {"2x3x11, 4x3x3, 4", "strides=2 pads=1,2"},
                                {"1x4x9, 4x2x2", "group=2 dilations=3 pads=1,1"},
                                {"2x3x5x4x6, 4x3x3x2x3, 4", "pads=1,0,1,1,1,1"},
                                {"1x4x6x5x7, 6x2x2x3x2", "group=2 strides=2,1,3 dilations=2,2,1 pads=1,2,0,0,2,1"},
                                {"1x2x5x6x4, 3x2x2x3x3, 3", "auto_pad=SAME_UPPER strides=2,2,1"},
                                {0}};

static const op_case data_cases[] = {
    {"2x4x7x6, 4x3x3x3, 2x3x7x6", "pads=1,1,1,1"},
    {"1x4x5x3, 4x3x3x2, 1x3x8x9", "strides=2,3 pads=1,0,2,1"},
    {"2x3x6x8, 3x2x3x2, 2x2x9x8", "dilations=2,3 pads=0,2,1,1"},
    {"2x6x3x3, 6x2x3x3, 2x4x6x6", "group=2 strides=2,2 pads=1,1,1,1"},
    {"2x16x4x4, 16x6x5x5, 2x6x8x8", ""},
    {"2x9x5x5, 9x8x1x1, 2x8x5x5", ""},
    {"2x4x4x4, 4x3x2x4, 2x3x7x8", "auto_pad=SAME_UPPER strides=2,2"},
    {"2x4x6, 4x3x3, 2x3x11", "strides=2 pads=1,2"},
    {"1x4x5x4x6, 4x3x3x2x3, 1x3x5x4x6", "pads=1,0,1,1,1,1"},
    {"1x6x3x5x3, 6x2x2x3x2, 1x4x6x5x7", "group=2 strides=2,1,3 dilations=2,2,1 pads=1,2,0,0,2,1"},
    {0}};

static const op_case weight_cases[] = {
    {"2x4x7x6, 2x3x7x6, 4x3x3x3", "pads=1,1,1,1"},
    {"1x4x5x3, 1x3x8x9, 4x3x3x2", "strides=2,3 pads=1,0,2,1"},
    {"2x3x6x8, 2x2x9x8, 3x2x3x2", "dilations=2,3 pads=0,2,1,1"},
    {"2x6x3x3, 2x4x6x6, 6x2x3x3", "group=2 strides=2,2 pads=1,1,1,1"},
    {"2x16x4x4, 2x6x8x8, 16x6x5x5", ""},
    {"2x9x5x5, 2x8x5x5, 9x8x1x1", ""},
    {"2x4x4x4, 2x3x7x8, 4x3x2x4", "auto_pad=SAME_UPPER strides=2,2"},
    {"2x4x6, 2x3x11, 4x3x3", "strides=2 pads=1,2"},
    {"1x4x5x4x6, 1x3x5x4x6, 4x3x3x2x3", "pads=1,0,1,1,1,1"},
    {"1x6x3x5x3, 1x4x6x5x7, 6x2x2x3x2", "group=2 strides=2,1,3 dilations=2,2,1 pads=1,2,0,0,2,1"},
    {0}};

/* ---- definitions ---- */

const op_def op_Conv = {
    .name = "Conv",
    .domain = "",
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(conv_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = gradient,
    .cost = conv_cost,
    .reference = reference,
    .cases = cases,
    .learnable_inputs = 1 << 1 | 1 << 2,
    .layouts = LAYOUT_IMAGE,
    .image_inputs = 1 << 0,
    .product = true,
    .epilogue = true,
    .note = "A correlation, as in every framework: the kernel is not flipped. SAME_UPPER puts an odd pixel "
            "of padding at the end, as TensorFlow's same. Images have one, two or three dimensions.",
    .text = "y[b,o,p,q] = bias[o] + Σ x[b,c,p·sh+u·dh−pt,q·sw+v·dw−pl] · w[o,c,u,v]",
};

const op_def op_ConvDataGradient = {
    .name = "ConvDataGradient",
    .domain = "stria",
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(conv_attributes),
    .fields = fields,
    .infer = infer_gradient,
    .gradient = data_gradient,
    .cost = conv_cost,
    .reference = reference_data,
    .cases = data_cases,
    .shape_inputs = 1 << 2,
    .layouts = LAYOUT_IMAGE,
    .image_inputs = 1 << 0 | 1 << 2,
    .text = "dx[b,c,i,j] = Σ dy[b,o,p,q] · w[o,c,u,v] where p·sh+u·dh−pt = i and q·sw+v·dw−pl = j",
};

const op_def op_ConvWeightGradient = {
    .name = "ConvWeightGradient",
    .domain = "stria",
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(conv_attributes),
    .fields = fields,
    .infer = infer_gradient,
    .gradient = weight_gradient,
    .cost = conv_cost,
    .reference = reference_weight,
    .cases = weight_cases,
    .shape_inputs = 1 << 2,
    .layouts = LAYOUT_IMAGE,
    .image_inputs = 1 << 0 | 1 << 1,
    .plain_outputs = 1 << 0,
    .text = "dw[o,c,u,v] = Σ dy[b,o,p,q] · x[b,c,p·sh+u·dh−pt,q·sw+v·dw−pl]",
};
