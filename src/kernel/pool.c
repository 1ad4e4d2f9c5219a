#include "kernel/pool.h"

#include "kernel/window_range.h"

#include <math.h>

#define INNER 64 /* inner elements of a task: whole cache lines */

static window_storage storage(const window_shape *s, int64_t outer, int64_t inner) {
    return (window_storage){.outer = outer,
                            .inner = inner,
                            .x_outer = s->ih * s->iw * inner,
                            .x_row = s->iw * inner,
                            .x_column = inner,
                            .y_outer = s->oh * s->ow * inner,
                            .y_row = s->ow * inner,
                            .y_column = inner};
}
window_storage window_channels_last(const window_shape *s, int64_t batch, int64_t channels) {
    return storage(s, batch, channels);
}
window_storage window_batch_last(const window_shape *s, int64_t batch, int64_t channels) {
    return storage(s, channels, batch);
}
window_storage window_plain(const window_shape *s, int64_t batch, int64_t channels) {
    return storage(s, batch * channels, 1);
}

typedef struct job {
    void (*run)(const struct window_shape *, const struct window_storage *, int64_t, float *, const float *);
    void (*run_with_x)(const struct window_shape *, const struct window_storage *, int64_t, float *, const float *,
                       const float *);
    const window_shape *s;
    const window_storage *m;
    bool backward; /* `to` is laid out like x, `from` like y */
    float *to;
    const float *from, *x;
    int64_t pieces; /* of inner */
} job;

static void task(void *context, int64_t index, int worker) {
    const job *j = context;
    (void)worker;
    int64_t outer = index / j->pieces, begin = index % j->pieces * INNER;
    int64_t inner = j->m->inner - begin < INNER ? j->m->inner - begin : INNER;
    int64_t x = outer * j->m->x_outer + begin, y = outer * j->m->y_outer + begin;
    float *to = j->to + (j->backward ? x : y);
    const float *from = j->from + (j->backward ? y : x);
    if (j->run) j->run(j->s, j->m, inner, to, from);
    else j->run_with_x(j->s, j->m, inner, to, from, j->x + x);
}

static void run(pool *p, job *j) {
    j->pieces = (j->m->inner + INNER - 1) / INNER;
    pool_run(p, task, j, j->m->outer * j->pieces);
}

void pool_max(const kernel_set *ks, pool *p, const window_shape *s, const window_storage *m, float *y, const float *x) {
    run(p, &(job){.run = ks->window_max, .s = s, .m = m, .to = y, .from = x});
}
void pool_max_gradient(const kernel_set *ks, pool *p, const window_shape *s, const window_storage *m, float *dx,
                       const float *dy, const float *x) {
    run(p,
        &(job){.run_with_x = ks->window_max_gradient, .s = s, .m = m, .backward = true, .to = dx, .from = dy, .x = x});
}
void pool_average(const kernel_set *ks, pool *p, const window_shape *s, const window_storage *m, float *y,
                  const float *x) {
    run(p, &(job){.run = ks->window_average, .s = s, .m = m, .to = y, .from = x});
}
void pool_average_gradient(const kernel_set *ks, pool *p, const window_shape *s, const window_storage *m, float *dx,
                           const float *dy) {
    run(p, &(job){.run = ks->window_average_gradient, .s = s, .m = m, .backward = true, .to = dx, .from = dy});
}

typedef struct index_job {
    const window_shape *s;
    bool column_major;
    float *y;
    int64_t *indices;
    const float *x;
} index_job;

static void index_window(const index_job *j, int64_t plane, int64_t oh, int64_t ow) {
    const window_shape *s = j->s;
    struct window_range r = window_at(s, oh, ow);
    const float *x = j->x + plane * s->ih * s->iw;
    float best = -INFINITY;
    int64_t row = -1, column = -1;
    for (int64_t u = r.u0; u < r.u1; u++)
        for (int64_t v = r.v0; v < r.v1; v++) {
            int64_t h = r.row + u * s->dh, w = r.column + v * s->dw;
            float value = x[h * s->iw + w];
            if (row >= 0 && !(value > best || (value != value && best == best))) continue;
            best = value, row = h, column = w;
        }
    int64_t at = (plane * s->oh + oh) * s->ow + ow,
            in_plane = j->column_major ? column * s->ih + row : row * s->iw + column;
    j->y[at] = best;
    j->indices[at] = row < 0 ? -1 : plane * s->ih * s->iw + in_plane;
}

static void index_task(void *context, int64_t plane, int worker) {
    const index_job *j = context;
    (void)worker;
    for (int64_t oh = 0; oh < j->s->oh; oh++)
        for (int64_t ow = 0; ow < j->s->ow; ow++) index_window(j, plane, oh, ow);
}

void pool_max_indices(pool *p, const window_shape *s, int64_t planes, bool column_major, float *y, int64_t *indices,
                      const float *x) {
    pool_run(p, index_task, &(index_job){s, column_major, y, indices, x}, planes);
}
