/* Convolution and its gradients by every family of kernels, with every epilogue, against the defining loops in
 * integers: bit-exact, for every instruction set, in buffers of exact size, with 1, 2 and 7 threads. */
#include "check.h"
#include "kernel/products/conv.h"
#include "kernel_exact.h"

#include <math.h>

typedef struct image {
    exact g;
    int64_t n, h, w, c, floats;
    conv_pitch p;
} image;

/* Values −3…3. */
static image image_new(int64_t n, int64_t h, int64_t w, int64_t c, uint64_t *seed) {
    image m = {.n = n, .h = h, .w = w, .c = c, .floats = n * h * w * c, .p = conv_pitch_of(h, w, c)};
    m.g = exact_new((size_t)m.floats, 0);
    for (int64_t i = 0; i < m.floats && seed; i++) m.g.data[i] = (float)exact_random(seed, -3, 3);
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

static example example_new(conv_shape s, uint64_t seed) {
    example e = {.s = s};
    int64_t weights = weight_count(&s);
    e.x = image_new(s.batch, s.y.in, s.x.in, s.ic, &seed);
    e.y = image_new(s.batch, s.y.out, s.x.out, s.oc, &seed);
    e.residual_x = image_new(s.batch, s.y.in, s.x.in, s.ic, &seed);
    e.residual_y = image_new(s.batch, s.y.out, s.x.out, s.oc, &seed);
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

static bool image_is(const image *got, const double *want, const image *residual, const float *bias,
                     const epilogue *e) {
    for (int64_t i = 0; i < got->floats; i++) {
        double v = want[i];
        if (e && e->bias) v += (double)bias[i % got->c];
        if (e && e->residual) v += (double)residual->g.data[i];
        if (e) v = activate(v, e);
        double error = fabs((double)got->g.data[i] - v);
        bool whole = !e || e->activation <= ACTIVATION_CLIP;
        if (whole ? error != 0 : error > 2e-6 * fmax(1, fabs(v))) return false;
    }
    return true;
}

#define CASE_FORMAT                                                                                                    \
    "%s, %d threads: batch %d x %d*%d*%d y %d*%d*%d kernel %d*%d stride %d*%d pad %d,%d dilation %d*%d groups %d "     \
    "epilogue %d"
#define CASE_VALUES                                                                                                    \
    ks->isa, pool_threads(p), (int)s->batch, (int)s->ic, (int)s->y.in, (int)s->x.in, (int)s->oc, (int)s->y.out,        \
        (int)s->x.out, (int)s->y.kernel, (int)s->x.kernel, (int)s->y.stride, (int)s->x.stride, (int)s->y.before,       \
        (int)s->x.before, (int)s->y.dilation, (int)s->x.dilation, (int)s->groups, kind

/* kind 0: none; otherwise bias, sometimes a residual, and activation kind − 1. */
static epilogue epilogue_of(const example *e, const image *residual, int kind) {
    epilogue f = {.activation = (enum activation)(kind - 1), .alpha = 0.5f, .beta = 0.25f};
    if (f.activation == ACTIVATION_CLIP) f.alpha = -2, f.beta = 6;
    if (kind != 3) f.bias = e->bias.data;
    if (kind % 2 == 0) f.residual = residual->g.data;
    return f;
}

static bool depthwise_accepts(const kernel_set *ks, const conv_shape *s) {
    return conv_is_depthwise(s);
}
static bool rows_accepts(const kernel_set *ks, const conv_shape *s) {
    return conv_merges_rows(s);
}

/* The families, and the order of storage in which each takes images. */
static const struct family {
    const char *name;
    const conv_kernel *kernel;
    enum order {
        PIXELS,
        PLANES,
        IMAGES
    } order; /* what is contiguous: channels of a pixel, an image's planes, images */
    bool (*accepts)(const kernel_set *ks, const conv_shape *s); /* NULL: all */
    int first, end;                                             /* conv_ops that it has */
} families[] = {{"gemm", conv_gemm, PIXELS, NULL, 0, CONV_OPS},
                {"depthwise", conv_depthwise, PIXELS, depthwise_accepts, 0, CONV_OPS},
                {"grouped", conv_grouped, PIXELS, conv_is_grouped, 0, CONV_DW},
                {"rows", conv_rows, PIXELS, rows_accepts, CONV_DW, CONV_OPS},
                {"plain", conv_plain, PLANES, NULL, 0, 1},
                {"batch", conv_batch, IMAGES, NULL, 0, CONV_OPS}};

/* Element (b, y, x, c) of an image in a family's order. */
static int64_t stored(const image *i, enum order order, int64_t b, int64_t y, int64_t x, int64_t c) {
    if (order == PIXELS) return at(i, b, y, x, c);
    if (order == PLANES) return ((b * i->c + c) * i->h + y) * i->w + x;
    return ((c * i->h + y) * i->w + x) * i->n + b;
}

/* From channels-last to a family's order, or back. */
static void image_move(const image *i, enum order order, float *other, bool back) {
    for (int64_t b = 0; b < i->n; b++)
        for (int64_t c = 0; c < i->c; c++)
            for (int64_t y = 0; y < i->h; y++)
                for (int64_t x = 0; x < i->w; x++) {
                    int64_t from = at(i, b, y, x, c), to = stored(i, order, b, y, x, c);
                    if (back) i->g.data[from] = other[to];
                    else other[to] = i->g.data[from];
                }
}

static exact image_stored(const image *i, enum order order) {
    exact e = exact_new((size_t)i->floats, 1);
    image_move(i, order, e.data, false);
    return e;
}

static void check_images(const struct family *f, const kernel_set *ks, pool *p, const example *e, int kind,
                         enum conv_op op, const conv_plan *plan, void *scratch) {
    const conv_shape *s = &e->s;
    bool forward = op == CONV_FORWARD;
    const image *residual = forward ? &e->residual_y : &e->residual_x;
    epilogue fs = epilogue_of(e, residual, kind), *fp = kind ? &fs : NULL;
    exact in = image_stored(forward ? &e->x : &e->y, f->order), other = image_stored(residual, f->order);
    exact packed = exact_new(plan->packed_floats, 1);
    image got = forward ? image_new(s->batch, s->y.out, s->x.out, s->oc, NULL)
                        : image_new(s->batch, s->y.in, s->x.in, s->ic, NULL);
    exact out = exact_new((size_t)got.floats, 1);
    if (fs.residual) fs.residual = other.data;
    conv_pack(plan, e->w.data, packed.data, p);
    conv_run(plan, &(conv_data){in.data, packed.data, out.data, fp, scratch}, p);
    image_move(&got, f->order, out.data, true);
    bool same = image_is(&got, forward ? e->want_y : e->want_dx, residual, e->bias.data, fp);
    CHECK(same, "%s %s " CASE_FORMAT, f->name, forward ? "forward" : "data gradient", CASE_VALUES);
    exact_free(in);
    exact_free(other);
    exact_free(packed);
    exact_free(out);
    exact_free(got.g);
}

static void check_weights(const struct family *f, const kernel_set *ks, pool *p, const example *e, int kind,
                          const conv_plan *plan, void *scratch) {
    const conv_shape *s = &e->s;
    int64_t n = weight_count(s);
    bool same = true;
    exact x = image_stored(&e->x, f->order), dy = image_stored(&e->y, f->order), dw = exact_new((size_t)n, 0);
    conv_run(plan, &(conv_data){x.data, dy.data, dw.data, NULL, scratch}, p);
    for (int64_t i = 0; i < n; i++) same &= (double)dw.data[i] == e->want_dw[i];
    CHECK(same, "%s weight gradient " CASE_FORMAT, f->name, CASE_VALUES);
    exact_free(x);
    exact_free(dy);
    exact_free(dw);
}

/* One plan, run twice: with any epilogue, and with one that has a residual. */
static void check_family(const struct family *f, const kernel_set *ks, pool *p, const example *e, int kind) {
    if (f->accepts && !f->accepts(ks, &e->s)) return;
    for (int op = f->first; op < f->end; op++) {
        arena a = {0};
        conv_plan *plan = conv_plan_new(&f->kernel[op], ks, &e->s, pool_threads(p), &a);
        if (!plan) abort();
        exact scratch = exact_new(plan->scratch_bytes / sizeof(float), 1);
        if (op == CONV_DW) check_weights(f, ks, p, e, kind, plan, scratch.data);
        else
            for (int i = 0; i < 2; i++)
                check_images(f, ks, p, e, i ? (kind / 2 * 2 + 2) % 10 : kind, (enum conv_op)op, plan, scratch.data);
        exact_free(scratch);
        arena_release(&a);
    }
}

static pool *pools[3];

static void check_example(conv_shape s, uint64_t seed) {
    example e = example_new(s, seed);
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (int i = 0; i < 3; i++)
            for (size_t f = 0; f < sizeof families / sizeof *families; f++)
                check_family(&families[f], *ks, pools[i], &e, (int)((seed + (uint64_t)i) % 10));
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
        shape(1, 2, 4, 4, 3, 3, 1, 30, 30, 1),    /* windows far sparser than panels */
        shape(1, 2, 224, 221, 64, 1, 1, 0, 1, 1), /* stored past the caches */
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_example(shapes[i], i);
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

/* Windows of all sorts, some by one channel and some several times as many results, or groups of 2 to 16 channels. */
static conv_shape depthwise_random(uint64_t *seed) {
    conv_shape s = {.batch = exact_random(seed, 1, 2), .groups = exact_random(seed, 2, 75)};
    int64_t group = exact_random(seed, 0, 1) ? 1 : (int64_t)1 << exact_random(seed, 1, 4);
    s.groups = int64_max(2, s.groups / group);
    s.ic = s.groups * group;
    s.oc = s.ic * (group > 1 || exact_random(seed, 0, 2) ? 1 : exact_random(seed, 2, 3));
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
    for (uint64_t i = 0; i < count; i++) check_example(shape_random(&seed), i);
    for (uint64_t i = 0; i < 2 * count; i++) check_example(depthwise_random(&seed), i);
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
