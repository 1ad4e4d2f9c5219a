/* Every unary row and its gradient against double formulas and central differences, at special numbers too; every
 * instruction set, odd sizes, guarded buffers, threads 1, 2, 7 bit-equal. */
#include <math.h>

#include "check.h"
#include "kernel_guard.h"
#include "unary_names.h"

static double step_(double x) {
    return x > 0 ? 1 : x < 0 ? -1 : x;
}
static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}
static double clip(double x, double a, double b) {
    return x < a ? a : x > b ? b : x;
}

static double plain(unary_kind kind, double x, double a, double b) {
    switch (kind) {
    case UNARY_identity:
        return x;
    case UNARY_relu:
        return x < 0 ? 0 : x;
    case UNARY_sigmoid:
        return sigmoid(x);
    case UNARY_tanh:
        return tanh(x);
    case UNARY_exp:
        return exp(x);
    case UNARY_log:
        return log(x);
    case UNARY_neg:
        return -x;
    case UNARY_abs:
        return fabs(x);
    case UNARY_sqrt:
        return sqrt(x);
    case UNARY_square:
        return x * x;
    case UNARY_reciprocal:
        return 1 / x;
    case UNARY_erf:
        return erf(x);
    case UNARY_sign:
        return step_(x);
    case UNARY_floor:
        return floor(x);
    case UNARY_ceil:
        return ceil(x);
    case UNARY_round:
        return rint(x);
    case UNARY_affine:
        return a * x + b;
    case UNARY_clip:
        return clip(x, a, b);
    case UNARY_leaky_relu:
        return x < 0 ? a * x : x;
    case UNARY_thresholded_relu:
        return x > a ? x : 0;
    case UNARY_elu:
        return x < 0 ? a * expm1(x) : x;
    case UNARY_selu:
        return b * (x < 0 ? a * expm1(x) : x);
    case UNARY_celu:
        return x < 0 ? a * expm1(x / a) : x;
    case UNARY_hard_sigmoid:
        return clip(a * x + b, 0, 1);
    case UNARY_hard_swish:
        return x * clip(x / 6 + 0.5, 0, 1);
    case UNARY_swish:
        return x * sigmoid(a * x);
    case UNARY_softplus:
        return log1p(exp(-fabs(x))) + (x > 0 ? x : 0);
    case UNARY_softsign:
        return x / (1 + fabs(x));
    case UNARY_mish:
        return x * tanh(log1p(exp(x)));
    case UNARY_gelu:
        return 0.5 * x * (1 + erf(x * sqrt(0.5)));
    case UNARY_gelu_tanh:
        return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979324) * (x + 0.044715 * x * x * x)));
    case UNARY_shrink:
        return x < -a ? x + b : x > a ? x - b : 0;
    case UNARY_sin:
        return sin(x);
    case UNARY_cos:
        return cos(x);
    case UNARY_tan:
        return tan(x);
    case UNARY_asin:
        return asin(x);
    case UNARY_acos:
        return acos(x);
    case UNARY_atan:
        return atan(x);
    case UNARY_sinh:
        return sinh(x);
    case UNARY_cosh:
        return cosh(x);
    case UNARY_asinh:
        return asinh(x);
    case UNARY_acosh:
        return acosh(x);
    case UNARY_atanh:
        return atanh(x);
    case UNARY_COUNT:
        break;
    }
    return NAN;
}

enum { MOST = 200 };

static void check_unary(const kernel_set *ks, unary_kind kind, int64_t n) {
    const double a = kind == UNARY_clip ? -1.3 : kind == UNARY_thresholded_relu ? 0.7 : 0.6, b = 1.7;
    float *block[4], *x = guard_new(n, &block[0]), *y = guard_new(n, &block[1]), *dy = guard_new(n, &block[2]);
    float *dx = guard_new(n, &block[3]), fa = (float)a, fb = (float)b;
    bool positive = kind == UNARY_log || kind == UNARY_sqrt || kind == UNARY_reciprocal || kind == UNARY_acosh;
    bool within_1 = kind == UNARY_asin || kind == UNARY_acos || kind == UNARY_atanh || kind == UNARY_tan;
    for (int64_t i = 0; i < n; i++) { /* away from the kinks at 0, ±a, ±3 and the integers */
        x[i] = (float)(i - n / 2) * 0.0625f + 0.017f;
        if (positive) x[i] = fabsf(x[i]) + (kind == UNARY_acosh ? 1.1f : 0.1f);
        if (within_1) x[i] *= 0.14f;
        dy[i] = (float)(i % 7) - 2.5f;
    }
    unary_run(ks, NULL, kind, fa, fb, y, x, n);
    char needs = unary_gradient_needs(kind);
    unary_gradient(ks, NULL, kind, fa, fb, dx, dy, needs == 'x' ? x : needs == 'y' ? y : NULL, n);
    for (int64_t i = 0; i < n; i++) {
        double v = (double)x[i], want = plain(kind, v, (double)fa, (double)fb), h = 1e-6;
        double slope =
            (plain(kind, v + h, (double)fa, (double)fb) - plain(kind, v - h, (double)fa, (double)fb)) / (2 * h);
        double bound = 2e-6 * (fabs(want) + 0.3), slope_bound = 1e-5 * (fabs(slope) + 1) * fabs((double)dy[i]);
        CHECK(fabs((double)y[i] - want) <= bound, "%s isa=%s n=%d x=%g got=%.9g want=%.9g", unary_names[kind], ks->isa,
              (int)n, v, (double)y[i], want);
        CHECK(fabs((double)dx[i] - (double)dy[i] * slope) <= slope_bound,
              "gradient of %s isa=%s x=%g got=%.9g want=%.9g", unary_names[kind], ks->isa, v, (double)dx[i],
              (double)dy[i] * slope);
    }
    for (int i = 0; i < 4; i++)
        CHECK(guard_holds(block[i], n), "%s isa=%s guard %d", unary_names[kind], ks->isa, i), mem_free(block[i]);
}

/* Zeros, denormals, huge and non-finite numbers: what double gives, rounded. */
static void check_special(const kernel_set *ks) {
    float x[15] = {NAN,    -INFINITY, INFINITY, -0.0f,  3,     0,    1e-40f, -1e-40f,
                   1e-45f, -1e-45f,   3e38f,    -3e38f, 88.9f, -104, 1},
          y[15];
    for (unary_kind kind = 0; kind < UNARY_COUNT; kind++) {
        unary_run(ks, NULL, kind, 0.5f, 0.75f, y, x, 15);
        for (int i = 0; i < 15; i++) {
            double want = plain(kind, (double)x[i], 0.5, 0.75),
                   size = fabs(want) + (x[i] < 20 ? fabs((double)x[i]) : 0);
            bool good = isnan(want)          ? isnan(y[i])
                        : isinf((float)want) ? y[i] == (float)want
                        : (float)want == 0   ? fabsf(y[i]) <= 1e-6f * (float)fmin(fabs((double)x[i]), 1)
                                             : fabs((double)y[i] - want) <= 1e-6 * size + 0x1p-149;
            CHECK(good, "%s of %g is %g, expected %g, isa=%s", unary_names[kind], (double)x[i], (double)y[i], want,
                  ks->isa);
        }
    }
    unary_run(ks, NULL, UNARY_relu, 0, 0, y, x, 15);
    CHECK(y[1] == 0 && y[2] == INFINITY && y[4] == 3 && y[8] == 1e-45f, "relu isa=%s", ks->isa);
    float big[6] = {8388609, -8388608, 2.5f, -2.5f, 0.5f, 3.5f};
    unary_run(ks, NULL, UNARY_round, 0, 0, y, big, 5);
    CHECK(y[0] == 8388609 && y[1] == -8388608 && y[2] == 2 && y[3] == -2 && y[4] == 0, "round isa=%s", ks->isa);
    unary_run(ks, NULL, UNARY_floor, 0, 0, y, x + 1, 3);
    CHECK(y[0] == -INFINITY && y[1] == INFINITY && signbit(y[2]), "floor isa=%s", ks->isa);
}

static void check_threads(const kernel_set *ks, pool *const pools[3]) {
    enum { N = 100003 };
    float *x = mem_alloc(N * 4), *y[2] = {mem_alloc(N * 4), mem_alloc(N * 4)};
    for (int i = 0; i < N; i++) x[i] = (float)(i % 1001) / 83 - 6;
    for (int t = 0; t < 3; t++) {
        unary_run(ks, pools[t], UNARY_tanh, 0, 0, y[t > 0], x, N);
        unary_gradient(ks, pools[t], UNARY_gelu, 0, 0, y[t > 0], y[t > 0], x, N);
        if (t) CHECK(!memcmp(y[0], y[1], N * 4), "bits isa=%s threads=%d", ks->isa, pool_threads(pools[t]));
    }
    /* where an element stands does not change its bits */
    unary_run(ks, NULL, UNARY_exp, 0, 0, y[0], x, 64);
    for (int i = 0; i < 64; i++) {
        unary_run(ks, NULL, UNARY_exp, 0, 0, y[1], x + i, 1);
        CHECK(memcmp(&y[0][i], y[1], 4) == 0, "place isa=%s i=%d", ks->isa, i);
    }
    mem_free(x), mem_free(y[0]), mem_free(y[1]);
}

int main(void) {
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        for (unary_kind kind = 0; kind < UNARY_COUNT; kind++)
            for (int64_t n = 0; n <= MOST; n += n < 40 ? 1 : 53) check_unary(*ks, kind, n);
        check_special(*ks);
        check_threads(*ks, pools);
    }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
