/* Every unary row and its gradient against double formulas and central differences; binary functions over broadcast
 * boxes against plain loops; every instruction set, odd sizes, guarded buffers, threads 1, 2, 7 bit-equal. */
#include <math.h>

#include "check.h"
#include "kernel/elementwise.h"
#include "kernel_guard.h"

static double step_(double x) {
    return x > 0 ? 1 : x < 0 ? -1 : 0;
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
    bool positive = kind == UNARY_log || kind == UNARY_sqrt || kind == UNARY_reciprocal;
    for (int64_t i = 0; i < n; i++) { /* away from the kinks at 0, ±a, ±3 and the integers */
        x[i] = (float)(i - n / 2) * 0.0625f + 0.017f;
        if (positive) x[i] = fabsf(x[i]) + 0.1f;
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
        CHECK(fabs((double)y[i] - want) <= bound, "%s isa=%s n=%d x=%g got=%.9g want=%.9g", unary_name(kind), ks->isa,
              (int)n, v, (double)y[i], want);
        CHECK(fabs((double)dx[i] - (double)dy[i] * slope) <= slope_bound,
              "gradient of %s isa=%s x=%g got=%.9g want=%.9g", unary_name(kind), ks->isa, v, (double)dx[i],
              (double)dy[i] * slope);
    }
    for (int i = 0; i < 4; i++)
        CHECK(guard_holds(block[i], n), "%s isa=%s guard %d", unary_name(kind), ks->isa, i), mem_free(block[i]);
}

static void check_special(const kernel_set *ks) {
    float x[5] = {NAN, -INFINITY, INFINITY, -0.0f, 3}, y[5];
    for (unary_kind kind = 0; kind < UNARY_COUNT; kind++) {
        unary_run(ks, NULL, kind, 1, 1, y, x, 5);
        CHECK(isnan(y[0]), "%s of NaN is %g, isa=%s", unary_name(kind), (double)y[0], ks->isa);
    }
    unary_run(ks, NULL, UNARY_relu, 0, 0, y, x, 5);
    CHECK(y[1] == 0 && y[2] == INFINITY && y[4] == 3, "relu isa=%s", ks->isa);
    float big[6] = {8388609, -8388608, 2.5f, -2.5f, 0.5f, 3.5f};
    unary_run(ks, NULL, UNARY_round, 0, 0, y, big, 5);
    CHECK(y[0] == 8388609 && y[1] == -8388608 && y[2] == 2 && y[3] == -2 && y[4] == 0, "round isa=%s", ks->isa);
    unary_run(ks, NULL, UNARY_floor, 0, 0, y, x + 1, 3);
    CHECK(y[0] == -INFINITY && y[1] == INFINITY && signbit(y[2]), "floor isa=%s", ks->isa);
    float f[37] = {0};
    CHECK(finite_check(ks, NULL, f, 37), "finite isa=%s", ks->isa);
    for (int i = 0; i < 37; i++) {
        f[i] = i % 2 ? NAN : INFINITY;
        CHECK(!finite_check(ks, NULL, f, 37), "not finite at %d isa=%s", i, ks->isa);
        f[i] = 0;
    }
}

static float two(binary_kind kind, float a, float b) {
    switch (kind) {
    case BINARY_ADD:
        return a + b;
    case BINARY_SUB:
        return a - b;
    case BINARY_MUL:
        return a * b;
    case BINARY_DIV:
        return a / b;
    case BINARY_MIN:
        return a < b || a != a ? a : b;
    case BINARY_MAX:
        return a > b || a != a ? a : b;
    default:
        return powf(a, b);
    }
}

/* Boxes with masks of broadcast dimensions for a and b; y contiguous, then with gaps. */
static void check_box(const kernel_set *ks, binary_kind kind, int rank, const int64_t *dims, int a_mask, int b_mask,
                      int64_t gap) {
    int64_t ys[8], as[8], bs[8], ny = 1, na = 1, nb = 1, n = 1;
    for (int d = rank - 1; d >= 0; d--) {
        ys[d] = ny, ny = ny * dims[d] + gap, n *= dims[d];
        as[d] = a_mask >> d & 1 ? 0 : na, na *= as[d] ? dims[d] : 1;
        bs[d] = b_mask >> d & 1 ? 0 : nb, nb *= bs[d] ? dims[d] : 1;
    }
    float *block[3], *y = guard_new(ny, &block[0]), *a = guard_new(na, &block[1]), *b = guard_new(nb, &block[2]);
    for (int64_t i = 0; i < ny; i++) y[i] = -99;
    for (int64_t i = 0; i < na; i++) a[i] = (float)(i % 13) + 1;
    for (int64_t i = 0; i < nb; i++) b[i] = (float)(i % 5) - 2.5f;
    binary_run(ks, NULL, kind, rank, dims, y, ys, a, as, b, bs);
    float *seen = mem_zalloc((size_t)ny, sizeof(float));
    for (int64_t i = 0; i < n; i++) {
        int64_t rest = i, at = 0, ia = 0, ib = 0;
        for (int d = rank - 1; d >= 0; rest /= dims[d--])
            at += rest % dims[d] * ys[d], ia += rest % dims[d] * as[d], ib += rest % dims[d] * bs[d];
        float want = two(kind, a[ia], b[ib]);
        seen[at] = 1;
        if (!CHECK(y[at] == want, "binary %d isa=%s rank=%d masks=%d,%d at=%d got=%g want=%g", (int)kind, ks->isa, rank,
                   a_mask, b_mask, (int)i, (double)y[at], (double)want))
            break;
    }
    for (int64_t i = 0; i < ny; i++)
        if (seen[i] == 0 && !CHECK(y[i] == -99, "gap written, binary %d isa=%s", (int)kind, ks->isa)) break;
    mem_free(seen);
    for (int i = 0; i < 3; i++)
        CHECK(guard_holds(block[i], i == 0 ? ny : i == 1 ? na : nb), "guard"), mem_free(block[i]);
}

static void check_binary(const kernel_set *ks) {
    const int64_t small[4] = {3, 5, 1, 19}, deep[8] = {2, 1, 3, 2, 2, 1, 3, 5}, wide[2] = {7, 130},
                  big[3] = {3, 4, 20011};
    for (binary_kind kind = 0; kind < BINARY_COUNT; kind++) {
        for (int mask = 0; mask < 256; mask++) check_box(ks, kind, 4, small, mask & 15, mask >> 4, mask % 3);
        for (int mask = 0; mask < 256; mask++) check_box(ks, kind, 8, deep, mask, 255 - mask, mask % 2);
        for (int mask = 0; mask < 16; mask++) check_box(ks, kind, 2, wide, mask & 3, mask >> 2, 0);
        check_box(ks, kind, 3, big, 0, 5, 0);
        check_box(ks, kind, 0, NULL, 0, 0, 0);
    }
}

static void check_threads(const kernel_set *ks, pool *const pools[3]) {
    enum { N = 100003 };
    float *x = mem_alloc(N * 4), *y[2] = {mem_alloc(N * 4), mem_alloc(N * 4)};
    for (int i = 0; i < N; i++) x[i] = (float)(i % 1001) / 83 - 6;
    for (int t = 0; t < 3; t++) {
        unary_run(ks, pools[t], UNARY_tanh, 0, 0, y[t > 0], x, N);
        unary_gradient(ks, pools[t], UNARY_gelu, 0, 0, y[t > 0], y[t > 0], x, N);
        binary_flat(ks, pools[t], BINARY_DIV, y[t > 0], y[t > 0], x, N);
        accumulate_run(ks, pools[t], y[t > 0], x, 0.3f, N);
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
        check_binary(*ks);
        check_threads(*ks, pools);
    }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
