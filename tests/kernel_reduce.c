/* Reductions over every subset of dimensions of strided tensors against plain loops in double: integers exactly, long
 * sums within a logarithmic bound; every instruction set, threads 1, 2, 7 bit-equal. */
#include <math.h>

#include "check.h"
#include "kernel/rows/reduce.h"
#include "kernel_guard.h"

static double join(reduce_kind kind, double a, double b) {
    switch (kind) {
    case REDUCE_SUM_SQUARE:
    case REDUCE_NORM:
        return a + b * b;
    case REDUCE_LOG_SUM_EXP:
        return a + exp(b);
    case REDUCE_SUM_ABS:
        return a + fabs(b);
    case REDUCE_MAX:
        return b > a ? b : a;
    case REDUCE_MIN:
        return b < a ? b : a;
    case REDUCE_PROD:
        return a * b;
    default:
        return a + b;
    }
}
static double start(reduce_kind kind) {
    return kind == REDUCE_MAX ? -INFINITY : kind == REDUCE_MIN ? INFINITY : kind == REDUCE_PROD ? 1 : 0;
}

static double finish(reduce_kind kind, double v, int64_t per) {
    if (kind == REDUCE_MEAN) return v / (double)per;
    if (kind == REDUCE_LOG_SUM || kind == REDUCE_LOG_SUM_EXP) return log(v);
    return kind == REDUCE_NORM ? sqrt(v) : v;
}
static bool same(reduce_kind kind, float got, double want) {
    if (isnan(want)) return isnan(got);
    if (kind < REDUCE_NORM) return got == (float)want;
    return (double)got == want || fabs((double)got - want) <= 4e-7 * (fabs(want) + (kind != REDUCE_NORM));
}

/* order: a permutation of the dimensions, the storage of x; mask: the reduced ones. */
static void check_case(const kernel_set *ks, reduce_kind kind, int rank, const int64_t *dims, const int *order,
                       int mask, int64_t gap, pool *p) {
    int64_t xs[8], ys[8], nx = 1, ny = 1, n = 1, per = 1;
    bool reduced[8];
    for (int i = rank - 1; i >= 0; i--) xs[order[i]] = nx, nx = nx * dims[order[i]] + gap;
    for (int d = rank - 1; d >= 0; d--) {
        reduced[d] = mask >> d & 1, ys[d] = reduced[d] ? 12345 : ny, n *= dims[d];
        if (reduced[d]) per *= dims[d];
        else ny *= dims[d];
    }
    float *block[2], *x = guard_new(nx, &block[0]), *y = guard_new(ny, &block[1]);
    double *want = mem_zalloc((size_t)ny + 1, sizeof(double));
    for (int64_t i = 0; i < nx; i++)
        x[i] = kind == REDUCE_PROD ? (i % 17 == 0 ? -2.0f : i % 19 ? 1.0f : 0.5f) : (float)((i * 7919 + 13) % 23) - 11;
    for (int64_t i = 0; i < ny; i++) want[i] = start(kind);
    for (int64_t i = 0; i < n; i++) {
        int64_t rest = i, ix = 0, iy = 0;
        for (int d = rank - 1; d >= 0; rest /= dims[d--])
            ix += rest % dims[d] * xs[d], iy += reduced[d] ? 0 : rest % dims[d] * ys[d];
        want[iy] = join(kind, want[iy], (double)x[ix]);
    }
    reduce_run(ks, p, kind, rank, dims, reduced, y, ys, x, xs);
    for (int64_t i = 0; i < ny; i++) {
        double w = finish(kind, want[i], per);
        if (!CHECK(same(kind, y[i], w), "reduce %d isa=%s rank=%d mask=%d order=%d%d gap=%d at=%d got=%g want=%g",
                   (int)kind, ks->isa, rank, mask, order[0], order[1], (int)gap, (int)i, (double)y[i], w))
            break;
    }
    CHECK(guard_holds(block[0], nx) && guard_holds(block[1], ny), "guard isa=%s", ks->isa);
    mem_free(block[0]), mem_free(block[1]), mem_free(want);
}

static void check_all(const kernel_set *ks, pool *p) {
    const int64_t dims[4] = {5, 3, 7, 37}, one[3] = {1, 70, 1}, tall[2] = {333, 9}, flat[1] = {100003};
    static const int orders[5][4] = {{0, 1, 2, 3}, {0, 2, 3, 1}, {1, 2, 3, 0}, {3, 2, 1, 0}, {2, 0, 3, 1}},
                     swapped[2] = {1, 0};
    for (reduce_kind kind = 0; kind < REDUCE_COUNT; kind++) {
        if (kind == REDUCE_SUM_EXP) continue;
        for (int o = 0; o < 5; o++)
            for (int mask = 0; mask < 16; mask++) check_case(ks, kind, 4, dims, orders[o], mask, (o + mask) % 2, p);
        for (int mask = 0; mask < 8; mask++) check_case(ks, kind, 3, one, orders[0], mask, 0, p);
        for (int mask = 0; mask < 4; mask++)
            check_case(ks, kind, 2, tall, orders[0], mask, 0, p), check_case(ks, kind, 2, tall, swapped, mask, 1, p);
        check_case(ks, kind, 0, NULL, orders[0], 0, 0, p);
        if (kind != REDUCE_PROD) check_case(ks, kind, 1, flat, orders[0], 1, 0, p);
        int64_t none[2] = {3, 0}, xs[2] = {1, 1}, ys[2] = {1, 0};
        bool reduced[2] = {false, true};
        float y[3], x[1] = {5};
        reduce_run(ks, p, kind, 2, none, reduced, y, ys, x, xs);
        CHECK(same(kind, y[2], finish(kind, start(kind), 0)), "nothing to reduce: kind=%d got=%g", (int)kind,
              (double)y[2]);
    }
    float x[50] = {0}, y;
    x[41] = NAN;
    reduce_run(ks, p, REDUCE_MAX, 1, &(int64_t){50}, &(bool){true}, &y, &(int64_t){0}, x, &(int64_t){1});
    CHECK(isnan(y), "max with NaN isa=%s", ks->isa);
    reduce_run(ks, p, REDUCE_MIN, 1, &(int64_t){50}, &(bool){true}, &y, &(int64_t){0}, x, &(int64_t){1});
    CHECK(isnan(y), "min with NaN isa=%s", ks->isa);
}

/* Logits of any size; infinities and NaN come through; with and without parts. */
static void check_log_sum_exp(const kernel_set *ks, pool *p) {
    enum { N = 70000 };
    float *x = mem_alloc(N * 4), y[2], specials[2][3] = {{-INFINITY, -INFINITY, -INFINITY}, {1, INFINITY, -INFINITY}};
    for (int i = 0; i < N; i++) x[i] = 1000 + (float)(i % 7);
    double want = 0;
    for (int i = 0; i < N; i++) want += exp((double)x[i] - 1000);
    want = 1000 + log(want);
    for (int64_t columns = 1; columns < 3; columns++) {
        int64_t dims[2] = {N / columns, columns}, xs[2] = {columns, 1}, ys[2] = {0, 1};
        reduce_run(ks, p, REDUCE_LOG_SUM_EXP, 2, dims, (bool[]){true, false}, y, ys, x, xs);
        double both = columns == 2 ? log(exp((double)y[0] - 1000) + exp((double)y[1] - 1000)) + 1000 : (double)y[0];
        CHECK(fabs(both - want) <= 3e-4, "log Σ exp isa=%s columns=%d got=%.9g want=%.9g", ks->isa, (int)columns, both,
              want);
    }
    int64_t dims[2] = {2, 3}, xs[2] = {3, 1}, ys[2] = {1, 0};
    reduce_run(ks, p, REDUCE_LOG_SUM_EXP, 2, dims, (bool[]){false, true}, y, ys, *specials, xs);
    CHECK(y[0] == -INFINITY && y[1] == INFINITY, "infinities isa=%s %g %g", ks->isa, (double)y[0], (double)y[1]);
    specials[1][0] = NAN;
    reduce_run(ks, p, REDUCE_LOG_SUM_EXP, 2, dims, (bool[]){false, true}, y, ys, *specials, xs);
    CHECK(isnan(y[1]), "NaN isa=%s", ks->isa);
    mem_free(x);
}

/* A million equal terms of 0.1: a running float sum would be off by some 1e-3; pairwise by log₂ n roundings or so. */
static void check_long(const kernel_set *ks, pool *const pools[3]) {
    enum { ROWS = 20000, COLUMNS = 50 };
    const int64_t dims[2] = {ROWS, COLUMNS}, strides[2] = {COLUMNS, 1};
    float *x = mem_alloc(ROWS * COLUMNS * 4), bits[COLUMNS], y[COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) x[i] = 0.1f + (float)(i % 11) * 0.01f;
    for (int t = 0; t < 3; t++) {
        reduce_run(ks, pools[t], REDUCE_SUM, 2, dims, (bool[]){true, false}, y, (int64_t[]){0, 1}, x, strides);
        if (t == 0) memcpy(bits, y, sizeof y);
        CHECK(!memcmp(bits, y, sizeof y), "rows bits isa=%s threads=%d", ks->isa, pool_threads(pools[t]));
    }
    for (int c = 0; c < COLUMNS; c++) {
        double want = 0;
        for (int r = 0; r < ROWS; r++) want += (double)x[r * COLUMNS + c];
        CHECK(fabs((double)y[c] - want) <= 40 * 0x1p-24 * want, "rows isa=%s c=%d got=%g want=%g", ks->isa, c,
              (double)y[c], want);
    }
    for (int t = 0; t < 3; t++) {
        reduce_run(ks, pools[t], REDUCE_SUM, 2, dims, (bool[]){true, true}, y, (int64_t[]){0, 0}, x, strides);
        if (t == 0) bits[0] = y[0];
        CHECK(bits[0] == y[0], "bits isa=%s threads=%d", ks->isa, pool_threads(pools[t]));
    }
    double want = 0;
    for (int i = 0; i < ROWS * COLUMNS; i++) want += (double)x[i];
    CHECK(fabs((double)y[0] - want) <= 40 * 0x1p-24 * want, "sum isa=%s got=%.9g want=%.9g", ks->isa, (double)y[0],
          want);
    mem_free(x);
}

int main(void) {
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        for (int i = 0; i < 3; i++) check_all(*ks, pools[i]), check_log_sum_exp(*ks, pools[i]);
        check_long(*ks, pools);
    }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
