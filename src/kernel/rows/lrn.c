#include "kernel/rows/lrn.h"

#include <math.h>

#include "kernel/rows/norm_matrix.h"
#include "kernel/rows/norm_sizes.h"
#include "kernel/rows/reduce.h"

typedef struct job {
    const kernel_set *ks;
    const lrn_options *o;
    float *y, *terms;
    const float *dy, *x;
    bool gather;           /* the second pass of the gradient */
    int64_t piece, pieces; /* of inner; of outer where inner is 1 */
} job;

/* n elements at `at`, all with `before` and `after` neighbours `pitch` apart. */
static void run(const job *j, int64_t at, int64_t n, int64_t pitch, int64_t before, int64_t after) {
    const lrn_options *o = j->o;
    if (n <= 0) return;
    if (j->gather)
        j->ks->lrn_gather(j->y + at, j->x + at, j->terms + at, n, pitch, before, after, 2 * o->alpha * o->beta);
    else if (j->terms)
        j->ks->lrn_terms(j->y + at, j->terms + at, j->dy + at, j->x + at, n, pitch, before, after, o->alpha, o->beta,
                         o->bias);
    else j->ks->lrn(j->y + at, j->x + at, n, pitch, before, after, o->alpha, o->beta, o->bias);
}

static void task(void *context, int64_t index, int worker) {
    const job *j = context;
    const lrn_options *o = j->o;
    int64_t before = j->gather ? o->after : o->before, after = j->gather ? o->before : o->after, last = o->channels - 1;
    if (o->inner > 1) {
        int64_t begin = index % j->pieces * j->piece, n = int64_min(j->piece, o->inner - begin);
        int64_t at = index / j->pieces * o->channels * o->inner + begin;
        for (int64_t c = 0; c < o->channels; c++)
            run(j, at + c * o->inner, n, o->inner, int64_min(before, c), int64_min(after, last - c));
        return;
    }
    int64_t end = int64_min(o->outer, (index + 1) * j->piece), low = int64_min(before, o->channels),
            high = int64_max(low, o->channels - after);
    for (int64_t pixel = index * j->piece; pixel < end; pixel++) {
        int64_t at = pixel * o->channels;
        for (int64_t c = 0; c < low; c++) run(j, at + c, 1, 1, int64_min(before, c), int64_min(after, last - c));
        run(j, at + low, high - low, 1, before, after);
        for (int64_t c = high; c < o->channels; c++)
            run(j, at + c, 1, 1, int64_min(before, c), int64_min(after, last - c));
    }
}

static void tasks_run(pool *p, job *j) {
    const lrn_options *o = j->o;
    j->piece = int64_max(16, NORM_TASK / int64_max(1, o->channels) / 16 * 16);
    if (o->inner > 1) j->pieces = ceil_div(o->inner, j->piece);
    pool_run(p, task, j, o->inner > 1 ? o->outer * j->pieces : ceil_div(o->outer * o->inner, j->piece));
}

void lrn_run(const kernel_set *ks, pool *p, const lrn_options *o, float *y, const float *x) {
    tasks_run(p, &(job){.ks = ks, .o = o, .y = y, .x = x});
}

void lrn_gradient(const kernel_set *ks, pool *p, const lrn_options *o, float *dx, const float *dy, const float *x,
                  float *scratch) {
    job j = {.ks = ks, .o = o, .y = dx, .terms = scratch, .dy = dy, .x = x};
    tasks_run(p, &j);
    j.gather = true;
    tasks_run(p, &j);
}

/* ---- Lp ---- */

typedef struct lp_job {
    const kernel_set *ks;
    int64_t outer, channels, inner, rows_each;
    float *y;
    const float *x, *factors;
} lp_job;

static void lp_task(void *context, int64_t index, int worker) {
    const lp_job *j = context;
    bool rows = j->inner == 1;
    int64_t first = index * j->rows_each, end = int64_min(j->outer, first + j->rows_each);
    struct norm_matrix m = {.mean = norm_none, .scale = norm_unit, .shift = norm_none};
    m.rows = rows ? end - first : j->channels;
    m.columns = m.pitch = rows ? j->channels : j->inner;
    for (int64_t o = first; o < end; o += rows ? end - first : 1) {
        struct norm_part factor = {j->factors + o * j->inner, 1};
        *(rows ? &m.scale.row : &m.scale.column) = factor;
        j->ks->norm_apply(&m, j->y + o * j->channels * j->inner, j->x + o * j->channels * j->inner);
    }
}

void lp_run(const kernel_set *ks, pool *p, int power, int64_t outer, int64_t channels, int64_t inner, float *y,
            const float *x, float *scratch) {
    int64_t dims[3] = {outer, channels, inner}, xs[3] = {channels * inner, inner, 1}, ys[3] = {inner, 0, 1};
    bool reduced[3] = {false, true, false};
    if (outer * channels * inner == 0) return;
    reduce_run(ks, p, power == 1 ? REDUCE_SUM_ABS : REDUCE_SUM_SQUARE, 3, dims, reduced, scratch, ys, x, xs);
    for (int64_t i = 0; i < outer * inner; i++) {
        float norm = power == 1 ? scratch[i] : sqrtf(scratch[i]);
        scratch[i] = norm == 0 ? 0 : 1 / norm;
    }
    lp_job j = {ks, outer, channels, inner, int64_max(1, NORM_TASK / (channels * inner)), y, x, scratch};
    pool_run(p, lp_task, &j, ceil_div(outer, j.rows_each));
}
