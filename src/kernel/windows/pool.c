#include "kernel/windows/pool.h"

#include "kernel/windows/window_range.h"

#include <string.h>

#define INNER 64   /* inner elements of a task: whole cache lines */
#define TASK  1024 /* elements of x of a task, about, where a plane has fewer */

static window_storage storage(const pool_shape *s, int64_t outer, int64_t inner) {
    return (window_storage){.outer = outer,
                            .inner = inner,
                            .x_outer = s->y.in * s->x.in * inner,
                            .x_row = s->x.in * inner,
                            .x_column = inner,
                            .y_outer = s->y.out * s->x.out * inner,
                            .y_row = s->x.out * inner,
                            .y_column = inner};
}
window_storage window_channels_last(const pool_shape *s) {
    return storage(s, s->batch, s->channels);
}
window_storage window_batch_last(const pool_shape *s) {
    return storage(s, s->channels, s->batch);
}
window_storage window_plain(const pool_shape *s) {
    return storage(s, s->batch * s->channels, 1);
}

typedef struct job {
    void (*run)(const struct pool_shape *, const struct window_storage *, int64_t, float *, const float *);
    void (*run_with_x)(const struct pool_shape *, const struct window_storage *, int64_t, float *, const float *,
                       const float *);
    const pool_shape *s;
    const window_storage *m;
    bool backward; /* `to` is laid out like x, `from` like y */
    float *to;
    const float *from, *x;
    int64_t pieces; /* of inner */
    int64_t units;  /* of one outer and one piece each */
    int64_t grain;  /* units of a task */
} job;

static void unit(const job *j, int64_t index) {
    int64_t outer = j->pieces == 1 ? index : index / j->pieces, begin = (index - outer * j->pieces) * INNER;
    int64_t inner = j->m->inner - begin < INNER ? j->m->inner - begin : INNER;
    int64_t x = outer * j->m->x_outer + begin, y = outer * j->m->y_outer + begin;
    float *to = j->to + (j->backward ? x : y);
    const float *from = j->from + (j->backward ? y : x);
    if (j->run) j->run(j->s, j->m, inner, to, from);
    else j->run_with_x(j->s, j->m, inner, to, from, j->x + x);
}

static void task(void *context, int64_t index, int worker) {
    const job *j = context;
    int64_t begin = index * j->grain, end = begin + j->grain < j->units ? begin + j->grain : j->units;
    for (int64_t i = begin; i < end; i++) unit(j, i);
}

static void run(pool *p, job *j) {
    int64_t size = j->s->y.in * j->s->x.in * (j->m->inner < INNER ? j->m->inner : INNER);
    j->pieces = (j->m->inner + INNER - 1) / INNER;
    j->units = j->m->outer * j->pieces;
    j->grain = size > 0 && size < TASK ? TASK / size : 1;
    pool_run(p, task, j, (j->units + j->grain - 1) / j->grain);
}

void pool_max(const kernel_set *ks, pool *p, const pool_shape *s, const window_storage *m, float *y, const float *x) {
    run(p, &(job){.run = ks->window_max, .s = s, .m = m, .to = y, .from = x});
}
void pool_max_gradient(const kernel_set *ks, pool *p, const pool_shape *s, const window_storage *m, float *dx,
                       const float *dy, const float *x) {
    run(p,
        &(job){.run_with_x = ks->window_max_gradient, .s = s, .m = m, .backward = true, .to = dx, .from = dy, .x = x});
}
void pool_average(const kernel_set *ks, pool *p, const pool_shape *s, const window_storage *m, float *y,
                  const float *x) {
    run(p, &(job){.run = ks->window_average, .s = s, .m = m, .to = y, .from = x});
}
void pool_average_gradient(const kernel_set *ks, pool *p, const pool_shape *s, const window_storage *m, float *dx,
                           const float *dy) {
    run(p, &(job){.run = ks->window_average_gradient, .s = s, .m = m, .backward = true, .to = dx, .from = dy});
}

void pool_norm(const kernel_set *ks, pool *p, const pool_shape *s, const window_storage *m, float *y, const float *x) {
    run(p, &(job){.run = ks->window_norm, .s = s, .m = m, .to = y, .from = x});
}

typedef struct index_job {
    const kernel_set *ks;
    const pool_shape *s;
    const window_storage *m;
    const window_indices *to;
    float *y;
    const float *x;
    int64_t pieces;
} index_job;

static void index_task(void *context, int64_t index, int worker) {
    const index_job *j = context;
    int64_t outer = index / j->pieces, begin = index % j->pieces * INNER;
    int64_t inner = j->m->inner - begin < INNER ? j->m->inner - begin : INNER;
    int64_t first = outer * j->to->outer_step + begin * j->to->inner_step;
    j->ks->window_max_indices(j->s, j->m, inner, j->y + outer * j->m->y_outer + begin, j->to, first,
                              j->x + outer * j->m->x_outer + begin);
}

void pool_max_indices(const kernel_set *ks, pool *p, const pool_shape *s, const window_storage *m, float *y,
                      const window_indices *to, const float *x) {
    index_job j = {ks, s, m, to, y, x, (m->inner + INNER - 1) / INNER};
    pool_run(p, index_task, &j, m->outer * j.pieces);
}

/* Where in y element `index` of the counted shape is; −1: outside of y, −2: there is none. */
static int64_t unpool_target(const unpool_shape *s, int64_t index) {
    int64_t size = s->fh * s->fw;
    if (index < 0 || size <= 0 || index / size >= s->planes) return -2;
    int64_t row = index % size / s->fw, column = index % s->fw;
    return row < s->oh && column < s->ow ? (index / size * s->oh + row) * s->ow + column : -1;
}

int64_t pool_unpool(const unpool_shape *s, float *y, const float *x, const int64_t *indices, int64_t count) {
    memset(y, 0, (size_t)(s->planes * s->oh * s->ow) * sizeof *y);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = unpool_target(s, indices[i]);
        if (at == -2) return i;
        if (at >= 0) y[at] = x[i];
    }
    return -1;
}

int64_t pool_unpool_gradient(const unpool_shape *s, float *dx, const float *dy, const int64_t *indices, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        int64_t at = unpool_target(s, indices[i]);
        if (at == -2) return i;
        dx[i] = at >= 0 ? dy[at] : 0;
    }
    return -1;
}
