/* Pooling against plain loops in all three storages: integers exactly, NaN, ties, padding, dilation, pitches; every
 * instruction set, guarded buffers, threads 1, 2, 7. */
#include <math.h>

#include "check.h"
#include "kernel/windows/pool.h"
#include "kernel_guard.h"

#define SHAPE(ih, iw, oh, ow, kh, kw, sh, sw, pt, pl, pb, pr, dh, dw, include_pad, p)                                  \
    { 0, 0, {ih, oh, kh, sh, dh, pt, pb}, {iw, ow, kw, sw, dw, pl, pr}, {0}, include_pad, p }

static const pool_shape shapes[] = {
    SHAPE(28, 28, 14, 14, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1, false, 0),
    SHAPE(9, 7, 4, 3, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1, false, 0),
    SHAPE(8, 8, 4, 4, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, true, 0),
    SHAPE(7, 9, 5, 5, 3, 3, 1, 2, 0, 1, 0, 1, 1, 1, false, 0),
    SHAPE(6, 6, 6, 6, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, false, 0),
    SHAPE(11, 10, 3, 4, 3, 2, 2, 2, 1, 0, 0, 1, 3, 2, true, 0),
    SHAPE(5, 5, 3, 3, 2, 2, 2, 2, 0, 0, 1, 1, 1, 1, true, 0),
    SHAPE(4, 4, 1, 1, 4, 4, 1, 1, 0, 0, 0, 0, 1, 1, false, 0),
    SHAPE(3, 3, 4, 4, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, true, 0),
    SHAPE(7, 7, 4, 4, 2, 2, 2, 2, 0, 0, 1, 1, 1, 1, false, 0), /* ceil */
    SHAPE(28, 28, 28, 28, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, false, 0),
    SHAPE(33, 35, 17, 18, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, true, 0),
    SHAPE(5, 41, 3, 20, 3, 3, 2, 2, 0, 0, 1, 1, 1, 1, false, 0),
    SHAPE(10, 67, 4, 22, 3, 5, 3, 3, 1, 2, 1, 2, 1, 1, false, 0),
    SHAPE(13, 40, 13, 40, 5, 5, 1, 1, 4, 4, 4, 4, 2, 2, true, 0),
    SHAPE(14, 41, 6, 19, 3, 3, 2, 2, 1, 1, 1, 1, 2, 2, true, 0),
    SHAPE(17, 23, 4, 5, 4, 4, 4, 4, 0, 0, 0, 0, 1, 1, false, 0),
    SHAPE(7, 7, 1, 1, 7, 7, 1, 1, 0, 0, 0, 0, 1, 1, false, 0),
    SHAPE(12, 13, 1, 1, 12, 13, 1, 1, 0, 0, 0, 0, 1, 1, false, 0),
    SHAPE(3, 3, 5, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, false, 0),       /* windows in the padding */
    SHAPE(3, 9000, 3, 9000, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, false, 0), /* more columns than a band has */
    SHAPE(2, 9000, 1, 4502, 2, 3, 1, 2, 0, 3, 0, 2, 1, 1, true, 0),
    SHAPE(1, 5000, 1, 2, 1, 4999, 1, 1, 0, 0, 0, 0, 1, 1, false, 0), /* more taps */
    SHAPE(1, 3000, 1, 4, 1, 9, 1, 900, 0, 0, 0, 0, 1, 1, false, 0),  /* strides too long for it */
};

enum { LAST_CHANNELS, LAST_BATCH, PLAIN, STORAGES };

/* Storage with gaps: pitches grow by `gap` floats at each level. */
static window_storage storage_of(pool_shape *s, int kind, int64_t batch, int64_t channels, int64_t gap) {
    s->batch = batch, s->channels = channels;
    window_storage m = kind == LAST_CHANNELS ? window_channels_last(s)
                       : kind == LAST_BATCH  ? window_batch_last(s)
                                             : window_plain(s);
    if (!gap) return m;
    m.x_column += gap, m.y_column += gap;
    m.x_row = m.x_column * s->x.in + gap, m.y_row = m.y_column * s->x.out + gap;
    m.x_outer = m.x_row * s->y.in + gap, m.y_outer = m.y_row * s->y.out + gap;
    return m;
}

typedef struct arrays {
    float *block[6], *x, *y, *dy, *dx, *want_y, *want_dx;
    int64_t nx, ny;
} arrays;

static void fill(arrays *t, int nan_every) {
    for (int64_t i = 0; i < t->nx; i++)
        t->x[i] = nan_every && i % nan_every == 3 ? NAN : (float)((i * 7919 >> 2) % 9) - 4;
    for (int64_t i = 0; i < t->ny; i++) t->dy[i] = (float)((i * 31) % 13) * 12, t->y[i] = t->want_y[i] = -99;
    for (int64_t i = 0; i < t->nx; i++) t->dx[i] = t->want_dx[i] = -99;
}

static bool same(float a, float b) {
    return a == b || (isnan(a) && isnan(b));
}

/* One window of one element by definition; what: 0 max, 1 average. */
static void window_of(const pool_shape *s, const window_storage *m, arrays *t, int what, int64_t o, int64_t i,
                      int64_t p, int64_t q) {
    int64_t best_at = -1, inside = 0, padded = 0, at = o * m->y_outer + p * m->y_row + q * m->y_column + i;
    float best = -INFINITY, sum = 0;
    for (int pass = 0; pass < 2; pass++) {
        float divisor = (float)(s->include_pad ? padded : inside);
        if (pass && divisor < 1) divisor = 1;
        if (pass) t->want_y[at] = what ? sum / divisor : best;
        if (pass && !what && best_at >= 0) t->want_dx[best_at] += t->dy[at];
        for (int64_t u = 0; u < s->y.kernel; u++)
            for (int64_t v = 0; v < s->x.kernel; v++) {
                int64_t h = p * s->y.stride - s->y.before + u * s->y.dilation,
                        w = q * s->x.stride - s->x.before + v * s->x.dilation;
                if (!pass && h < s->y.in + s->y.after && w < s->x.in + s->x.after) padded++;
                if (h < 0 || w < 0 || h >= s->y.in || w >= s->x.in) continue;
                int64_t from = o * m->x_outer + h * m->x_row + w * m->x_column + i;
                if (pass && what) t->want_dx[from] += t->dy[at] / divisor;
                if (pass) continue;
                inside++, sum += t->x[from];
                if (best_at < 0 || t->x[from] > best || (isnan(t->x[from]) && !isnan(best)))
                    best = t->x[from], best_at = from;
            }
    }
}

static void check_case(const kernel_set *ks, int shape, int kind, int64_t batch, int64_t channels, int64_t gap,
                       int what, int nan_every, pool *p) {
    pool_shape sized = shapes[shape], *s = &sized;
    window_storage m = storage_of(s, kind, batch, channels, gap);
    arrays t = {.nx = (m.outer - 1) * m.x_outer + (s->y.in - 1) * m.x_row + (s->x.in - 1) * m.x_column + m.inner,
                .ny = (m.outer - 1) * m.y_outer + (s->y.out - 1) * m.y_row + (s->x.out - 1) * m.y_column + m.inner};
    float **to[6] = {&t.x, &t.dx, &t.want_dx, &t.y, &t.dy, &t.want_y};
    for (int i = 0; i < 6; i++) *to[i] = guard_new(i < 3 ? t.nx : t.ny, &t.block[i]);
    fill(&t, what ? 0 : nan_every);
    for (int64_t i = 0; i < m.outer * s->y.in * s->x.in * m.inner; i++)
        t.want_dx[i / m.inner / s->x.in / s->y.in * m.x_outer + i / m.inner / s->x.in % s->y.in * m.x_row +
                  i / m.inner % s->x.in * m.x_column + i % m.inner] = 0;
    for (int64_t i = 0; i < m.outer * s->y.out * s->x.out * m.inner; i++)
        window_of(s, &m, &t, what, i / m.inner / s->x.out / s->y.out, i % m.inner, i / m.inner / s->x.out % s->y.out,
                  i / m.inner % s->x.out);
    if (what) pool_average(ks, p, s, &m, t.y, t.x), pool_average_gradient(ks, p, s, &m, t.dx, t.dy);
    else pool_max(ks, p, s, &m, t.y, t.x), pool_max_gradient(ks, p, s, &m, t.dx, t.dy, t.x);
    for (int64_t i = 0; i < t.ny; i++)
        if (!CHECK(same(t.y[i], t.want_y[i]),
                   "%s isa=%s shape=%d storage=%d batch=%d channels=%d gap=%d at=%d got=%g want=%g",
                   what ? "average" : "max", ks->isa, shape, kind, (int)batch, (int)channels, (int)gap, (int)i,
                   (double)t.y[i], (double)t.want_y[i]))
            break;
    for (int64_t i = 0; i < t.nx; i++)
        if (!CHECK(fabsf(t.dx[i] - t.want_dx[i]) <= (what ? 1e-5f * fabsf(t.want_dx[i]) : 0),
                   "gradient of %s isa=%s shape=%d storage=%d batch=%d channels=%d gap=%d at=%d got=%g want=%g",
                   what ? "average" : "max", ks->isa, shape, kind, (int)batch, (int)channels, (int)gap, (int)i,
                   (double)t.dx[i], (double)t.want_dx[i]))
            break;
    for (int i = 0; i < 6; i++)
        CHECK(guard_holds(t.block[i], i < 3 ? t.nx : t.ny), "guard %d isa=%s shape=%d", i, ks->isa, shape),
            mem_free(t.block[i]);
}

/* Plain storage, and the same images in the other two. */
static void check_indices(const kernel_set *ks, pool *p) {
    pool_shape s = SHAPE(4, 3, 2, 2, 2, 2, 2, 1, 0, 0, 0, 0, 1, 1, false, 0);
    float x[24] = {5, 5, 1, 2, 5, 9, 0, 0, 0, 0, 0, 1}, y[8];
    int64_t rows[8], columns[8];
    x[20] = NAN;
    s.batch = 2, s.channels = 1;
    window_storage m = window_plain(&s);
    pool_max_indices(ks, p, &s, &m, y, &(window_indices){rows, 1, 1, false}, x);
    pool_max_indices(ks, p, &s, &m, y, &(window_indices){columns, 1, 1, true}, x);
    CHECK(y[0] == 5 && rows[0] == 0 && y[1] == 9 && rows[1] == 5 && rows[2] == 6 && rows[3] == 11, "indices");
    CHECK(columns[1] == 9 && columns[3] == 11 && columns[2] == 2, "column-major %d %d", (int)columns[1],
          (int)columns[2]);
    CHECK(isnan(y[7]) && rows[7] == 20 && rows[4] == 12, "second plane %d %d", (int)rows[7], (int)rows[4]);
    float inner[24];
    int64_t others[8];
    for (int i = 0; i < 24; i++) inner[i % 12 * 2 + i / 12] = x[i];
    s.batch = 1, s.channels = 2;
    m = window_channels_last(&s);
    pool_max_indices(ks, p, &s, &m, y, &(window_indices){others, 2, 1, false}, inner);
    CHECK(!memcmp(others, rows, sizeof rows) && y[0] == 5 && isnan(y[7]), "channels-last isa=%s", ks->isa);
    s.batch = 2, s.channels = 1;
    m = window_batch_last(&s);
    pool_max_indices(ks, p, &s, &m, y, &(window_indices){others, 1, 1, true}, inner);
    CHECK(!memcmp(others, columns, sizeof columns), "batch-last isa=%s", ks->isa);
}

/* (Σ |x|^p)^(1/p) of integers. */
static void check_norm(const kernel_set *ks, const pool_shape *shape, int kind, int64_t norm, pool *p) {
    pool_shape s = *shape;
    s.p = norm, s.include_pad = false;
    window_storage m = storage_of(&s, kind, 2, 3, 0);
    arrays t = {.nx = m.outer * m.x_outer, .ny = m.outer * m.y_outer};
    t.x = guard_new(t.nx, &t.block[0]), t.y = guard_new(t.ny, &t.block[1]);
    for (int64_t i = 0; i < t.nx; i++) t.x[i] = (float)((i * 7919 >> 2) % 9) - 4;
    pool_norm(ks, p, &s, &m, t.y, t.x);
    for (int64_t i = 0; i < t.ny; i++) {
        int64_t o = i / m.y_outer, row = i % m.y_outer / m.y_row * s.y.stride - s.y.before;
        int64_t column = i % m.y_row / m.y_column * s.x.stride - s.x.before;
        double sum = 0;
        for (int64_t u = row; u < row + s.y.kernel * s.y.dilation; u += s.y.dilation)
            for (int64_t v = column; v < column + s.x.kernel * s.x.dilation; v += s.x.dilation)
                if (u >= 0 && v >= 0 && u < s.y.in && v < s.x.in)
                    sum += pow(fabs((double)t.x[o * m.x_outer + u * m.x_row + v * m.x_column + i % m.y_column]),
                               (double)norm);
        double want = pow(sum, 1.0 / (double)norm);
        if (!CHECK(fabs((double)t.y[i] - want) <= 2e-6 * want,
                   "norm %d isa=%s shape=%d storage=%d at=%d got=%g want=%g", (int)norm, ks->isa, (int)(shape - shapes),
                   kind, (int)i, (double)t.y[i], want))
            break;
    }
    CHECK(guard_holds(t.block[0], t.nx) && guard_holds(t.block[1], t.ny), "norm's guards, isa=%s", ks->isa);
    mem_free(t.block[0]), mem_free(t.block[1]);
}

/* How many of main's sizes large images are tried with. */
static int sizes_of(const pool_shape *s) {
    return s->x.in > 1000 ? 1 : s->x.in > 28 || s->x.out == 28 ? 2 : 6;
}

int main(void) {
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    static const int64_t sizes[][2] = {{1, 1}, {2, 3}, {3, 16}, {16, 2}, {5, 37}, {70, 2}};
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (int shape = 0; shape < (int)(sizeof shapes / sizeof *shapes); shape++)
            for (int kind = 0; kind < STORAGES; kind++)
                for (int i = 0; i < sizes_of(&shapes[shape]); i++)
                    for (int what = 0; what < 2; what++) {
                        check_case(*ks, shape, kind, sizes[i][0], sizes[i][1], i % 2 * 3, what, 0, pools[i % 3]);
                        check_case(*ks, shape, kind, sizes[i][0], sizes[i][1], 0, what, i % 2 ? 11 : 5,
                                   pools[(i + 1) % 3]);
                    }
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (int i = 0; i < 3; i++) {
            check_indices(*ks, pools[i]);
            for (int shape = 0; shape < (int)(sizeof shapes / sizeof *shapes); shape++)
                for (int kind = 0; kind < STORAGES && shapes[shape].x.in < 1000; kind++)
                    check_norm(*ks, &shapes[shape], kind, i + 1, pools[i]);
        }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
