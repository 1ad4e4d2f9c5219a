/* Convolution in batch-last storage against a plain loop: integers exactly, every instruction set of this machine, any
 * pitches, threads 1, 2 and 7 with equal bits, nothing outside the tensors touched. */
#include "base/memory.h"
#include "check.h"
#include "kernel/conv_batch.h"
#include "kernel_guard.h"

#include <stdlib.h>

typedef struct tensor {
    float *data, *block;
    batch_pitch pitch;
    int64_t floats;
} tensor;

#define SHAPE(batch, ic, ih, iw, oc, oh, ow, kh, kw, sh, sw, pt, pl, pb, pr, dh, dw, groups)                           \
    {                                                                                                                  \
        batch, ic, oc, groups, {ih, oh, kh, sh, dh, pt, pb}, {                                                         \
            iw, ow, kw, sw, dw, pl, pr                                                                                 \
        }                                                                                                              \
    }

static const conv_shape shapes[] = {
    /* batch ic ih iw oc oh ow kh kw sh sw pt pl pb pr dh dw groups */
    SHAPE(16, 1, 28, 28, 6, 28, 28, 5, 5, 1, 1, 2, 2, 2, 2, 1, 1, 1),
    SHAPE(64, 6, 14, 14, 16, 10, 10, 5, 5, 1, 1, 0, 0, 0, 0, 1, 1, 1),
    SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1),
    SHAPE(3, 2, 5, 7, 13, 5, 7, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1),
    SHAPE(17, 4, 9, 8, 6, 4, 3, 3, 3, 2, 3, 0, 1, 1, 0, 1, 1, 2),
    SHAPE(33, 3, 11, 10, 9, 4, 4, 2, 3, 3, 2, 1, 0, 2, 1, 2, 2, 3),
    SHAPE(5, 2, 8, 8, 2, 2, 2, 1, 1, 4, 4, 0, 0, 0, 0, 1, 1, 1),
    SHAPE(31, 5, 6, 13, 7, 10, 15, 3, 4, 1, 1, 4, 3, 2, 3, 1, 1, 1),
    SHAPE(16, 2, 3, 3, 3, 9, 9, 3, 3, 1, 1, 4, 4, 4, 4, 1, 1, 1),
    SHAPE(19, 8, 7, 7, 8, 3, 3, 3, 3, 2, 2, 0, 0, 0, 0, 1, 1, 8),
    SHAPE(20, 3, 12, 9, 4, 3, 2, 4, 3, 3, 2, 2, 1, 1, 0, 3, 4, 1),
    SHAPE(7, 1, 40, 5, 25, 36, 1, 5, 5, 1, 1, 0, 0, 0, 0, 1, 1, 1),
    SHAPE(16, 4, 3, 2, 3, 1, 1, 3, 2, 2000000000, 1999999999, 0, 0, 0, 0, 1, 1, 1), /* strides beyond the image */
};

/* Small integers: every sum is exact, whatever its order. */
static float value(int64_t i, int modulus) {
    return (float)((i * 2654435761u >> 7) % modulus) - (float)(modulus / 2);
}

static tensor tensor_new(int64_t c, int64_t h, int64_t w, int64_t n, int64_t gap, int modulus) {
    tensor t = {.pitch = {0}};
    if (gap) {
        t.pitch.column = n + gap;
        t.pitch.row = t.pitch.column * w + gap;
        t.pitch.channel = t.pitch.row * h + gap;
    } else t.pitch = (batch_pitch){n * w * h, n * w, n};
    t.floats = (c - 1) * t.pitch.channel + (h - 1) * t.pitch.row + (w - 1) * t.pitch.column + n;
    t.data = guard_new(t.floats, &t.block);
    for (int64_t i = 0; i < t.floats; i++) t.data[i] = value(i + modulus, modulus);
    return t;
}

static int64_t at(const tensor *t, int64_t c, int64_t h, int64_t w, int64_t n) {
    return c * t->pitch.channel + h * t->pitch.row + w * t->pitch.column + n;
}

/* Every (output, tap, input) triple of the convolution. */
typedef void visit_fn(void *context, int64_t y, int64_t w, int64_t x);
typedef struct triple {
    const float *a, *b;
    float *c;
    int kind;
} triple;

static void visit(const triple *t, int64_t y, int64_t w, int64_t x) {
    if (t->kind == 0) t->c[y] += t->a[w] * t->b[x];
    if (t->kind == 1) t->c[x] += t->a[w] * t->b[y];
    if (t->kind == 2) t->c[w] += t->a[x] * t->b[y];
}

static void each_image(const conv_shape *s, const tensor *x, const tensor *y, const triple *t, int64_t o, int64_t i,
                       int64_t p, int64_t q, int64_t w, int64_t row, int64_t column) {
    if (row < 0 || row >= s->y.in || column < 0 || column >= s->x.in) return;
    for (int64_t n = 0; n < s->batch; n++) visit(t, at(y, o, p, q, n), w, at(x, i, row, column, n));
}

static void plain(const conv_shape *s, const tensor *x, const tensor *y, const triple *t) {
    int64_t icg = s->ic / s->groups, ocg = s->oc / s->groups, taps = icg * s->y.kernel * s->x.kernel;
    for (int64_t o = 0; o < s->oc; o++)
        for (int64_t k = 0; k < taps; k++)
            for (int64_t p = 0; p < s->y.out; p++)
                for (int64_t q = 0; q < s->x.out; q++)
                    each_image(s, x, y, t, o, o / ocg * icg + k / s->y.kernel / s->x.kernel, p, q, o * taps + k,
                               window_at(&s->y, p, k / s->x.kernel % s->y.kernel),
                               window_at(&s->x, q, k % s->x.kernel));
}

/* Elements of t that the tensor has (not its gaps) equal; gaps of `got` untouched. */
static void compare(const char *what, const kernel_set *ks, int shape, int threads, const tensor *want,
                    const tensor *got) {
    for (int64_t i = 0; i < want->floats; i++)
        if (!CHECK(want->data[i] == got->data[i], "%s isa=%s shape=%d threads=%d at=%lld want=%g got=%g", what, ks->isa,
                   shape, threads, (long long)i, (double)want->data[i], (double)got->data[i]))
            return;
    CHECK(guard_holds(got->block, got->floats), "%s isa=%s shape=%d threads=%d guard", what, ks->isa, shape, threads);
}

/* A copy of t whose elements (not gaps) are `fill`, as a result to be written. */
static tensor tensor_like(const tensor *t, int64_t c, int64_t h, int64_t w, int64_t n, float fill) {
    tensor r = *t;
    r.data = guard_new(r.floats, &r.block);
    for (int64_t i = 0; i < r.floats; i++) r.data[i] = t->data[i];
    for (int64_t i = 0; i < c * h * w * n; i++) r.data[at(&r, i / n / w / h, i / n / w % h, i / n % w, i % n)] = fill;
    return r;
}

static void check_shape(const kernel_set *ks, int shape, int64_t gap, int threads, pool *p) {
    const conv_shape *s = &shapes[shape];
    tensor x = tensor_new(s->ic, s->y.in, s->x.in, s->batch, gap, 7),
           y = tensor_new(s->oc, s->y.out, s->x.out, s->batch, gap, 5);
    tensor w = tensor_new(s->oc, s->ic / s->groups, s->y.kernel * s->x.kernel, 1, 0, 9),
           b = tensor_new(s->oc, 1, 1, 1, 0, 11);
    int64_t floats[3] = {conv_batch_forward_scratch(ks, s, threads), conv_batch_data_scratch(ks, s, threads),
                         conv_batch_weight_scratch(ks, s, threads)};
    float *block[3], *scratch[3];
    for (int i = 0; i < 3; i++) scratch[i] = guard_new(floats[i], &block[i]);
    tensor want = tensor_like(&y, s->oc, s->y.out, s->x.out, s->batch, 0),
           got = tensor_like(&y, s->oc, s->y.out, s->x.out, s->batch, -77);
    for (int64_t o = 0; o < s->oc; o++)
        for (int64_t i = 0; i < s->y.out * s->x.out * s->batch; i++)
            want.data[at(&want, o, i / s->batch / s->x.out, i / s->batch % s->x.out, i % s->batch)] = b.data[o];
    plain(s, &x, &y, &(triple){w.data, x.data, want.data, 0});
    conv_batch_forward(ks, p, s, got.data, y.pitch, x.data, x.pitch, w.data, b.data, UNARY_identity, 0, 0, scratch[0]);
    compare("forward", ks, shape, threads, &want, &got);
    for (int64_t i = 0; i < s->oc * s->y.out * s->x.out * s->batch; i++) {
        int64_t j = at(&y, i / s->batch / s->x.out / s->y.out, i / s->batch / s->x.out % s->y.out,
                       i / s->batch % s->x.out, i % s->batch);
        if (want.data[j] < 0) want.data[j] = 0;
    }
    conv_batch_forward(ks, p, s, got.data, y.pitch, x.data, x.pitch, w.data, b.data, UNARY_relu, 0, 0, scratch[0]);
    compare("relu", ks, shape, threads, &want, &got);
    conv_batch_forward(ks, p, s, got.data, y.pitch, x.data, x.pitch, w.data, b.data, UNARY_clip, 0, 1e9f, scratch[0]);
    compare("clip", ks, shape, threads, &want, &got);
    tensor dx_want = tensor_like(&x, s->ic, s->y.in, s->x.in, s->batch, 0),
           dx = tensor_like(&x, s->ic, s->y.in, s->x.in, s->batch, -77);
    plain(s, &x, &y, &(triple){w.data, y.data, dx_want.data, 1});
    conv_batch_data(ks, p, s, dx.data, x.pitch, y.data, y.pitch, w.data, scratch[1]);
    compare("data", ks, shape, threads, &dx_want, &dx);
    tensor dw_want = tensor_like(&w, s->oc, s->ic / s->groups, s->y.kernel * s->x.kernel, 1, 0);
    tensor dw = tensor_like(&w, s->oc, s->ic / s->groups, s->y.kernel * s->x.kernel, 1, -77);
    tensor db_want = tensor_like(&b, s->oc, 1, 1, 1, 0), db = tensor_like(&b, s->oc, 1, 1, 1, -77);
    plain(s, &x, &y, &(triple){x.data, y.data, dw_want.data, 2});
    for (int64_t i = 0; i < s->oc * s->y.out * s->x.out * s->batch; i++) {
        int64_t o = i / s->batch / s->x.out / s->y.out;
        db_want.data[o] += y.data[at(&y, o, i / s->batch / s->x.out % s->y.out, i / s->batch % s->x.out, i % s->batch)];
    }
    conv_batch_weight(ks, p, s, dw.data, db.data, x.data, x.pitch, y.data, y.pitch, scratch[2]);
    compare("weight", ks, shape, threads, &dw_want, &dw);
    compare("bias", ks, shape, threads, &db_want, &db);
    for (int i = 0; i < 3; i++) {
        CHECK(guard_holds(block[i], floats[i]), "scratch %d isa=%s shape=%d", i, ks->isa, shape);
        mem_free(block[i]);
    }
    float *blocks[] = {x.block,       y.block,  w.block,       b.block,  want.block,    got.block,
                       dx_want.block, dx.block, dw_want.block, dw.block, db_want.block, db.block};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) mem_free(blocks[i]);
}

/* With fractions the order of a sum shows in its bits: they must not depend on the threads. */
static void check_bits(const kernel_set *ks, pool *const pools[3]) {
    conv_shape s = SHAPE(50, 4, 15, 14, 10, 15, 14, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2);
    int64_t nx = s.ic * s.y.in * s.x.in * s.batch, ny = s.oc * s.y.out * s.x.out * s.batch,
            nw = s.oc * s.ic / s.groups * 9;
    float *x = mem_zalloc((size_t)nx, 4), *dy = mem_zalloc((size_t)ny, 4), *w = mem_zalloc((size_t)nw, 4);
    float *y[2], *dx[2], *dw[2];
    for (int64_t i = 0; i < nx; i++) x[i] = value(i, 1009) / 97;
    for (int64_t i = 0; i < ny; i++) dy[i] = value(i, 1013) / 89;
    for (int64_t i = 0; i < nw; i++) w[i] = value(i, 1019) / 83;
    for (int i = 0; i < 2; i++)
        y[i] = mem_zalloc((size_t)ny, 4), dx[i] = mem_zalloc((size_t)nx, 4), dw[i] = mem_zalloc((size_t)nw + 16, 4);
    batch_pitch flat = {0};
    for (int t = 0; t < 3; t++) {
        int threads = pool_threads(pools[t]), to = t > 0;
        int64_t f = conv_batch_forward_scratch(ks, &s, threads) + conv_batch_data_scratch(ks, &s, threads) +
                    conv_batch_weight_scratch(ks, &s, threads);
        float *scratch = mem_alloc((size_t)f * 4);
        conv_batch_forward(ks, pools[t], &s, y[to], flat, x, flat, w, NULL, UNARY_tanh, 0, 0, scratch);
        conv_batch_data(ks, pools[t], &s, dx[to], flat, dy, flat, w, scratch);
        conv_batch_weight(ks, pools[t], &s, dw[to], dw[to] + nw, x, flat, dy, flat, scratch);
        if (t > 0)
            CHECK(!memcmp(y[0], y[1], (size_t)ny * 4) && !memcmp(dx[0], dx[1], (size_t)nx * 4) &&
                      !memcmp(dw[0], dw[1], (size_t)(nw + s.oc) * 4),
                  "bits isa=%s threads=%d", ks->isa, threads);
        mem_free(scratch);
    }
    float *all[] = {x, dy, w, y[0], y[1], dx[0], dx[1], dw[0], dw[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
}

int main(void) {
    pool *pools[3] = {0};
    int step = getenv("STRIA_TEST_QUICK") ? 4 : 1; /* under an emulator */
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        for (int shape = 0; shape < (int)(sizeof shapes / sizeof *shapes); shape += step)
            for (int i = 0; i < 3; i++) check_shape(*ks, shape, i, pool_threads(pools[i]), pools[i]);
        check_bits(*ks, pools);
    }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
