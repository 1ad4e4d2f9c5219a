/* Kernels of losses against double on every instruction set: rows of classes plain and with classes apart, pairs of
 * every kind, logits of ±10⁴ over 1000 classes, infinities; guarded buffers, threads 1, 2, 7 bit-equal. */
#include <math.h>

#include "check.h"
#include "kernel/rows/loss.h"
#include "kernel_guard.h"

static pool *pools[3];

typedef struct sizes {
    int64_t batch, classes, inner;
} sizes;

/* Σ a, ℓ and its slopes of one position of scores `pitch` apart. */
static double plain(const class_loss *l, int64_t i, double *slope) {
    int64_t at = i / l->inner * l->classes * l->inner + i % l->inner, pitch = l->inner;
    double most = -INFINITY, sum = 0, total = 0, loss = 0;
    for (int64_t c = 0; c < l->classes; c++) most = fmax(most, (double)l->x[at + c * pitch]);
    for (int64_t c = 0; c < l->classes; c++) sum += exp((double)l->x[at + c * pitch] - most);
    for (int64_t c = 0; c < l->classes; c++) {
        double w = l->weights ? (double)l->weights[c] : 1, s = (double)l->smoothing;
        double q = l->labels ? (c == l->labels[i] ? 1 : 0) : (double)l->targets[at + c * pitch];
        double a = w * ((1 - s) * q + s / (double)l->classes);
        if (a != 0) loss -= a * ((double)l->x[at + c * pitch] - most - log(sum));
        slope[c] = -a, total += a;
    }
    for (int64_t c = 0; c < l->classes; c++) slope[c] += total * exp((double)l->x[at + c * pitch] - most) / sum;
    return loss;
}

static void check_rows(const kernel_set *ks, sizes z, bool soft, float smoothing, float range) {
    int64_t positions = z.batch * z.inner, n = positions * z.classes;
    float *block[5], *x = guard_new(n, &block[0]), *q = guard_new(n, &block[1]), *dx = guard_new(n, &block[2]);
    float *losses = guard_new(positions, &block[3]), *w = guard_new(z.classes, &block[4]);
    float *first = mem_zalloc((size_t)n, sizeof(float));
    int64_t *labels = mem_zalloc((size_t)positions, sizeof(int64_t));
    double *slope = mem_zalloc((size_t)z.classes, sizeof(double)), sum = 0;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)((i * 37) % 101 - 50) / 50 * range, q[i] = (float)((i * 17) % 23) / 23;
    for (int64_t i = 0; i < positions; i++) labels[i] = (i * 3) % z.classes;
    for (int64_t c = 0; c < z.classes; c++) w[c] = 0.5f + (float)(c % 3);
    class_loss l = {.x = x,
                    .labels = soft ? NULL : labels,
                    .targets = soft ? q : NULL,
                    .weights = w,
                    .ignored = INT64_MIN,
                    .smoothing = smoothing,
                    .batch = z.batch,
                    .classes = z.classes,
                    .inner = z.inner};
    void *scratch = mem_zalloc(class_loss_scratch_bytes(&l, 7) + 1, 1);
    for (int t = 0; t < 3; t++) {
        class_loss_result r = class_loss_run(ks, pools[t], &l, losses, scratch);
        class_loss_gradient(ks, pools[t], &l, 0.5f, NULL, dx, scratch);
        if (t == 0) sum = r.sum, memcpy(first, dx, (size_t)n * sizeof *dx);
        CHECK(sum == r.sum && memcmp(first, dx, (size_t)n * sizeof *dx) == 0, "bits isa=%s threads=%d", ks->isa,
              pool_threads(pools[t]));
    }
    for (int64_t i = 0; i < positions; i++) {
        double want = plain(&l, i, slope), scale = 1;
        for (int64_t c = 0; c < z.classes; c++) scale = fmax(scale, fabs(slope[c]));
        CHECK(fabs((double)losses[i] - want) <= 4e-6 * (fabs(want) + scale), "isa=%s %dx%dx%d soft=%d: %g, not %g",
              ks->isa, (int)z.batch, (int)z.classes, (int)z.inner, soft, (double)losses[i], want);
        for (int64_t c = 0; c < z.classes; c++) {
            double d = (double)dx[i / z.inner * z.classes * z.inner + i % z.inner + c * z.inner];
            CHECK(fabs(d - 0.5 * slope[c]) <= 4e-6 * scale, "isa=%s slope: %g, not %g", ks->isa, d, 0.5 * slope[c]);
        }
    }
    int64_t counts[5] = {n, n, n, positions, z.classes};
    for (int i = 0; i < 5; i++)
        CHECK(guard_holds(block[i], counts[i]), "guard %d isa=%s", i, ks->isa), mem_free(block[i]);
    mem_free(first), mem_free(labels), mem_free(slope), mem_free(scratch);
}

/* A class of share 0 costs nothing, whatever its score; a sure and right one neither. */
static void check_infinities(const kernel_set *ks) {
    float x[3] = {2, -INFINITY, 2}, q[3] = {0.5f, 0, 0.5f}, loss, dx[3];
    class_loss l = {.x = x, .targets = q, .ignored = INT64_MIN, .batch = 1, .classes = 3, .inner = 1};
    double sum = class_loss_run(ks, NULL, &l, &loss, NULL).sum;
    CHECK(fabs(sum - log(2)) < 1e-6, "isa=%s: %g", ks->isa, sum);
    class_loss_gradient(ks, NULL, &l, 1, NULL, dx, NULL);
    CHECK(dx[1] == 0 && fabsf(dx[0]) < 1e-6f, "isa=%s: %g %g", ks->isa, (double)dx[0], (double)dx[1]);
    int64_t label = 1;
    l.labels = &label, l.targets = NULL;
    sum = class_loss_run(ks, NULL, &l, &loss, NULL).sum;
    CHECK(isinf(sum), "an impossible label costs infinity: %g", sum);
    float a[4] = {INFINITY, -INFINITY, INFINITY, NAN}, t[4] = {1, 0, 0, 1}, y[4];
    pair_loss_each(ks, NULL, PAIR_LOSS_binary, y, a, t, 4, 1, 0);
    CHECK(y[0] == 0 && y[1] == 0 && isinf(y[2]) && isnan(y[3]), "isa=%s: %g %g %g %g", ks->isa, (double)y[0],
          (double)y[1], (double)y[2], (double)y[3]);
    float logp[2] = {-INFINITY, -INFINITY}, p[2] = {0, 0.5f};
    pair_loss_each(ks, NULL, PAIR_LOSS_kl, y, logp, p, 2, 1, 0);
    CHECK(y[0] == 0 && isinf(y[1]), "isa=%s: %g %g", ks->isa, (double)y[0], (double)y[1]);
}

/* Sums over any count are those of the elements; slopes are where the elements are. */
static void check_pairs(const kernel_set *ks, pair_loss_kind kind, int64_t n) {
    float *block[4], *x = guard_new(n, &block[0]), *t = guard_new(n, &block[1]), *y = guard_new(n, &block[2]);
    float *d = guard_new(n, &block[3]), one = 1, parts[8];
    double sum = 0, size = 1e-3, again[3];
    for (int64_t i = 0; i < n; i++) x[i] = (float)((i * 37) % 101 - 50) / 16, t[i] = (float)((i * 17) % 23 + 1) / 25;
    pair_loss_each(ks, pools[1], kind, y, x, t, n, 1, 0.75f);
    for (int64_t i = 0; i < n; i++) sum += (double)y[i], size += fabs((double)y[i]);
    for (int k = 0; k < 3; k++) again[k] = pair_loss_sum(ks, pools[k], kind, parts, x, t, n, 0.75f);
    CHECK(again[0] == again[1] && again[1] == again[2], "bits isa=%s", ks->isa);
    CHECK(fabs(again[0] - sum) <= 2e-6 * size, "isa=%s kind %d: %g, not %g", ks->isa, (int)kind, again[0], sum);
    for (int by = 0; by < 2; by++) {
        pair_loss_gradient(ks, pools[2], kind, by, d, &one, 0, x, t, n, 1, 0.75f);
        for (int64_t i = 0; i < n; i += 13) {
            float at[2][2] = {{x[i], t[i]}, {x[i], t[i]}}, f[2];
            at[0][by] -= 0x1p-8f, at[1][by] += 0x1p-8f;
            for (int k = 0; k < 2; k++) pair_loss_each(ks, NULL, kind, &f[k], &at[k][0], &at[k][1], 1, 1, 0.75f);
            double slope = ((double)f[1] - (double)f[0]) * 128;
            CHECK(fabs((double)d[i] - slope) < 0.02 * (1 + fabs(slope)) || fabsf(x[i] - t[i]) < 0.01f,
                  "isa=%s kind %d by %d at %g, %g: slope %g, not %g", ks->isa, (int)kind, by, (double)x[i],
                  (double)t[i], (double)d[i], slope);
        }
    }
    for (int i = 0; i < 4; i++) CHECK(guard_holds(block[i], n), "guard %d isa=%s", i, ks->isa), mem_free(block[i]);
}

int main(void) {
    static const sizes all[] = {{1, 1, 1},    {3, 10, 1},   {130, 17, 1}, {2, 3, 5},
                                {1, 1000, 7}, {5, 1000, 1}, {2, 33, 131}};
    static const int64_t counts[] = {1, 7, 16, 33, 4096, 9001};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        for (int i = 0; i < (int)(sizeof all / sizeof *all); i++)
            for (int k = 0; k < 8; k++) check_rows(*ks, all[i], k & 1, k & 2 ? 0.125f : 0, k & 4 ? 1e4f : 3);
        for (int kind = 0; kind < PAIR_LOSS_COUNT; kind++)
            for (int i = 0; i < (int)(sizeof counts / sizeof *counts); i++)
                check_pairs(*ks, (pair_loss_kind)kind, counts[i]);
        check_infinities(*ks);
    }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
