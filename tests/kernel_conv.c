/* Convolution and its gradients, as matrix products and where channels have one input depthwise, against the defining
 * loops in integers: bit-exact, for every instruction set, in buffers of exact size, with 1, 2 and 7 threads. */
#include "check.h"
#include "kernel/conv.h"
#include "kernel/conv_depthwise.h"
#include "kernel/conv_plain.h"
#include "kernel_exact.h"

#include <math.h>

typedef struct image {
    exact g;
    int64_t n, h, w, c, floats;
    conv_pitch p;
} image;

/* slack: unused floats after each pixel, pixels after each row, rows after each image; values −3…3. */
static image image_new(int64_t n, int64_t h, int64_t w, int64_t c, int64_t slack, uint64_t *seed) {
    image m = {.n = n, .h = h, .w = w, .c = c};
    m.p.pixel = c + slack;
    m.p.row = (w + slack) * m.p.pixel;
    m.p.image = (h + slack) * m.p.row;
    m.floats = (n - 1) * m.p.image + (h - 1) * m.p.row + (w - 1) * m.p.pixel + c;
    m.g = exact_new((size_t)m.floats, 0);
    if (!seed) return m;
    for (int64_t b = 0; b < n; b++)
        for (int64_t y = 0; y < h; y++)
            for (int64_t x = 0; x < w; x++)
                for (int64_t i = 0; i < c; i++)
                    m.g.data[b * m.p.image + y * m.p.row + x * m.p.pixel + i] = (float)exact_random(seed, -3, 3);
    return m;
}

static int64_t at(const image *m, int64_t b, int64_t y, int64_t x, int64_t c) {
    return b * m->p.image + y * m->p.row + x * m->p.pixel + c;
}

typedef struct example {
    conv_shape s;
    image x, y, residual_y, residual_x;
    exact w, bias;
    double *want_y, *want_dx, *want_dw; /* without epilogue; images in the pitches of x and y */
} example;

/* The trilinear form: every product once, into all three derivatives. */
static void example_expect(example *e) {
    const conv_shape *s = &e->s;
    int64_t icg = s->ic / s->groups, ocg = s->oc / s->groups;
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t o = 0; o < s->oc; o++)
            for (int64_t p = 0; p < s->y.out; p++)
                for (int64_t q = 0; q < s->x.out; q++)
                    for (int64_t c = 0; c < icg; c++)
                        for (int64_t u = 0; u < s->y.kernel; u++)
                            for (int64_t v = 0; v < s->x.kernel; v++) {
                                int64_t iy = window_at(&s->y, p, u), ix = window_at(&s->x, q, v);
                                if (iy < 0 || iy >= s->y.in || ix < 0 || ix >= s->x.in) continue;
                                int64_t i = at(&e->x, b, iy, ix, o / ocg * icg + c), j = at(&e->y, b, p, q, o);
                                int64_t k = ((o * icg + c) * s->y.kernel + u) * s->x.kernel + v;
                                e->want_y[j] += (double)e->x.g.data[i] * (double)e->w.data[k];
                                e->want_dx[i] += (double)e->y.g.data[j] * (double)e->w.data[k];
                                e->want_dw[k] += (double)e->x.g.data[i] * (double)e->y.g.data[j];
                            }
}

static int64_t weight_count(const conv_shape *s) {
    return s->oc * (s->ic / s->groups) * s->y.kernel * s->x.kernel;
}

static example example_new(conv_shape s, int64_t slack, uint64_t seed) {
    example e = {.s = s};
    int64_t weights = weight_count(&s);
    e.x = image_new(s.batch, s.y.in, s.x.in, s.ic, slack, &seed);
    e.y = image_new(s.batch, s.y.out, s.x.out, s.oc, slack, &seed);
    e.residual_x = image_new(s.batch, s.y.in, s.x.in, s.ic, slack, &seed);
    e.residual_y = image_new(s.batch, s.y.out, s.x.out, s.oc, slack, &seed);
    e.w = exact_new((size_t)weights, 0);
    for (int64_t i = 0; i < weights; i++) e.w.data[i] = (float)exact_random(&seed, -3, 3);
    int64_t channels = s.ic > s.oc ? s.ic : s.oc;
    e.bias = exact_new((size_t)channels, 0);
    for (int64_t i = 0; i < channels; i++) e.bias.data[i] = (float)exact_random(&seed, -9, 9);
    e.want_y = calloc((size_t)e.y.floats, sizeof(double));
    e.want_dx = calloc((size_t)e.x.floats, sizeof(double));
    e.want_dw = calloc((size_t)weights, sizeof(double));
    example_expect(&e);
    return e;
}

static void example_free(example *e) {
    exact_free(e->x.g);
    exact_free(e->y.g);
    exact_free(e->residual_x.g);
    exact_free(e->residual_y.g);
    exact_free(e->w);
    exact_free(e->bias);
    free(e->want_y);
    free(e->want_dx);
    free(e->want_dw);
}

static double activate(double v, const epilogue *e) {
    double h = fmin(fmax(v * (double)e->alpha + (double)e->beta, 0), 1);
    switch (e->activation) {
    case ACTIVATION_NONE:
        return v;
    case ACTIVATION_RELU:
        return v > 0 ? v : 0;
    case ACTIVATION_LEAKY_RELU:
        return v < 0 ? v * (double)e->alpha : v;
    case ACTIVATION_CLIP:
        return fmin(fmax(v, (double)e->alpha), (double)e->beta);
    case ACTIVATION_SIGMOID:
        return 1 / (1 + exp(-v));
    case ACTIVATION_TANH:
        return tanh(v);
    case ACTIVATION_HARD_SIGMOID:
        return h;
    case ACTIVATION_HARD_SWISH:
        return v * h;
    case ACTIVATION_SWISH:
        return v / (1 + exp(-v * (double)e->alpha));
    }
    return v;
}

/* Every element of got, or the guard value between the pixels. */
static bool image_is(const image *got, const double *want, const image *residual, const float *bias,
                     const epilogue *e) {
    bool *inside = calloc((size_t)got->floats, 1);
    bool same = true;
    for (int64_t b = 0; b < got->n; b++)
        for (int64_t y = 0; y < got->h; y++)
            for (int64_t x = 0; x < got->w; x++)
                for (int64_t c = 0; c < got->c; c++) {
                    int64_t i = at(got, b, y, x, c);
                    double v = want[i];
                    if (e && e->bias) v += (double)bias[c];
                    if (e && e->residual) v += (double)residual->g.data[i];
                    if (e) v = activate(v, e);
                    double error = fabs((double)got->g.data[i] - v);
                    bool whole = !e || e->activation <= ACTIVATION_CLIP;
                    same &= whole ? error == 0 : error <= 2e-6 * fmax(1, fabs(v));
                    inside[i] = true;
                }
    for (int64_t i = 0; i < got->floats; i++) same &= inside[i] || got->g.data[i] == EXACT_FILL;
    free(inside);
    return same;
}

#define CASE_FORMAT                                                                                                    \
    "%s, %d threads: batch %d x %d*%d*%d y %d*%d*%d kernel %d*%d stride %d*%d pad %d,%d dilation %d*%d groups %d "     \
    "slack %d epilogue %d"
#define CASE_VALUES                                                                                                    \
    ks->isa, pool_threads(p), (int)s->batch, (int)s->ic, (int)s->y.in, (int)s->x.in, (int)s->oc, (int)s->y.out,        \
        (int)s->x.out, (int)s->y.kernel, (int)s->x.kernel, (int)s->y.stride, (int)s->x.stride, (int)s->y.before,       \
        (int)s->x.before, (int)s->y.dilation, (int)s->x.dilation, (int)s->groups, (int)(e->x.p.pixel - s->ic), kind

/* kind 0: none; otherwise bias, sometimes a residual, and activation kind − 1. */
static epilogue epilogue_of(const example *e, const image *residual, int kind) {
    epilogue f = {.activation = (enum activation)(kind - 1), .alpha = 0.5f, .beta = 0.25f};
    if (f.activation == ACTIVATION_CLIP) f.alpha = -2, f.beta = 6;
    if (kind != 3) f.bias = e->bias.data;
    if (kind % 2 == 0) f.residual = residual->g.data;
    f.residual_pitch[0] = residual->p.image;
    f.residual_pitch[1] = residual->p.row;
    f.residual_pitch[2] = residual->p.pixel;
    return f;
}

/* Two ways to the same result. */
static size_t packed_floats(const kernel_set *ks, const conv_shape *s, enum conv_op op, bool depthwise) {
    return depthwise ? depthwise_packed_floats(ks, s, op) : conv_packed_floats(ks, s, op);
}
static size_t scratch_floats(const kernel_set *ks, const conv_shape *s, enum conv_op op, pool *p, bool depthwise) {
    size_t bytes = depthwise ? depthwise_scratch_bytes(ks, s, op) : conv_scratch_bytes(ks, s, op, pool_threads(p));
    return bytes / sizeof(float);
}

static void check_images(const kernel_set *ks, pool *p, const example *e, int64_t slack, int kind, enum conv_op op,
                         bool depthwise) {
    const conv_shape *s = &e->s;
    bool forward = op == CONV_FORWARD;
    const image *residual = forward ? &e->residual_y : &e->residual_x;
    epilogue f = epilogue_of(e, residual, kind), *fp = kind ? &f : NULL;
    exact packed = exact_new(packed_floats(ks, s, op, depthwise), 1);
    exact scratch = exact_new(scratch_floats(ks, s, op, p, depthwise), 1);
    if (depthwise) depthwise_pack(ks, s, op, e->w.data, packed.data);
    else conv_pack(ks, s, op, e->w.data, packed.data, p);
    image got = forward ? image_new(s->batch, s->y.out, s->x.out, s->oc, slack, NULL)
                        : image_new(s->batch, s->y.in, s->x.in, s->ic, slack, NULL);
    if (forward)
        (depthwise ? depthwise_forward : conv_forward)(ks, s, e->x.g.data, e->x.p, packed.data, got.g.data, got.p, fp,
                                                       scratch.data, p);
    else
        (depthwise ? depthwise_dx : conv_dx)(ks, s, e->y.g.data, e->y.p, packed.data, got.g.data, got.p, fp,
                                             scratch.data, p);
    bool same = image_is(&got, forward ? e->want_y : e->want_dx, residual, e->bias.data, fp);
    CHECK(same, "%s%s " CASE_FORMAT, depthwise ? "depthwise " : "", forward ? "forward" : "data gradient", CASE_VALUES);
    exact_free(packed);
    exact_free(scratch);
    exact_free(got.g);
}

/* The same order as ONNX's, from or to the pixels of an image. */
static void plain_move(const image *i, float *plain, bool to_plain) {
    for (int64_t b = 0; b < i->n; b++)
        for (int64_t c = 0; c < i->c; c++)
            for (int64_t y = 0; y < i->h; y++)
                for (int64_t x = 0; x < i->w; x++, plain++)
                    if (to_plain) *plain = i->g.data[at(i, b, y, x, c)];
                    else i->g.data[at(i, b, y, x, c)] = *plain;
}

static exact plain_new(const image *i) {
    exact e = exact_new((size_t)(i->n * i->c * i->h * i->w), 1);
    plain_move(i, e.data, true);
    return e;
}

static void check_plain(const kernel_set *ks, pool *p, const example *e, int64_t slack, int kind) {
    const conv_shape *s = &e->s;
    epilogue f = epilogue_of(e, &e->residual_y, kind), *fp = kind ? &f : NULL;
    exact x = plain_new(&e->x), residual = plain_new(&e->residual_y);
    exact packed = exact_new(conv_plain_packed_floats(ks, s), 1);
    exact scratch = exact_new(conv_plain_scratch_bytes(ks, s, pool_threads(p)) / sizeof(float), 1);
    exact y = exact_new((size_t)(s->batch * s->oc * s->y.out * s->x.out), 1);
    image got = image_new(s->batch, s->y.out, s->x.out, s->oc, slack, NULL);
    if (f.residual) f.residual = residual.data;
    conv_plain_pack(ks, s, e->w.data, packed.data, p);
    conv_plain_forward(ks, s, x.data, packed.data, y.data, fp, scratch.data, p);
    plain_move(&got, y.data, false);
    CHECK(image_is(&got, e->want_y, &e->residual_y, e->bias.data, fp), "plain " CASE_FORMAT, CASE_VALUES);
    exact_free(got.g);
    exact_free(y);
    exact_free(scratch);
    exact_free(packed);
    exact_free(residual);
    exact_free(x);
}

static void check_weights(const kernel_set *ks, pool *p, const example *e, int kind, bool depthwise) {
    const conv_shape *s = &e->s;
    int64_t n = weight_count(s);
    bool accumulate = kind % 2 && !depthwise, same = true;
    exact dw = exact_new((size_t)n, 0);
    exact scratch = exact_new(scratch_floats(ks, s, CONV_DW, p, depthwise), 1);
    if (accumulate)
        for (int64_t i = 0; i < n; i++) dw.data[i] = (float)(i % 17);
    if (depthwise) depthwise_dw(ks, s, e->x.g.data, e->x.p, e->y.g.data, e->y.p, dw.data, scratch.data, p);
    else conv_dw(ks, s, e->x.g.data, e->x.p, e->y.g.data, e->y.p, dw.data, accumulate, scratch.data, p);
    for (int64_t i = 0; i < n; i++) same &= (double)dw.data[i] == e->want_dw[i] + (accumulate ? (double)(i % 17) : 0);
    CHECK(same, "%sweight gradient " CASE_FORMAT, depthwise ? "depthwise " : "", CASE_VALUES);
    exact_free(dw);
    exact_free(scratch);
}

static pool *pools[3];

static void check_example(conv_shape s, int64_t slack, uint64_t seed) {
    example e = example_new(s, slack, seed);
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (int i = 0; i < 3; i++) {
            int kind = (int)((seed + (uint64_t)i) % 10);
            check_plain(*ks, pools[i], &e, slack, kind);
            for (int depthwise = 0; depthwise <= conv_is_depthwise(&s); depthwise++) {
                check_images(*ks, pools[i], &e, slack, kind, CONV_FORWARD, depthwise);
                check_images(*ks, pools[i], &e, slack, kind, CONV_DX, depthwise);
                check_weights(*ks, pools[i], &e, kind, depthwise);
            }
        }
    example_free(&e);
}

/* `out` follows from the rest. */
static conv_shape shape_finish(conv_shape s) {
    window *w[2] = {&s.y, &s.x};
    for (int i = 0; i < 2; i++)
        w[i]->out = (w[i]->in + w[i]->before + w[i]->after - window_extent(w[i])) / w[i]->stride + 1;
    return s;
}

static conv_shape shape(int64_t batch, int64_t ic, int64_t ih, int64_t iw, int64_t oc, int64_t k, int64_t stride,
                        int64_t pad, int64_t dilation, int64_t groups) {
    window w = {.kernel = k, .stride = stride, .dilation = dilation, .before = pad, .after = pad};
    conv_shape s = {.batch = batch, .ic = ic, .oc = oc, .groups = groups, .y = w, .x = w};
    s.y.in = ih, s.x.in = iw;
    return shape_finish(s);
}

static void check_known(void) {
    const conv_shape shapes[] = {
        shape(1, 1, 1, 1, 1, 1, 1, 0, 1, 1),          shape(2, 3, 11, 9, 10, 3, 1, 1, 1, 1),
        shape(2, 3, 23, 23, 64, 7, 2, 3, 1, 1),       shape(3, 64, 7, 7, 64, 3, 1, 1, 1, 1),
        shape(2, 64, 8, 8, 32, 1, 1, 0, 1, 1),        shape(2, 33, 9, 7, 47, 3, 2, 1, 1, 1),
        shape(1, 16, 9, 9, 16, 1, 2, 0, 1, 1),        shape(1, 8, 9, 10, 12, 2, 3, 0, 1, 4), /* stride > kernel */
        shape(1, 5, 3, 3, 7, 7, 1, 3, 1, 1),          shape(1, 4, 2, 2, 6, 5, 4, 2, 1, 2),   /* kernel > image */
        shape(1, 17, 12, 12, 18, 3, 1, 4, 4, 1),      shape(2, 20, 13, 13, 20, 3, 2, 2, 2, 20),
        shape(1, 6, 4, 4, 6, 3, 9, 1, 1, 1), /* stride > image */
        shape(1, 6, 4, 4, 6, 3, 2000000000, 1, 1, 1), shape(1, 1024, 3, 5, 40, 1, 1, 0, 1, 1),
        shape(1, 600, 3, 4, 33, 3, 1, 1, 1, 1),       shape(1, 24, 5, 5, 600, 1, 1, 0, 1, 1),
        shape(1, 2, 4, 4, 3, 3, 1, 30, 30, 1), /* windows far sparser than panels */
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check_example(shapes[i], 0, i);
        if (!exact_quick()) check_example(shapes[i], 3, i + 5);
    }
}

static conv_shape shape_random(uint64_t *seed) {
    conv_shape s = {.batch = exact_random(seed, 1, 3),
                    .groups = exact_random(seed, 0, 2) ? 1 : exact_random(seed, 1, 4)};
    s.ic = s.groups * exact_random(seed, 1, exact_random(seed, 0, 1) ? 70 : 6);
    s.oc = s.groups * exact_random(seed, 1, exact_random(seed, 0, 1) ? 70 : 6);
    s.y.kernel = exact_random(seed, 1, 4), s.x.kernel = exact_random(seed, 1, 5);
    s.y.stride = exact_random(seed, 1, 3), s.x.stride = exact_random(seed, 1, 3);
    s.y.dilation = exact_random(seed, 1, 3), s.x.dilation = exact_random(seed, 1, 3);
    s.y.before = exact_random(seed, 0, 3), s.y.after = exact_random(seed, 0, 3);
    s.x.before = exact_random(seed, 0, 3), s.x.after = exact_random(seed, 0, 3);
    int64_t need_h = window_extent(&s.y) - s.y.before - s.y.after;
    int64_t need_w = window_extent(&s.x) - s.x.before - s.x.after;
    s.y.in = (need_h > 0 ? need_h : 1) + exact_random(seed, 0, 9);
    s.x.in = (need_w > 0 ? need_w : 1) + exact_random(seed, 0, 19);
    return shape_finish(s);
}

/* Windows of all sorts, some by one channel and some several times as many results. */
static conv_shape depthwise_random(uint64_t *seed) {
    conv_shape s = {.batch = exact_random(seed, 1, 2), .groups = exact_random(seed, 2, 75)};
    s.ic = s.groups;
    s.oc = s.groups * (exact_random(seed, 0, 2) ? 1 : exact_random(seed, 2, 3));
    bool square = exact_random(seed, 0, 2);
    s.y.kernel = square ? 3 + 2 * exact_random(seed, 0, 1) : exact_random(seed, 1, 6);
    s.x.kernel = square ? s.y.kernel : exact_random(seed, 1, 6);
    s.y.stride = exact_random(seed, 1, square ? 2 : 3), s.x.stride = exact_random(seed, 1, square ? 2 : 3);
    s.y.dilation = exact_random(seed, 0, 3) ? 1 : exact_random(seed, 2, 3);
    s.x.dilation = exact_random(seed, 0, 3) ? 1 : exact_random(seed, 2, 3);
    s.y.before = exact_random(seed, 0, 3), s.y.after = exact_random(seed, 0, 3);
    s.x.before = exact_random(seed, 0, 3), s.x.after = exact_random(seed, 0, 3);
    int64_t need_h = window_extent(&s.y) - s.y.before - s.y.after;
    int64_t need_w = window_extent(&s.x) - s.x.before - s.x.after;
    s.y.in = (need_h > 0 ? need_h : 1) + exact_random(seed, 0, 9);
    s.x.in = (need_w > 0 ? need_w : 1) + exact_random(seed, 0, 25);
    return shape_finish(s);
}

int main(void) {
    const int threads[3] = {1, 2, 7};
    for (int i = 0; i < 3; i++)
        if (pool_new(&pools[i], threads[i], NULL) != STRIA_OK) abort();
    check_known();
    uint64_t seed = 1;
    uint64_t count = exact_quick() ? 10 : 60;
    for (uint64_t i = 0; i < count; i++) check_example(shape_random(&seed), exact_random(&seed, 0, 1), i);
    for (uint64_t i = 0; i < 2 * count; i++) check_example(depthwise_random(&seed), exact_random(&seed, 0, 1), i);
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
