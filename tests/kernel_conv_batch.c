/* Convolution in batch-last storage against a plain loop: integers exactly, every instruction set of this machine, a
 * residual, threads 1, 2 and 7 with equal bits, nothing outside the tensors touched. */
#include "base/memory.h"
#include "check.h"
#include "kernel/products/conv.h"
#include "kernel/products/conv_batch.h"
#include "kernel_guard.h"

#include <stdlib.h>

typedef struct tensor {
    float *data, *block;
    batch_pitch pitch;
    int64_t floats;
} tensor;

#define SHAPE(batch, ic, ih, iw, oc, oh, ow, kh, kw, sh, sw, pt, pl, pb, pr, dh, dw, groups)                           \
    {                                                                                                                  \
        batch, ic, oc, groups, {ih, oh, kh, sh, dh, pt, pb}, {iw, ow, kw, sw, dw, pl, pr}, {                           \
            0                                                                                                          \
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

static tensor tensor_new(int64_t c, int64_t h, int64_t w, int64_t n, int modulus) {
    tensor t = {.pitch = batch_pitch_of(n, h, w), .floats = c * h * w * n};
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

static void compare(const char *what, const kernel_set *ks, int shape, int threads, const tensor *want,
                    const tensor *got) {
    for (int64_t i = 0; i < want->floats; i++)
        if (!CHECK(want->data[i] == got->data[i], "%s isa=%s shape=%d threads=%d at=%lld want=%g got=%g", what, ks->isa,
                   shape, threads, (long long)i, (double)want->data[i], (double)got->data[i]))
            return;
    CHECK(guard_holds(got->block, got->floats), "%s isa=%s shape=%d threads=%d guard", what, ks->isa, shape, threads);
}

/* A tensor of t's size, as a result to be written. */
static tensor tensor_like(const tensor *t, float fill) {
    tensor r = *t;
    r.data = guard_new(r.floats, &r.block);
    for (int64_t i = 0; i < r.floats; i++) r.data[i] = fill;
    return r;
}

/* Packs and runs in guarded memory. */
static void run(const kernel_set *ks, pool *p, const conv_shape *s, enum conv_op op, const float *a, const float *b,
                float *out, const epilogue *e) {
    arena arena = {0};
    conv_plan *plan = conv_plan_new(&conv_batch[op], ks, s, pool_threads(p), &arena);
    if (!plan) exit(1);
    int64_t floats[2] = {(int64_t)plan->packed_floats, (int64_t)(plan->scratch_bytes / sizeof(float))};
    float *block[2], *packed = guard_new(floats[0], &block[0]), *scratch = guard_new(floats[1], &block[1]);
    if (op != CONV_DW) {
        conv_pack(plan, b, packed, p);
        b = packed;
    }
    conv_run(plan, &(conv_data){a, b, out, e, scratch}, p);
    for (int i = 0; i < 2; i++) {
        CHECK(guard_holds(block[i], floats[i]), "memory %d isa=%s operation=%d", i, ks->isa, (int)op);
        mem_free(block[i]);
    }
    arena_release(&arena);
}

static void check_forward(const kernel_set *ks, int shape, pool *p, const tensor *x, const tensor *y, const tensor *w) {
    const conv_shape *s = &shapes[shape];
    int threads = pool_threads(p);
    tensor b = tensor_new(s->oc, 1, 1, 1, 11), want = tensor_like(y, 0), got = tensor_like(y, -77);
    epilogue e = {.bias = b.data};
    for (int64_t i = 0; i < want.floats; i++) want.data[i] = b.data[i / want.pitch.channel];
    plain(s, x, y, &(triple){w->data, x->data, want.data, 0});
    run(ks, p, s, CONV_FORWARD, x->data, w->data, got.data, &e);
    compare("forward", ks, shape, threads, &want, &got);
    for (int64_t i = 0; i < want.floats; i++) want.data[i] += y->data[i];
    e.residual = y->data;
    run(ks, p, s, CONV_FORWARD, x->data, w->data, got.data, &e);
    compare("residual", ks, shape, threads, &want, &got);
    for (int64_t i = 0; i < want.floats; i++) want.data[i] = want.data[i] < 0 ? 0 : want.data[i];
    e.activation = ACTIVATION_RELU;
    run(ks, p, s, CONV_FORWARD, x->data, w->data, got.data, &e);
    compare("relu", ks, shape, threads, &want, &got);
    e.activation = ACTIVATION_CLIP, e.beta = 1e9f;
    run(ks, p, s, CONV_FORWARD, x->data, w->data, got.data, &e);
    compare("clip", ks, shape, threads, &want, &got);
    mem_free(b.block), mem_free(want.block), mem_free(got.block);
}

static void check_shape(const kernel_set *ks, int shape, pool *p) {
    const conv_shape *s = &shapes[shape];
    int threads = pool_threads(p);
    tensor x = tensor_new(s->ic, s->y.in, s->x.in, s->batch, 7), y = tensor_new(s->oc, s->y.out, s->x.out, s->batch, 5);
    tensor w = tensor_new(s->oc, s->ic / s->groups, s->y.kernel * s->x.kernel, 1, 9);
    check_forward(ks, shape, p, &x, &y, &w);
    tensor dx_want = tensor_like(&x, 0), dx = tensor_like(&x, -77);
    plain(s, &x, &y, &(triple){w.data, y.data, dx_want.data, 1});
    run(ks, p, s, CONV_DX, y.data, w.data, dx.data, NULL);
    compare("data", ks, shape, threads, &dx_want, &dx);
    tensor dw_want = tensor_like(&w, 0), dw = tensor_like(&w, -77);
    plain(s, &x, &y, &(triple){x.data, y.data, dw_want.data, 2});
    run(ks, p, s, CONV_DW, x.data, y.data, dw.data, NULL);
    compare("weight", ks, shape, threads, &dw_want, &dw);
    float *blocks[] = {x.block, y.block, w.block, dx_want.block, dx.block, dw_want.block, dw.block};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) mem_free(blocks[i]);
}

/* With fractions the order of a sum shows in its bits: they must not depend on the threads. */
static void check_bits(const kernel_set *ks, pool *const pools[3]) {
    conv_shape s = SHAPE(50, 4, 15, 14, 10, 15, 14, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2);
    tensor x = tensor_new(s.ic, 15, 14, s.batch, 1009), dy = tensor_new(s.oc, 15, 14, s.batch, 1013);
    tensor w = tensor_new(s.oc, s.ic / s.groups, 9, 1, 1019);
    for (int64_t i = 0; i < x.floats; i++) x.data[i] /= 97;
    for (int64_t i = 0; i < dy.floats; i++) dy.data[i] /= 89;
    for (int64_t i = 0; i < w.floats; i++) w.data[i] /= 83;
    tensor y[2], dx[2], dw[2];
    for (int i = 0; i < 2; i++) y[i] = tensor_like(&dy, 0), dx[i] = tensor_like(&x, 0), dw[i] = tensor_like(&w, 0);
    for (int t = 0; t < 3; t++) {
        int to = t > 0;
        run(ks, pools[t], &s, CONV_FORWARD, x.data, w.data, y[to].data, &(epilogue){.activation = ACTIVATION_TANH});
        run(ks, pools[t], &s, CONV_DX, dy.data, w.data, dx[to].data, NULL);
        run(ks, pools[t], &s, CONV_DW, x.data, dy.data, dw[to].data, NULL);
        if (t > 0)
            CHECK(!memcmp(y[0].data, y[1].data, (size_t)y[0].floats * 4) &&
                      !memcmp(dx[0].data, dx[1].data, (size_t)x.floats * 4) &&
                      !memcmp(dw[0].data, dw[1].data, (size_t)w.floats * 4),
                  "bits isa=%s threads=%d", ks->isa, pool_threads(pools[t]));
    }
    tensor *all[] = {&x, &dy, &w, &y[0], &y[1], &dx[0], &dx[1], &dw[0], &dw[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]->block);
}

int main(void) {
    pool *pools[3] = {0};
    int step = getenv("STRIA_TEST_QUICK") ? 4 : 1; /* under an emulator */
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        for (int shape = 0; shape < (int)(sizeof shapes / sizeof *shapes); shape += step)
            for (int i = 0; i < 3; i++) check_shape(*ks, shape, pools[i]);
        check_bits(*ks, pools);
    }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
