/* Normalisation by neighbouring channels and by the length of rows against float64 loops, the gradient against central
 * differences: windows wider than the channels, both storage orders, every instruction set, guarded buffers, threads
 * 1, 2, 7. */
#include <math.h>

#include "check.h"
#include "kernel/rows/lrn.h"
#include "kernel_guard.h"

static double value_at(int64_t i) {
    return (double)((i * 7919 + 13) % 41) / 8 - 2.5;
}

/* s of channel c, where x[c'·step] are the channels. */
static double sum_at(const lrn_options *o, const double *x, int64_t step, int64_t c) {
    double sum = 0;
    for (int64_t k = c - o->before; k <= c + o->after; k++)
        if (k >= 0 && k < o->channels) sum += x[k * step] * x[k * step];
    return (double)o->bias + (double)o->alpha * sum;
}

static double lrn_at(const lrn_options *o, const double *x, int64_t step, int64_t c) {
    return x[c * step] * pow(sum_at(o, x, step, c), -(double)o->beta);
}

/* Σ dy·y of the channels around one position: what dx is the gradient of. */
static double scalar(const lrn_options *o, const double *x, const double *dy, int64_t step) {
    double sum = 0;
    for (int64_t c = 0; c < o->channels; c++) sum += dy[c * step] * lrn_at(o, x, step, c);
    return sum;
}

static void check_case(const kernel_set *ks, lrn_options o, pool *p) {
    int64_t n = o.outer * o.channels * o.inner;
    float *block[5], *at[5];
    double *x = mem_zalloc((size_t)n, sizeof *x), *dy = mem_zalloc((size_t)n, sizeof *dy), error = 0, error_dx = 0;
    for (int i = 0; i < 5; i++) at[i] = guard_new(n, &block[i]);
    for (int64_t i = 0; i < n; i++) {
        x[i] = value_at(i), dy[i] = value_at(3 * i + 1);
        at[0][i] = (float)x[i], at[1][i] = (float)dy[i];
    }
    lrn_run(ks, p, &o, at[2], at[0]);
    lrn_gradient(ks, p, &o, at[3], at[1], at[0], at[4]);
    for (int64_t i = 0; i < n; i++) {
        int64_t c = i / o.inner % o.channels, first = i - c * o.inner;
        error = fmax(error, fabs((double)at[2][i] - lrn_at(&o, x + first, o.inner, c)));
        if (i % 3) continue; /* the rest costs more than it shows */
        const double h = 1e-5, kept = x[i];
        x[i] = kept + h;
        double above = scalar(&o, x + first, dy + first, o.inner);
        x[i] = kept - h;
        double below = scalar(&o, x + first, dy + first, o.inner);
        x[i] = kept;
        error_dx = fmax(error_dx, fabs((double)at[3][i] - (above - below) / (2 * h)));
    }
    CHECK(error < 1e-5, "isa=%s [%d][%d][%d] window %d+%d beta=%g: off by %g", ks->isa, (int)o.outer, (int)o.channels,
          (int)o.inner, (int)o.before, (int)o.after, (double)o.beta, error);
    CHECK(error_dx < 1e-4, "isa=%s [%d][%d][%d] window %d+%d beta=%g: gradient off by %g", ks->isa, (int)o.outer,
          (int)o.channels, (int)o.inner, (int)o.before, (int)o.after, (double)o.beta, error_dx);
    for (int i = 0; i < 5; i++) CHECK(guard_holds(block[i], n), "guard %d isa=%s", i, ks->isa), mem_free(block[i]);
    mem_free(x), mem_free(dy);
}

/* Rows of zeros stay zeros. */
static void check_lp(const kernel_set *ks, int power, int64_t outer, int64_t channels, int64_t inner, pool *p) {
    int64_t n = outer * channels * inner, zero = outer * inner > 1 ? 1 : -1;
    float *block[3], *x = guard_new(n, &block[0]), *y = guard_new(n, &block[1]);
    float *scratch = guard_new(outer * inner, &block[2]);
    double error = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t row = i / (channels * inner) * inner + i % inner;
        x[i] = row == zero ? 0 : (float)value_at(i);
    }
    lp_run(ks, p, power, outer, channels, inner, y, x, scratch);
    for (int64_t i = 0; i < n; i++) {
        int64_t first = i / (channels * inner) * channels * inner + i % inner;
        double norm = 0;
        for (int64_t c = 0; c < channels; c++) {
            double v = (double)x[first + c * inner];
            norm += power == 1 ? fabs(v) : v * v;
        }
        if (power == 2) norm = sqrt(norm);
        error = fmax(error, fabs((double)y[i] - (norm > 0 ? (double)x[i] / norm : 0)));
    }
    CHECK(error < 1e-6, "isa=%s L%d of [%d][%d][%d]: off by %g", ks->isa, power, (int)outer, (int)channels, (int)inner,
          error);
    for (int i = 0; i < 3; i++)
        CHECK(guard_holds(block[i], i < 2 ? n : outer * inner), "guard isa=%s", ks->isa), mem_free(block[i]);
}

int main(void) {
    static const int64_t sizes[][3] = {{1, 1, 1}, {2, 5, 1}, {2, 5, 7}, {3, 33, 16}, {5, 64, 1}, {1, 20, 131}};
    static const int64_t windows[][2] = {{0, 0}, {2, 2}, {1, 2}, {40, 40}};
    static const float betas[] = {0.75f, 0.5f, 1, 1.3f};
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (int i = 0; i < 6; i++) {
            const int64_t *s = sizes[i];
            for (int w = 0; w < 4; w++)
                for (int b = 0; b < 4; b++)
                    check_case(*ks, (lrn_options){s[0], s[1], s[2], windows[w][0], windows[w][1], 0.1f, betas[b], 1.5f},
                               pools[(w + b) % 3]);
            for (int t = 0; t < 3; t++)
                for (int power = 1; power <= 2; power++) check_lp(*ks, power, s[0], s[1], s[2], pools[t]);
        }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
