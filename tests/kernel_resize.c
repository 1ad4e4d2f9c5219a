/* Separable resampling against its sum in double: rows, columns, both, neither; one float or many inside; taps 0 … 7;
 * every instruction set, guarded buffers, threads 1, 2, 7. */
#include <math.h>

#include "check.h"
#include "kernel/windows/resize.h"
#include "kernel_guard.h"

enum { MOST = 64 * 8 };

typedef struct store {
    int32_t index[MOST], count[MOST];
    float weight[MOST];
} store;

/* q reads about q·in/out and its neighbours; every fifth element of a table with `holes` nothing. */
static resize_table table_new(store *s, int64_t in, int64_t out, int64_t taps, bool by_tap, bool holes) {
    for (int64_t q = 0; q < out; q++) {
        bool hole = holes && q % 5 == 4;
        s->count[q] = hole ? 0 : by_tap ? (int32_t)taps : (int32_t)(1 + (q + taps) % taps);
        for (int64_t t = 0; t < taps; t++) {
            int64_t at = by_tap ? t * out + q : q * taps + t;
            s->index[at] = (int32_t)((q * in / out + t) % in);
            s->weight[at] = taps == 1 ? 1 : (float)((q + 3 * t) % 8 + 1) / 8;
        }
    }
    return (resize_table){in, out, taps, s->index, s->count, s->weight, by_tap, holes && out > 4};
}

/* Tap t of q: its index; *w is its weight. */
static int64_t tap(const resize_table *r, int64_t q, int64_t t, double *w) {
    int64_t at = r->by_tap ? t * r->out + q : q * r->taps + t;
    *w = r->index ? (double)r->weight[at] : 1;
    return r->index ? r->index[at] : q;
}

static double want(const resize_pass *s, const float *x, int64_t o, int64_t p, int64_t q, int64_t i) {
    int64_t rows = s->rows.index ? s->rows.count[p] : 1, columns = s->columns.index ? s->columns.count[q] : 1;
    double sum = 0, wp, wq;
    if (rows == 0 || columns == 0) return (double)s->outside;
    for (int64_t u = 0; u < rows; u++)
        for (int64_t v = 0; v < columns; v++) {
            int64_t h = tap(&s->rows, p, u, &wp), w = tap(&s->columns, q, v, &wq);
            sum += wp * wq * (double)x[((o * s->rows.in + h) * s->columns.in + w) * s->inner + i];
        }
    return sum;
}

/* sizes: outer, rows in, out, columns in, out, inner; taps of rows and columns, 0: as they are. */
static void check_case(const kernel_set *ks, const int64_t n[6], int64_t row_taps, int64_t column_taps, bool holes,
                       pool *p) {
    store rows, columns;
    resize_pass s = {.outer = n[0], .inner = n[5], .rows = {.in = n[1], .out = n[1]}, .outside = 77};
    s.columns = (resize_table){.in = n[3], .out = n[3]};
    if (row_taps) s.rows = table_new(&rows, n[1], n[2], row_taps, false, holes);
    if (column_taps) s.columns = table_new(&columns, n[3], n[4], column_taps, n[5] == 1, holes);
    int64_t nx = n[0] * n[1] * n[3] * n[5], row = s.columns.out * n[5], ny = n[0] * s.rows.out * row, wrong = 0;
    float *block[3], *x = guard_new(nx, &block[0]), *y = guard_new(ny, &block[1]);
    int64_t scratch = 7 * resize_scratch(&s);
    float *own = guard_new(scratch, &block[2]);
    for (int64_t i = 0; i < nx; i++) x[i] = (float)((i * 7919 + 13) % 23) - 11;
    resize_run(ks, p, &s, y, x, own);
    for (int64_t i = 0; i < ny; i++) {
        double w = want(&s, x, i / row / s.rows.out, i / row % s.rows.out, i % row / n[5], i % n[5]);
        wrong += fabs((double)y[i] - w) > 1e-5 * (fabs(w) + 50);
    }
    CHECK(wrong == 0, "isa=%s %dx%d>%dx%d>%dx%d taps=%d,%d holes=%d: %d of %d wrong", ks->isa, (int)n[0], (int)n[1],
          (int)n[2], (int)n[3], (int)n[4], (int)n[5], (int)row_taps, (int)column_taps, holes, (int)wrong, (int)ny);
    const int64_t sizes[3] = {nx, ny, scratch};
    for (int i = 0; i < 3; i++)
        CHECK(guard_holds(block[i], sizes[i]), "guard %d isa=%s", i, ks->isa), mem_free(block[i]);
}

int main(void) {
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    static const int64_t sizes[][6] = {{1, 5, 9, 7, 13, 1},  {3, 8, 3, 40, 17, 1}, {2, 4, 8, 5, 10, 35},
                                       {2, 1, 1, 33, 64, 1}, {5, 9, 4, 6, 3, 3},   {1, 1, 3, 1, 2, 130}};
    static const int64_t taps[] = {0, 1, 2, 4, 7};
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (int i = 0; i < 6; i++)
            for (int u = 0; u < 5; u++)
                for (int v = 0; v < 5; v++)
                    for (int holes = 0; holes < 2; holes++)
                        check_case(*ks, sizes[i], taps[u], taps[v], holes, pools[(i + u + v) % 3]);
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
