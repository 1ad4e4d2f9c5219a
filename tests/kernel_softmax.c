/* Softmax, its gradient and cross-entropy in both storages against double; large logits, infinities, labels out of
 * range; every instruction set, guarded buffers, threads 1, 2, 7 bit-equal. */
#include <math.h>

#include "check.h"
#include "kernel/rows/softmax.h"
#include "kernel_guard.h"

/* Double softmax of `classes` values, `pitch` apart; returns log Σ exp. */
static double plain(double *p, const float *x, int64_t classes, int64_t pitch) {
    double most = -INFINITY, sum = 0;
    for (int64_t c = 0; c < classes; c++) most = fmax(most, (double)x[c * pitch]);
    for (int64_t c = 0; c < classes; c++) sum += p[c] = exp((double)x[c * pitch] - most);
    for (int64_t c = 0; c < classes; c++) p[c] /= sum;
    return most + log(sum);
}

static void check_softmax(const kernel_set *ks, int64_t outer, int64_t classes, int64_t inner, pool *workers) {
    int64_t n = outer * classes * inner;
    float *block[5], *x = guard_new(n, &block[0]), *y = guard_new(n, &block[1]), *l = guard_new(n, &block[2]);
    float *dy = guard_new(n, &block[3]), *dx = guard_new(n, &block[4]);
    double *p = mem_zalloc((size_t)classes, sizeof(double));
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)((i * 37) % 101) / 7 + (i % 3 ? 0 : 500), dy[i] = (float)((i * 17) % 23) / 9 - 1;
    softmax_run(ks, workers, false, y, x, outer, classes, inner);
    softmax_run(ks, workers, true, l, x, outer, classes, inner);
    for (int logarithm = 0; logarithm < 2; logarithm++) {
        softmax_gradient(ks, workers, logarithm, dx, dy, logarithm ? l : y, outer, classes, inner);
        for (int64_t o = 0; o < outer; o++)
            for (int64_t i = 0; i < inner; i++) {
                int64_t at = o * classes * inner + i;
                double all = plain(p, x + at, classes, inner), sum = 0;
                for (int64_t c = 0; c < classes; c++) sum += (double)dy[at + c * inner] * (logarithm ? 1 : p[c]);
                for (int64_t c = 0; c < classes; c++) {
                    int64_t k = at + c * inner;
                    double want = logarithm ? (double)dy[k] - p[c] * sum : p[c] * ((double)dy[k] - sum);
                    CHECK(fabs((double)y[k] - p[c]) <= 2e-6 * p[c] + 1e-38, "softmax isa=%s %dx%dx%d got=%g want=%g",
                          ks->isa, (int)outer, (int)classes, (int)inner, (double)y[k], p[c]);
                    CHECK(fabs((double)l[k] - ((double)x[k] - all)) <= 2e-6 * (fabs((double)x[k] - all) + 1),
                          "log softmax isa=%s %dx%dx%d got=%g want=%g", ks->isa, (int)outer, (int)classes, (int)inner,
                          (double)l[k], (double)x[k] - all);
                    CHECK(fabs((double)dx[k] - want) <= 1e-4 * (fabs(want) + 0.1),
                          "gradient %d isa=%s %dx%dx%d got=%g want=%g", logarithm, ks->isa, (int)outer, (int)classes,
                          (int)inner, (double)dx[k], want);
                }
            }
    }
    for (int i = 0; i < 5; i++) CHECK(guard_holds(block[i], n), "guard %d isa=%s", i, ks->isa), mem_free(block[i]);
    mem_free(p);
}

static void check_loss(const kernel_set *ks, int64_t batch, int64_t classes, int64_t inner, pool *const pools[3]) {
    int64_t images = batch * inner, n = images * classes;
    float *block[4], *x = guard_new(n, &block[0]), *dx = guard_new(n, &block[1]),
                     *losses = guard_new(images, &block[2]);
    float *first = guard_new(n, &block[3]);
    int64_t *labels = mem_zalloc((size_t)images, sizeof(int64_t));
    double *p = mem_zalloc((size_t)classes, sizeof(double)), sum = 0, one_sum = 0;
    int64_t counted = 0;
    for (int64_t i = 0; i < n; i++) x[i] = (float)((i * 53) % 97) / 9 - 3;
    for (int64_t i = 0; i < images; i++) labels[i] = i % 5 == 4 ? -1 : (i * 3) % classes;
    for (int t = 0; t < 3; t++) {
        cross_entropy_result r = cross_entropy_run(ks, pools[t], losses, x, labels, -1, batch, classes, inner);
        cross_entropy_gradient(ks, pools[t], dx, x, labels, -1, 0.25f, NULL, batch, classes, inner);
        if (t == 0) memcpy(first, dx, (size_t)n * 4), one_sum = r.sum, counted = r.counted;
        CHECK(one_sum == r.sum && !memcmp(first, dx, (size_t)n * 4), "bits isa=%s threads=%d", ks->isa,
              pool_threads(pools[t]));
        CHECK(r.bad == -1, "bad=%d", (int)r.bad);
    }
    int64_t want_counted = 0;
    for (int64_t i = 0; i < images; i++) {
        int64_t at = i / inner * classes * inner + i % inner;
        double all = plain(p, x + at, classes, inner),
               loss = labels[i] < 0 ? 0 : all - (double)x[at + labels[i] * inner];
        want_counted += labels[i] >= 0, sum += loss;
        CHECK(fabs((double)losses[i] - loss) <= 2e-6 * (fabs(loss) + 0.1), "loss isa=%s image=%d got=%g want=%g",
              ks->isa, (int)i, (double)losses[i], loss);
        for (int64_t c = 0; c < classes; c++) {
            double want = labels[i] < 0 ? 0 : 0.25 * (p[c] - (c == labels[i]));
            CHECK(fabs((double)dx[at + c * inner] - want) <= 1e-6, "gradient isa=%s image=%d class=%d got=%g want=%g",
                  ks->isa, (int)i, (int)c, (double)dx[at + c * inner], want);
        }
    }
    CHECK(counted == want_counted && fabs(one_sum - sum) <= 2e-6 * (sum + 1), "sum isa=%s got=%g want=%g", ks->isa,
          one_sum, sum);
    labels[images - 1] = classes;
    cross_entropy_result r = cross_entropy_run(ks, NULL, losses, x, labels, -1, batch, classes, inner);
    CHECK(r.bad == images - 1, "a label out of range is found: %d of %d", (int)r.bad, (int)images);
    labels[images / 2] = -7;
    r = cross_entropy_run(ks, NULL, losses, x, labels, -1, batch, classes, inner);
    CHECK(r.bad == images / 2, "the first label out of range: %d", (int)r.bad);
    int64_t sizes[4] = {n, n, images, n};
    for (int i = 0; i < 4; i++)
        CHECK(guard_holds(block[i], sizes[i]), "guard %d isa=%s", i, ks->isa), mem_free(block[i]);
    mem_free(labels), mem_free(p);
}

static void check_special(const kernel_set *ks) {
    float x[6] = {1e30f, -1e30f, 0, -INFINITY, 1, 1}, y[6];
    softmax_run(ks, NULL, false, y, x, 2, 3, 1);
    CHECK(y[0] == 1 && y[1] == 0 && y[2] == 0 && y[3] == 0 && fabsf(y[4] - 0.5f) < 1e-6f, "extremes isa=%s", ks->isa);
    x[2] = NAN;
    softmax_run(ks, NULL, false, y, x, 2, 3, 1);
    CHECK(isnan(y[0]) && isnan(y[2]) && !isnan(y[4]), "NaN spreads over its row only, isa=%s", ks->isa);
    softmax_run(ks, NULL, false, y, x, 1, 3, 2);
    CHECK(isnan(y[0]) && isnan(y[4]) && !isnan(y[1]), "and over its column, isa=%s", ks->isa);
}

int main(void) {
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    static const int64_t sizes[][3] = {{1, 1, 1},    {3, 10, 1},   {256, 10, 1}, {1, 10, 256}, {1, 10, 64},  {2, 3, 5},
                                       {5, 1000, 1}, {1, 1000, 7}, {2, 17, 33},  {131, 16, 1}, {1, 16, 131}, {4, 1, 9}};
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        for (int i = 0; i < (int)(sizeof sizes / sizeof *sizes); i++) {
            check_softmax(*ks, sizes[i][0], sizes[i][1], sizes[i][2], pools[i % 3]);
            check_loss(*ks, sizes[i][0], sizes[i][1], sizes[i][2], pools);
        }
        check_special(*ks);
    }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
