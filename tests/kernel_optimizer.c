/* Updates against double over several steps; a gradient that is not finite is told and changes nothing; every
 * instruction set, odd sizes, guarded buffers, threads 1, 2, 7 bit-equal. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "kernel/elements/optimizer.h"
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

static void check_adam(const kernel_set *ks, int64_t n, bool decoupled, pool *p) {
    double beta1 = 0.875, beta2 = 0.96875, lr = 0.01, decay = 0.125;
    adam_options o = {.keep = decoupled ? (float)(1 - lr * decay) : 1,
                      .decay = decoupled ? 0 : (float)decay,
                      .beta1 = (float)beta1,
                      .share1 = (float)(1 - beta1),
                      .beta2 = (float)beta2,
                      .share2 = (float)(1 - beta2),
                      .epsilon = 0x1p-10f};
    float *block[4], *x = guard_new(n, &block[0]), *m = guard_new(n, &block[1]), *v = guard_new(n, &block[2]),
                     *g = guard_new(n, &block[3]);
    double *d = mem_zalloc(3 * (size_t)n + 1, 8), *xd = d, *md = d + n, *vd = md + n;
    for (int64_t i = 0; i < n; i++) x[i] = (float)(i % 13) - 6, xd[i] = (double)x[i], m[i] = v[i] = 0;
    for (int step = 1; step <= 100; step++) {
        double rate = lr / (1 - pow(beta1, step)), root = 1 / sqrt(1 - pow(beta2, step));
        o.lr = (float)rate, o.root = (float)root;
        for (int64_t i = 0; i < n; i++) {
            g[i] = gradient(i, step);
            double dx = (double)o.decay * xd[i] + (double)g[i];
            md[i] = beta1 * md[i] + (1 - beta1) * dx;
            vd[i] = beta2 * vd[i] + (1 - beta2) * dx * dx;
            xd[i] = (double)o.keep * xd[i] - rate * md[i] / (sqrt(vd[i]) * root + (double)o.epsilon);
        }
        CHECK(adam_update(ks, p, &o, x, m, v, g, n), "finite isa=%s", ks->isa);
    }
    for (int64_t i = 0; i < n; i++)
        CHECK(fabs((double)x[i] - xd[i]) <= 2e-5 && fabs((double)m[i] - md[i]) <= 1e-6 &&
                  fabs((double)v[i] - vd[i]) <= 1e-6,
              "adam isa=%s n=%d decoupled=%d got=%g want=%g", ks->isa, (int)n, decoupled, (double)x[i], xd[i]);
    for (int64_t bad = 0; bad < n; bad += 1 + n / 7) {
        float before[3] = {x[bad], m[bad], v[bad]};
        g[bad] = bad % 2 ? NAN : INFINITY;
        CHECK(!adam_update(ks, p, &o, x, m, v, g, n), "not finite at %d isa=%s", (int)bad, ks->isa);
        CHECK(x[bad] == before[0] && m[bad] == before[1] && v[bad] == before[2], "refused at %d isa=%s", (int)bad,
              ks->isa);
        g[bad] = 1;
    }
    for (int i = 0; i < 4; i++) CHECK(guard_holds(block[i], n), "guard %d isa=%s", i, ks->isa), mem_free(block[i]);
    mem_free(d);
}

static void check_square(const kernel_set *ks, int64_t n, bool adagrad, pool *p) {
    square_options o = {.decay = 0.125f,
                        .keep = adagrad ? 1 : 0.9375f,
                        .share = adagrad ? 1 : 0.0625f,
                        .lr = 0.0625f,
                        .epsilon = 0x1p-10f};
    float *block[3], *x = guard_new(n, &block[0]), *h = guard_new(n, &block[1]), *g = guard_new(n, &block[2]);
    double *d = mem_zalloc(2 * (size_t)n + 1, 8), *xd = d, *hd = d + n;
    for (int64_t i = 0; i < n; i++) x[i] = (float)(i % 13) - 6, xd[i] = (double)x[i], h[i] = 0;
    for (int step = 0; step < 100; step++) {
        for (int64_t i = 0; i < n; i++) {
            g[i] = gradient(i, step);
            double dx = (double)o.decay * xd[i] + (double)g[i];
            hd[i] = (double)o.keep * hd[i] + (double)o.share * dx * dx;
            xd[i] -= (double)o.lr * dx / (sqrt(hd[i]) + (double)o.epsilon);
        }
        CHECK(square_update(ks, p, &o, x, h, g, n), "finite isa=%s", ks->isa);
    }
    for (int64_t i = 0; i < n; i++)
        CHECK(fabs((double)x[i] - xd[i]) <= 5e-5 && fabs((double)h[i] - hd[i]) <= 2e-5 * (1 + hd[i]),
              "square isa=%s n=%d adagrad=%d got=%g want=%g", ks->isa, (int)n, adagrad, (double)x[i], xd[i]);
    for (int64_t bad = 0; bad < n; bad += 1 + n / 7) {
        float before = x[bad], state = h[bad];
        g[bad] = bad % 2 ? NAN : -INFINITY;
        CHECK(!square_update(ks, p, &o, x, h, g, n), "not finite at %d isa=%s", (int)bad, ks->isa);
        CHECK(x[bad] == before && h[bad] == state, "refused at %d isa=%s", (int)bad, ks->isa);
        g[bad] = 1;
    }
    for (int i = 0; i < 3; i++) CHECK(guard_holds(block[i], n), "guard %d isa=%s", i, ks->isa), mem_free(block[i]);
    mem_free(d);
}

/* The others, each as one function of kernels and of double: x, two states, the gradient. */
typedef struct other {
    const char *name;
    int states;
    bool (*run)(const kernel_set *ks, pool *p, float *x, float *a, float *b, const float *g, int64_t n);
    void (*step)(double *x, double *a, double *b, double g);
} other;

static bool velocity_run(const kernel_set *ks, pool *p, float *x, float *a, float *b, const float *g, int64_t n) {
    (void)b;
    return velocity_update(ks, p, &(velocity_options){0.0625f, 0.875f, 0.9921875f, true}, x, a, g, n);
}
static void velocity_step(double *x, double *a, double *b, double g) {
    (void)b;
    *a = 0.875 * *a - 0.0625 * g;
    *x = 0.9921875 * *x + 0.875 * *a - 0.0625 * g;
}

static bool lion_run(const kernel_set *ks, pool *p, float *x, float *a, float *b, const float *g, int64_t n) {
    (void)b;
    return lion_update(ks, p, &(lion_options){0.0625f, 0.9921875f, 0.5f, 0.5f, 0.75f, 0.25f}, x, a, g, n);
}
static void lion_step(double *x, double *a, double *b, double g) {
    double move = *a + g;
    (void)b;
    *x = 0.9921875 * *x - 0.0625 * ((move > 0) - (move < 0));
    *a = 0.75 * *a + 0.25 * g;
}

static bool adadelta_run(const kernel_set *ks, pool *p, float *x, float *a, float *b, const float *g, int64_t n) {
    return adadelta_update(ks, p, &(adadelta_options){0.125f, 0.5f, 0.75f, 0.25f, 0x1p-10f}, x, a, b, g, n);
}
static void adadelta_step(double *x, double *a, double *b, double g) {
    g += 0.125 * *x;
    *a = 0.75 * *a + 0.25 * g * g;
    double move = sqrt(*b + 0x1p-10) / sqrt(*a + 0x1p-10) * g;
    *b = 0.75 * *b + 0.25 * move * move;
    *x -= 0.5 * move;
}

static bool ftrl_run(const kernel_set *ks, pool *p, float *x, float *a, float *b, const float *g, int64_t n) {
    return ftrl_update(ks, p, &(ftrl_options){0.125f, 16, 0.25f, 0.5f, 1}, x, a, b, g, n);
}
static void ftrl_step(double *x, double *a, double *b, double g) {
    g += 0.125 * *x;
    double h = *a + g * g;
    *b += g - (sqrt(h) - sqrt(*a)) * 16 * *x;
    *a = h;
    *x = (fmin(fmax(*b, -0.25), 0.25) - *b) / ((sqrt(h) + 1) * 16 + 0.5);
}

static const other others[] = {{"velocity", 1, velocity_run, velocity_step},
                               {"lion", 1, lion_run, lion_step},
                               {"adadelta", 2, adadelta_run, adadelta_step},
                               {"ftrl", 2, ftrl_run, ftrl_step}};

static void check_other(const kernel_set *ks, const other *o, int64_t n, pool *p) {
    float *block[4], *t[4];
    double *d = mem_zalloc(3 * (size_t)n + 1, 8);
    for (int k = 0; k < 4; k++) t[k] = guard_new(n, &block[k]);
    for (int64_t i = 0; i < n; i++) t[0][i] = (float)(i % 13) - 6, d[i] = (double)t[0][i], t[1][i] = t[2][i] = 0;
    for (int step = 0; step < 40; step++) {
        for (int64_t i = 0; i < n; i++) {
            t[3][i] = gradient(i, step) + 0x1p-9f; /* no sum of them is 0 */
            o->step(d + i, d + n + i, d + 2 * n + i, (double)t[3][i]);
        }
        CHECK(o->run(ks, p, t[0], t[1], t[2], t[3], n), "finite isa=%s", ks->isa);
    }
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k <= o->states; k++)
            CHECK(fabs((double)t[k][i] - d[k * n + i]) <= 1e-4 * (1 + fabs(d[k * n + i])),
                  "%s isa=%s n=%d tensor %d: got=%g want=%g", o->name, ks->isa, (int)n, k, (double)t[k][i],
                  d[k * n + i]);
    for (int64_t bad = 0; bad < n; bad += 1 + n / 7) {
        float before[3] = {t[0][bad], t[1][bad], t[2][bad]};
        t[3][bad] = bad % 2 ? NAN : INFINITY;
        CHECK(!o->run(ks, p, t[0], t[1], t[2], t[3], n), "%s: not finite at %d isa=%s", o->name, (int)bad, ks->isa);
        CHECK(t[0][bad] == before[0] && t[1][bad] == before[1] && t[2][bad] == before[2], "%s: refused at %d isa=%s",
              o->name, (int)bad, ks->isa);
        t[3][bad] = 1;
    }
    for (int k = 0; k < 4; k++) CHECK(guard_holds(block[k], n), "guard %d isa=%s", k, ks->isa), mem_free(block[k]);
    mem_free(d);
}

/* LAMB in double, whose norms go over the whole tensor. */
static void check_lamb(const kernel_set *ks, int64_t n, pool *p) {
    lamb_options o = {0.0625f, 0.875f, 0.125f, 0.75f, 0.25f, 2, 1.5f, 0x1p-10f, 0.125f, 0};
    float *block[4], *t[4];
    double *d = mem_zalloc(4 * (size_t)n + 1, 8), *sums = mem_zalloc(2 * (size_t)lamb_sums(n) + 1, 8);
    for (int k = 0; k < 4; k++) t[k] = guard_new(n, &block[k]);
    for (int64_t i = 0; i < n; i++) t[0][i] = (float)(i % 13) - 6, d[i] = (double)t[0][i], t[1][i] = t[2][i] = 0;
    for (int step = 0; step < 20; step++) {
        double x2 = 0, u2 = 0;
        for (int64_t i = 0; i < n; i++) {
            t[3][i] = gradient(i, step);
            double g = (double)t[3][i], *m = d + n + i, *v = d + 2 * n + i;
            *m = 0.875 * *m + 0.125 * g;
            *v = 0.75 * *v + 0.25 * g * g;
            d[3 * n + i] = 2 * *m / (sqrt(*v) * 1.5 + 0x1p-10) + 0.125 * d[i];
            x2 += d[i] * d[i];
            u2 += d[3 * n + i] * d[3 * n + i];
        }
        double ratio = x2 > 0 && u2 > 0 ? sqrt(x2 / u2) : 1;
        for (int64_t i = 0; i < n; i++) d[i] -= 0.0625 * ratio * d[3 * n + i];
        CHECK(lamb_update(ks, p, &o, t[0], t[1], t[2], t[3], n, sums), "finite isa=%s", ks->isa);
    }
    for (int64_t i = 0; i < n; i++)
        CHECK(fabs((double)t[0][i] - d[i]) <= 1e-4 * (1 + fabs(d[i])), "lamb isa=%s n=%d got=%g want=%g", ks->isa,
              (int)n, (double)t[0][i], d[i]);
    if (n > 0) {
        float before[3] = {t[0][n / 2], t[1][n / 2], t[2][n / 2]};
        t[3][n / 2] = NAN;
        CHECK(!lamb_update(ks, p, &o, t[0], t[1], t[2], t[3], n, sums), "not finite isa=%s", ks->isa);
        CHECK(t[0][n / 2] == before[0] && t[1][n / 2] == before[1] && t[2][n / 2] == before[2], "refused isa=%s",
              ks->isa);
    }
    for (int k = 0; k < 4; k++) CHECK(guard_holds(block[k], n), "guard %d isa=%s", k, ks->isa), mem_free(block[k]);
    mem_free(d), mem_free(sums);
}

/* Equal bits for any number of threads. */
static void check_bits_of_lamb(const kernel_set *ks, pool *const pools[3]) {
    enum { N = 50021 };
    lamb_options o = {0.0625f, 0.875f, 0.125f, 0.75f, 0.25f, 2, 1.5f, 0x1p-10f, 0.125f, 0};
    float *x[3];
    for (int t = 0; t < 3; t++) {
        double *sums = mem_zalloc(2 * (size_t)lamb_sums(N), 8);
        x[t] = mem_zalloc(4 * N, sizeof(float));
        for (int64_t i = 0; i < N; i++) x[t][i] = (float)(i % 13) - 6, x[t][3 * N + i] = gradient(i, 1);
        for (int step = 0; step < 3; step++)
            CHECK(lamb_update(ks, pools[t], &o, x[t], x[t] + N, x[t] + 2 * N, x[t] + 3 * N, N, sums), "finite");
        CHECK(t == 0 || memcmp(x[t], x[0], N * sizeof(float)) == 0, "lamb: threads differ isa=%s", ks->isa);
        mem_free(sums);
    }
    for (int t = 0; t < 3; t++) mem_free(x[t]);
}

static void check_bits(const kernel_set *ks, pool *const pools[3]) {
    enum { N = 50021 };
    float *first = NULL, *x[3];
    for (int t = 0; t < 3; t++) {
        momentum_options o = {.lr = 0.05f, .alpha = 0.9f, .beta = 1, .norm_coefficient = 0.01f};
        adam_options adam = {1, 0.01f, 0.9f, 0.1f, 0.999f, 0.001f, 0.01f, 1.5f, 1e-8f, 0};
        square_options square = {0.01f, 0.99f, 0.01f, 0.01f, 1e-8f};
        x[t] = mem_zalloc(6 * N, sizeof(float));
        float *v = x[t] + N, *m = v + N, *s = m + N, *h = s + N, *g = h + N;
        for (int step = 0; step < 3; step++) {
            for (int64_t i = 0; i < N; i++) g[i] = gradient(i, step);
            CHECK(momentum_update(ks, pools[t], &o, x[t], v, g, N), "finite");
            CHECK(adam_update(ks, pools[t], &adam, x[t], m, s, g, N), "finite");
            CHECK(square_update(ks, pools[t], &square, x[t], h, g, N), "finite");
        }
        if (!first) first = x[t];
        CHECK(!memcmp(first, x[t], 5 * N * 4), "bits isa=%s threads=%d", ks->isa, pool_threads(pools[t]));
    }
    for (int t = 0; t < 3; t++) mem_free(x[t]);
}

int main(void) {
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        for (int64_t n = 0; n < 100; n += n < 40 ? 1 : 19)
            for (int flag = 0; flag < 2; flag++) {
                check_momentum(*ks, n, flag, pools[n % 3]);
                check_adam(*ks, n, flag, pools[n % 3]);
                check_square(*ks, n, flag, pools[n % 3]);
            }
        for (int64_t n = 0; n < 100; n += n < 40 ? 1 : 19) {
            for (size_t i = 0; i < sizeof others / sizeof *others; i++) check_other(*ks, &others[i], n, pools[n % 3]);
            check_lamb(*ks, n, pools[n % 3]);
        }
        check_lamb(*ks, 9001, pools[1]);
        check_bits(*ks, pools);
        check_bits_of_lamb(*ks, pools);
    }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
