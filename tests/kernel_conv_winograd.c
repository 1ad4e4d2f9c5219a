/* Winograd's convolution by every instruction set, in buffers of exact size, with 1, 2 and 7 threads and equal bits:
 * each element within the bound that follows from the transforms, and the errors of convolutions of what a ReLU leaves
 * within five times (root mean square) those of an ordinary float32 sum. */
#include "check.h"
#include "kernel/products/conv.h"
#include "kernel_exact.h"

#include <math.h>
#include <string.h>

#define U       0x1p-24 /* half a unit in the last place of 1 */
#define THREADS 3

static const int thread_counts[THREADS] = {1, 2, 7};
static pool *pools[THREADS];

/* What each intermediate of the transforms is at most, from the absolute values of what goes in: rows are Bᵀ, G and Aᵀ
 * as the kernels add them up. */
static const double abs_b4[6][6] = {{1, 1.5, 2, 1.5, 1, 0}, {0, 1, 2.5, 2.5, 1, 0}, {0, 1, 2.5, 2.5, 1, 0},
                                    {0, 2, 1, 2, 1, 0},     {0, 0.5, 1, 0.5, 1, 0}, {0, 1, 1.5, 2, 1.5, 1}},
                    abs_g4[6][3] = {{1, 0, 0},
                                    {1 / 3.0, 1 / 3.0, 1 / 3.0},
                                    {1 / 3.0, 1 / 3.0, 1 / 3.0},
                                    {16 / 15.0, 8 / 15.0, 4 / 15.0},
                                    {1 / 15.0, 2 / 15.0, 4 / 15.0},
                                    {0, 0, 1}},
                    abs_a4[4][6] = {
                        {1, 1, 1, 1, 1, 0}, {0, 1, 1, 0.5, 2, 0}, {0, 1, 1, 0.25, 4, 0}, {0, 1, 1, 0.125, 8, 1}};
/* F(2, 5) has the points and so the Bᵀ of F(4, 3). */
static const double abs_g25[6][5] = {{1, 0, 0, 0, 0},
                                     {1 / 3.0, 1 / 3.0, 1 / 3.0, 1 / 3.0, 1 / 3.0},
                                     {1 / 3.0, 1 / 3.0, 1 / 3.0, 1 / 3.0, 1 / 3.0},
                                     {16 / 15.0, 8 / 15.0, 4 / 15.0, 2 / 15.0, 1 / 15.0},
                                     {1 / 15.0, 2 / 15.0, 4 / 15.0, 8 / 15.0, 16 / 15.0},
                                     {0, 0, 0, 0, 1}},
                    abs_a25[4][6] = {{1, 1, 1, 1, 1, 0}, {0, 1, 1, 0.5, 2, 1}};
static const double abs_b2[6][6] = {{1, 0, 1}, {0, 1, 1}, {0, 1, 1}, {0, 1, 0, 1}},
                    abs_g2[6][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, {0, 0, 1}},
                    abs_a2[4][6] = {{1, 1, 1, 0}, {0, 1, 1, 1}};

/* The absolute values of F(m, r)'s matrices. */
typedef struct matrices {
    int side, r;
    const double *b, *g, *a; /* [side][6], [side][r], [m][6] */
} matrices;

static matrices matrices_of(const conv_shape *s, int m) {
    if (s->y.kernel == 5) return (matrices){6, 5, *abs_b4, *abs_g25, *abs_a25};
    return m == 4 ? (matrices){6, 3, *abs_b4, *abs_g4, *abs_a4} : (matrices){4, 3, *abs_b2, *abs_g2, *abs_a2};
}

/* Roundings of an element besides those of the sum over channels: both transforms along both axes, weights, products,
 * bias, residual, activation. */
#define ROUNDINGS 28

typedef struct example {
    conv_shape s;
    exact x, w, bias, residual; /* channels-last; w[oc][ic][r][r] */
    double *y, *sum;            /* without epilogue; Σ|x·w| */
} example;

static double random_unit(uint64_t *seed) {
    return (double)exact_random(seed, -(1 << 20), 1 << 20) * 0x1p-20;
}

/* Sums of twelve uniform numbers are near enough to normal ones. */
static float random_normal(uint64_t *seed) {
    double v = 0;
    for (int i = 0; i < 12; i++) v += random_unit(seed) / 2;
    return (float)v;
}

static exact random_new(int64_t floats, bool relu, uint64_t *seed) {
    exact e = exact_new((size_t)floats, 0);
    for (int64_t i = 0; i < floats; i++) {
        float v = random_normal(seed);
        e.data[i] = relu && v < 0 ? 0 : v;
    }
    return e;
}

/* y = conv(x, w), or of absolute values. */
static void convolve(const example *e, bool absolute, double *y) {
    const conv_shape *s = &e->s;
    int64_t r = s->y.kernel, taps = r * r;
    for (int64_t i = 0; i < s->batch * s->y.out * s->x.out * s->oc; i++) {
        int64_t o = i % s->oc, q = i / s->oc % s->x.out, p = i / s->oc / s->x.out % s->y.out;
        int64_t b = i / s->oc / s->x.out / s->y.out;
        double sum = 0;
        for (int64_t t = 0; t < taps; t++) {
            int64_t iy = window_at(&s->y, p, t / r), ix = window_at(&s->x, q, t % r);
            if (iy < 0 || iy >= s->y.in || ix < 0 || ix >= s->x.in) continue;
            const float *x = e->x.data + ((b * s->y.in + iy) * s->x.in + ix) * s->ic;
            for (int64_t c = 0; c < s->ic; c++) {
                double product = (double)x[c] * (double)e->w.data[(o * s->ic + c) * taps + t];
                sum += absolute ? fabs(product) : product;
            }
        }
        y[i] = sum;
    }
}

static int64_t y_floats(const conv_shape *s) {
    return s->batch * s->y.out * s->x.out * s->oc;
}

static example example_new(conv_shape s, bool relu, uint64_t seed) {
    example e = {.s = s};
    e.x = random_new(s.batch * s.y.in * s.x.in * s.ic, relu, &seed);
    e.w = random_new(s.oc * s.ic * s.y.kernel * s.x.kernel, false, &seed);
    e.bias = random_new(s.oc, false, &seed);
    e.residual = random_new(y_floats(&s), false, &seed);
    e.y = calloc((size_t)y_floats(&s) + 1, sizeof(double));
    e.sum = calloc((size_t)y_floats(&s) + 1, sizeof(double));
    if (!e.y || !e.sum) abort();
    convolve(&e, false, e.y);
    return e;
}

static void example_free(example *e) {
    exact_free(e->x);
    exact_free(e->w);
    exact_free(e->bias);
    exact_free(e->residual);
    free(e->y);
    free(e->sum);
}

/* to[a][b] = Σ left[a][i]·from[i][j]·left[b][j] of absolute values: [rows][rows] of [n][n]. */
static void sandwich(int rows, int n, const double *left, int pitch, const double *from, double *to) {
    for (int a = 0; a < rows; a++)
        for (int b = 0; b < rows; b++) {
            double sum = 0;
            for (int i = 0; i < n; i++)
                for (int j = 0; j < n; j++) sum += left[a * pitch + i] * from[i * n + j] * left[b * pitch + j];
            to[a * rows + b] = sum;
        }
}

/* The tile of |x| of channel c whose results begin at (p, q), 0 in the padding. */
static void tile_absolute(const example *e, int side, int64_t b, int64_t p, int64_t q, int64_t c, double *tile) {
    const conv_shape *s = &e->s;
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++) {
            int64_t iy = window_at(&s->y, p, i), ix = window_at(&s->x, q, j);
            bool inside = iy >= 0 && iy < s->y.in && ix >= 0 && ix < s->x.in;
            const float *x = e->x.data + ((b * s->y.in + iy) * s->x.in + ix) * s->ic + c;
            tile[i * side + j] = inside ? fabs((double)*x) : 0;
        }
}

/* e->sum: what the roundings of every element are relative to, |A|ᵀ·[Σ_c (|G|·|w|·|G|ᵀ) ⊙ (|B|ᵀ·|x|·|B|)]·|A|. */
static void bound_fill(const example *e, int m) {
    const conv_shape *s = &e->s;
    matrices f = matrices_of(s, m);
    int points = f.side * f.side, taps = f.r * f.r;
    double *u = calloc((size_t)(s->oc * s->ic * points) + 1, sizeof *u);
    double *v = calloc((size_t)(s->ic * points) + 1, sizeof *v);
    if (!u || !v) abort();
    for (int64_t i = 0; i < s->oc * s->ic; i++) {
        double w[25];
        for (int t = 0; t < taps; t++) w[t] = fabs((double)e->w.data[i * taps + t]);
        sandwich(f.side, f.r, f.g, f.r, w, u + i * points);
    }
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t p = 0; p < s->y.out; p += m)
            for (int64_t q = 0; q < s->x.out; q += m) {
                for (int64_t c = 0; c < s->ic; c++) {
                    double tile[36];
                    tile_absolute(e, f.side, b, p, q, c, tile);
                    sandwich(f.side, f.side, f.b, 6, tile, v + c * points);
                }
                for (int64_t o = 0; o < s->oc; o++) {
                    double sums[36] = {0}, y[16];
                    for (int64_t c = 0; c < s->ic; c++)
                        for (int k = 0; k < points; k++) sums[k] += u[(o * s->ic + c) * points + k] * v[c * points + k];
                    sandwich(m, f.side, f.a, 6, sums, y);
                    for (int i = 0; i < m * m; i++)
                        if (p + i / m < s->y.out && q + i % m < s->x.out)
                            e->sum[((b * s->y.out + p + i / m) * s->x.out + q + i % m) * s->oc + o] = y[i];
                }
            }
    free(u);
    free(v);
}

#define CASE_FORMAT "F(%d, %d) %s, %d threads: batch %d x %d*%d*%d y %d*%d*%d pad %d,%d epilogue %d"
#define CASE_VALUES                                                                                                    \
    m, (int)s->y.kernel, ks->isa, pool_threads(p), (int)s->batch, (int)s->ic, (int)s->y.in, (int)s->x.in, (int)s->oc,  \
        (int)s->y.out, (int)s->x.out, (int)s->y.before, (int)s->x.before, kind

/* kind 0: none; 1: bias; 2: bias and ReLU; 3: residual; 4: all three; 5: bias, and a clip. */
static epilogue epilogue_of(const example *e, int kind) {
    epilogue f = {.activation = kind == 5                ? ACTIVATION_CLIP
                                : kind == 2 || kind == 4 ? ACTIVATION_RELU
                                                         : ACTIVATION_NONE,
                  .alpha = -1,
                  .beta = 2};
    if (kind != 3) f.bias = e->bias.data;
    if (kind == 3 || kind == 4) f.residual = e->residual.data;
    return f;
}

static double finished(const epilogue *f, int64_t oc, int64_t i, double v) {
    if (f->bias) v += (double)f->bias[i % oc];
    if (f->residual) v += (double)f->residual[i];
    if (f->activation == ACTIVATION_RELU) return v > 0 ? v : 0;
    if (f->activation == ACTIVATION_CLIP) return fmin(fmax(v, (double)f->alpha), (double)f->beta);
    return v;
}

static void check_bound(const example *e, int m, const kernel_set *ks, pool *p, int kind, const float *got) {
    const conv_shape *s = &e->s;
    epilogue f = epilogue_of(e, kind);
    for (int64_t i = 0; i < y_floats(s); i++) {
        double want = kind ? finished(&f, s->oc, i, e->y[i]) : e->y[i];
        double bound = (double)(s->ic + ROUNDINGS) * U * (e->sum[i] + 8) + 1e-37;
        bool holds = fabs((double)got[i] - want) <= bound;
        if (!holds || i + 1 == y_floats(s))
            CHECK(holds, CASE_FORMAT ": element %lld is %.9g, not %.9g ± %.2g", CASE_VALUES, (long long)i,
                  (double)got[i], want, bound);
        if (!holds) return;
    }
}

/* Runs into y; the plan's scratch and packed weights have their exact sizes. */
static void run(const example *e, int m, const kernel_set *ks, pool *p, int kind, float *y) {
    arena a = {0};
    conv_plan *plan = conv_plan_new(m == 4 ? conv_winograd_4 : conv_winograd_2, ks, &e->s, pool_threads(p), &a);
    if (!plan) abort();
    exact scratch = exact_new(plan->scratch_bytes / sizeof(float), 1), packed = exact_new(plan->packed_floats, 1);
    epilogue f = epilogue_of(e, kind);
    conv_pack(plan, e->w.data, packed.data, p);
    conv_run(plan, &(conv_data){e->x.data, packed.data, y, kind ? &f : NULL, scratch.data}, p);
    exact_free(scratch);
    exact_free(packed);
    arena_release(&a);
}

static void check_set(const example *e, int m, const kernel_set *ks, int kind) {
    const conv_shape *s = &e->s;
    exact first = exact_new((size_t)y_floats(s), 0);
    run(e, m, ks, pools[0], kind, first.data);
    check_bound(e, m, ks, pools[0], kind, first.data);
    for (int i = 1; i < THREADS; i++) {
        pool *p = pools[i];
        exact y = exact_new((size_t)y_floats(s), 0);
        run(e, m, ks, p, kind, y.data);
        CHECK(memcmp(y.data, first.data, (size_t)y_floats(s) * sizeof(float)) == 0, CASE_FORMAT ": other bits",
              CASE_VALUES);
        exact_free(y);
    }
    exact_free(first);
}

static void check_example(conv_shape s, uint64_t seed) {
    example e = example_new(s, false, seed);
    for (int m = 2; m <= 4; m += 2) {
        if (!conv_is_winograd(&s, m)) continue;
        bound_fill(&e, m);
        for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) check_set(&e, m, *ks, (int)(seed % 6));
    }
    example_free(&e);
}

/* ---- the size of errors ---- */

/* The root mean square of got − want over that of an ordinary sum, products in the order of the weights. */
static double errors_share(const example *e, const float *got) {
    const conv_shape *s = &e->s;
    int64_t r = s->y.kernel, taps = r * r;
    double errors = 0, ordinary = 0;
    for (int64_t i = 0; i < y_floats(s); i++) {
        int64_t o = i % s->oc, q = i / s->oc % s->x.out, p = i / s->oc / s->x.out;
        float sum = 0;
        for (int64_t k = 0; k < s->ic * taps; k++) {
            int64_t iy = window_at(&s->y, p, k % taps / r), ix = window_at(&s->x, q, k % r);
            if (iy < 0 || iy >= s->y.in || ix < 0 || ix >= s->x.in) continue;
            sum += e->x.data[(iy * s->x.in + ix) * s->ic + k / taps] * e->w.data[o * s->ic * taps + k];
        }
        errors += pow((double)got[i] - e->y[i], 2), ordinary += pow((double)sum - e->y[i], 2);
    }
    return sqrt(errors / ordinary);
}

static conv_shape shape_of(int64_t r, int64_t batch, int64_t ic, int64_t ih, int64_t iw, int64_t oc, int64_t pad) {
    window w = {.kernel = r, .stride = 1, .dilation = 1, .before = pad, .after = pad};
    conv_shape s = {.batch = batch, .ic = ic, .oc = oc, .groups = 1, .y = w, .x = w};
    s.y.in = ih, s.y.out = ih + 2 * pad - (r - 1);
    s.x.in = iw, s.x.out = iw + 2 * pad - (r - 1);
    return s;
}
static conv_shape shape(int64_t batch, int64_t ic, int64_t ih, int64_t iw, int64_t oc, int64_t pad) {
    return shape_of(3, batch, ic, ih, iw, oc, pad);
}

static void check_errors(int64_t r, int64_t ic, uint64_t seed) {
    conv_shape s = shape_of(r, 1, ic, 16, 16, 24, r / 2);
    example e = example_new(s, true, seed);
    exact y = exact_new((size_t)y_floats(&s), 0);
    for (int m = 2; m <= (r == 3 ? 4 : 2); m += 2)
        for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
            run(&e, m, *ks, NULL, 0, y.data);
            double share = errors_share(&e, y.data), most = m == 4 || r == 5 ? 5 : 2;
            CHECK(share <= most, "F(%d, %d) %s of %d channels: errors %.2f times those of an ordinary sum, not %.0f", m,
                  (int)r, (*ks)->isa, (int)ic, share, most);
            if (getenv("STRIA_TEST_VERBOSE"))
                printf("F(%d, %d) %s of %d channels: errors %.2f times those of an ordinary sum\n", m, (int)r,
                       (*ks)->isa, (int)ic, share);
        }
    exact_free(y);
    example_free(&e);
}

/* ---- the rule ---- */

/* Which m the rule takes, 0: none. Large layers take 4, small images with many weights 2, and single pixels and few
 * channels none. */
static int chosen(const kernel_set *ks, conv_shape s) {
    return conv_winograd_share(ks, &s, 4) <= 1 ? 4 : conv_winograd_share(ks, &s, 2) <= 1 ? 2 : 0;
}

static void check_rule(void) {
    for (const kernel_set *const *k = kernel_sets(); *k; k++) {
        const kernel_set *ks = *k;
        CHECK(chosen(ks, shape(1, 128, 56, 56, 128, 1)) == 4, "%s: 128 channels of 56 pixels", ks->isa);
        CHECK(chosen(ks, shape(8, 16, 32, 32, 16, 1)) == 4, "%s: 16 channels of 32 pixels", ks->isa);
        CHECK(chosen(ks, shape(8, 512, 2, 2, 512, 1)) != 4, "%s: 8 images of 4 pixels", ks->isa);
        CHECK(chosen(ks, shape_of(5, 8, 64, 27, 27, 192, 2)) == 2, "%s: windows of 5x5", ks->isa);
        CHECK(chosen(ks, shape_of(7, 8, 64, 27, 27, 192, 3)) == 0, "%s: windows of 7x7", ks->isa);
        CHECK(chosen(ks, shape(1, 3, 224, 224, 64, 1)) == 0, "%s: 3 channels", ks->isa);
        CHECK(chosen(ks, shape(1, 512, 1, 1, 512, 1)) == 0, "%s: 1 pixel", ks->isa);
        CHECK(chosen(ks, shape(0, 64, 8, 8, 64, 1)) == 0, "%s: no image", ks->isa);
    }
}

static conv_shape shape_random(uint64_t *seed) {
    int64_t r = exact_random(seed, 0, 2) ? 3 : 5;
    conv_shape s = shape_of(r, exact_random(seed, 1, 3), exact_random(seed, 1, 40), 1, 1, exact_random(seed, 1, 90), 0);
    window *w[2] = {&s.y, &s.x};
    for (int i = 0; i < 2; i++) {
        w[i]->before = exact_random(seed, 0, 3), w[i]->after = exact_random(seed, 0, 3);
        w[i]->in = exact_random(seed, 1, 17);
        if (w[i]->in + w[i]->before + w[i]->after < r) w[i]->in = r;
        w[i]->out = w[i]->in + w[i]->before + w[i]->after - (r - 1);
        if (w[i]->out > 1 && exact_random(seed, 0, 3) == 0) w[i]->out--; /* it may be smaller than the image allows */
    }
    return s;
}

int main(void) {
    for (int i = 0; i < THREADS; i++)
        if (pool_new(&pools[i], thread_counts[i], NULL) != STRIA_OK) abort();
    const conv_shape known[] = {
        shape(1, 1, 3, 3, 1, 0), /* one result */
        shape(2, 5, 1, 1, 7, 1), /* one pixel */
        shape(0, 4, 5, 5, 4, 1), /* no image */
        shape(3, 70, 7, 7, 130, 1),    shape(1, 64, 13, 6, 64, 1),       shape(2, 33, 30, 26, 17, 2),
        shape(1, 16, 6, 5, 200, 0),    shape(1, 3, 40, 50, 9, 1),        shape_of(5, 2, 24, 27, 27, 33, 2),
        shape_of(5, 1, 7, 5, 6, 3, 0), shape_of(5, 1, 40, 3, 2, 150, 2),
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) check_example(known[i], i);
    if (!exact_quick()) check_example(shape(1, 8, 224, 222, 64, 1), 2); /* stored past the caches */
    uint64_t seed = 1, count = exact_quick() ? 6 : 40;
    for (uint64_t i = 0; i < count; i++) check_example(shape_random(&seed), i);
    for (int64_t ic = 16; ic <= (exact_quick() ? 16 : 256); ic *= 4) {
        check_errors(3, ic, (uint64_t)ic);
        check_errors(5, ic, (uint64_t)ic);
    }
    check_rule();
    for (int i = 0; i < THREADS; i++) pool_release(pools[i]);
    return check_report();
}
