/* ArgMax, ArgMin, Hardmax, TopK and its gradient against plain loops: every storage order and axis, ties, NaN; every
 * instruction set, guarded buffers, threads 1, 2, 7. */
#include <math.h>

#include "check.h"
#include "kernel/rows/arg.h"
#include "kernel_guard.h"

/* Before: greater (less), or the first NaN, or of equals the first (last). */
static bool wins(float v, float best, bool least, bool last) {
    if (isnan(v) || isnan(best)) return isnan(v) && (last || !isnan(best));
    if (v == best) return last;
    return (v > best) != least;
}

static int64_t plain(const float *x, int64_t n, int64_t step, bool least, bool last) {
    int64_t k = 0;
    for (int64_t i = 1; i < n; i++)
        if (wins(x[i * step], x[k * step], least, last)) k = i;
    return k;
}

static void check_case(const kernel_set *ks, const int64_t dims[3], const int order[3], int axis, int kind, pool *p) {
    int64_t xs[3], ys[3], nx = 1, ny = 1, n = dims[axis], wrong = 0;
    for (int i = 2; i >= 0; i--) xs[order[i]] = nx, nx *= dims[order[i]];
    for (int d = 2; d >= 0; d--) ys[d] = d == axis ? 0 : ny, ny *= d == axis ? 1 : dims[d];
    arg_shape s = {3,        axis,    {dims[0], dims[1], dims[2]}, {xs[0], xs[1], xs[2]}, {ys[0], ys[1], ys[2]},
                   kind & 1, kind & 2};
    float *block[2], *x = guard_new(nx, &block[0]), *hard = guard_new(nx, &block[1]);
    int64_t *y = mem_zalloc((size_t)ny, sizeof *y);
    for (int64_t i = 0; i < nx; i++) x[i] = kind & 4 && i % 37 == 5 ? NAN : (float)((i * 7919 + 13) % 17) - 8;
    arg_run(ks, p, &s, y, x);
    for (int d = 0; d < 3; d++) s.y[d] = s.x[d];
    arg_hard(ks, p, &s, hard, x);
    for (int64_t i = 0; i < nx; i++) {
        int64_t rest = i, at[3], ix = 0, iy = 0;
        for (int d = 2; d >= 0; rest /= dims[d--]) at[d] = rest % dims[d], ix += at[d] * xs[d], iy += at[d] * ys[d];
        int64_t want = plain(x + ix - at[axis] * xs[axis], n, xs[axis], kind & 1, kind & 2);
        wrong += y[iy] != want || hard[ix] != (float)(at[axis] == want);
    }
    CHECK(wrong == 0, "isa=%s dims=%dx%dx%d order=%d%d axis=%d kind=%d: %d wrong", ks->isa, (int)dims[0], (int)dims[1],
          (int)dims[2], order[0], order[1], axis, kind, (int)wrong);
    for (int i = 0; i < 2; i++) CHECK(guard_holds(block[i], nx), "guard isa=%s", ks->isa), mem_free(block[i]);
    mem_free(y);
}

/* Rows [3][n]: each result no less than the next, of equals the lower index first, what is left out no greater. */
static void check_top(int64_t n, int64_t k, bool least, pool *p) {
    float *x = mem_zalloc((size_t)(3 * n), 4), *values = mem_zalloc((size_t)(3 * k) + 1, 4), dy[300];
    int64_t *at = mem_zalloc((size_t)(3 * k) + 1, 8), *scratch = mem_zalloc((size_t)(7 * k) + 1, 8), wrong = 0;
    float *dx = mem_zalloc((size_t)(3 * n), 4);
    arg_shape s = {2, 1, {3, n}, {n, 1}, {k, 1}, least, false};
    for (int64_t i = 0; i < 3 * n; i++) x[i] = i == n + 2 ? NAN : i % 11 == 3 ? -0.0f : (float)((i * 53) % 29) - 14;
    arg_top(p, &s, k, values, at, x, scratch);
    for (int64_t r = 0; r < 3; r++) {
        const float *row = x + r * n;
        for (int64_t i = 0; i < k; i++) {
            int64_t before = 0;
            float v = row[at[r * k + i]];
            wrong += memcmp(&v, &values[r * k + i], 4) != 0;
            for (int64_t j = 0; j < n; j++) {
                float w = row[j];
                bool nan = isnan(w), first = isnan(v) != nan ? nan != least : v != w && !nan ? (w > v) != least : false;
                bool equal = v == w || (nan && isnan(v));
                before += first || (equal && j < at[r * k + i]);
            }
            wrong += before != i;
        }
    }
    CHECK(wrong == 0, "top %d of %d least=%d: %d wrong", (int)k, (int)n, least, (int)wrong);
    for (int64_t i = 0; i < 3 * k; i++) dy[i] = (float)i + 1;
    arg_top_gradient(p, &s, k, dx, dy, at);
    double sum = 0;
    for (int64_t i = 0; i < 3 * n; i++) sum += (double)dx[i];
    for (int64_t i = 0; i < 3 * k; i++) wrong += dx[i / k * n + at[i]] != dy[i];
    CHECK(wrong == 0 && sum == 3.0 * (double)k * (3.0 * (double)k + 1) / 2, "gradient of top %d of %d", (int)k, (int)n);
    mem_free(x), mem_free(values), mem_free(at), mem_free(scratch), mem_free(dx);
}

int main(void) {
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    static const int64_t sizes[][3] = {{2, 3, 5}, {3, 70, 7}, {1, 37, 1}, {7, 2, 131}, {5, 1, 16}, {40, 33, 3}};
    static const int orders[3][3] = {{0, 1, 2}, {0, 2, 1}, {1, 2, 0}};
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (int i = 0; i < 6; i++)
            for (int o = 0; o < 3; o++)
                for (int axis = 0; axis < 3; axis++)
                    for (int kind = 0; kind < 8; kind++)
                        check_case(*ks, sizes[i], orders[o], axis, kind, pools[(i + kind) % 3]);
    for (int i = 0; i < 3; i++)
        for (int least = 0; least < 2; least++)
            for (int64_t k = 0; k <= 100; k += 20)
                check_top(100, k, least, pools[i]), check_top(1 + k, 1, least, pools[i]);
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
