/* Updates against double over several steps; a gradient that is not finite is told and changes nothing; every
 * instruction set, odd sizes, guarded buffers, threads 1, 2, 7 bit-equal. */
#include <math.h>

#include "check.h"
#include "kernel/optimizer.h"
#include "kernel_guard.h"

static float gradient(int64_t i, int step) {
    return (float)((i * 29 + step * 7) % 31) / 31 - 0.4f;
}

static void check_momentum(const kernel_set *ks, int64_t n, bool nesterov, pool *p) {
    momentum_options o = {.lr = 0.05f, .alpha = 0.9f, .beta = 1, .norm_coefficient = 0.01f, .nesterov = nesterov};
    float *block[3], *x = guard_new(n, &block[0]), *v = guard_new(n, &block[1]), *g = guard_new(n, &block[2]);
    double *xd = mem_zalloc((size_t)n + 1, 8), *vd = mem_zalloc((size_t)n + 1, 8);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(i % 13) - 6, xd[i] = (double)x[i], v[i] = 0;
    for (int step = 0; step < 100; step++) {
        o.beta = step ? 0.8f : 1;
        for (int64_t i = 0; i < n; i++) {
            g[i] = gradient(i, step);
            double d = (double)o.norm_coefficient * xd[i] + (double)g[i];
            vd[i] = (double)o.alpha * vd[i] + (double)o.beta * d;
            xd[i] -= (double)o.lr * (nesterov ? d + (double)o.alpha * vd[i] : vd[i]);
        }
        CHECK(momentum_update(ks, p, &o, x, v, g, n), "finite isa=%s", ks->isa);
    }
    for (int64_t i = 0; i < n; i++)
        CHECK(fabs((double)x[i] - xd[i]) <= 1e-4 && fabs((double)v[i] - vd[i]) <= 1e-4,
              "momentum isa=%s n=%d nesterov=%d got=%g want=%g", ks->isa, (int)n, nesterov, (double)x[i], xd[i]);
    for (int64_t bad = 0; bad < n; bad += 1 + n / 7) {
        float before = x[bad], state = v[bad];
        g[bad] = bad % 2 ? NAN : -INFINITY;
        CHECK(!momentum_update(ks, p, &o, x, v, g, n), "not finite at %d isa=%s", (int)bad, ks->isa);
        CHECK(x[bad] == before && v[bad] == state, "refused at %d isa=%s", (int)bad, ks->isa);
        g[bad] = 1;
    }
    for (int i = 0; i < 3; i++) CHECK(guard_holds(block[i], n), "guard %d isa=%s", i, ks->isa), mem_free(block[i]);
    mem_free(xd), mem_free(vd);
}

static void check_bits(const kernel_set *ks, pool *const pools[3]) {
    enum { N = 50021 };
    float *first = NULL, *x[3];
    for (int t = 0; t < 3; t++) {
        momentum_options o = {.lr = 0.05f, .alpha = 0.9f, .beta = 1, .norm_coefficient = 0.01f};
        x[t] = mem_zalloc(3 * N, sizeof(float));
        float *v = x[t] + N, *g = v + N;
        for (int step = 0; step < 3; step++) {
            for (int64_t i = 0; i < N; i++) g[i] = gradient(i, step);
            CHECK(momentum_update(ks, pools[t], &o, x[t], v, g, N), "finite");
        }
        if (!first) first = x[t];
        CHECK(!memcmp(first, x[t], N * 4), "bits isa=%s threads=%d", ks->isa, pool_threads(pools[t]));
    }
    for (int t = 0; t < 3; t++) mem_free(x[t]);
}

int main(void) {
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        for (int64_t n = 0; n < 100; n += n < 40 ? 1 : 19)
            for (int flag = 0; flag < 2; flag++) check_momentum(*ks, n, flag, pools[n % 3]);
        check_bits(*ks, pools);
    }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
