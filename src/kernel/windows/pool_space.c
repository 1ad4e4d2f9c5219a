/* Pooling over three spatial dimensions, in ONNX order: a plane (one channel of one image) is a task. */
#include "kernel/windows/pool.h"

#include <math.h>
#include <string.h>

/* The taps of one window inside the image. */
typedef struct space_window {
    int64_t z, y, x; /* of the first */
    int64_t depth, height, width;
} space_window;

typedef struct space_job {
    const pool_shape *s;
    float *y;
    const float *x, *dy;
    int64_t *indices;
    bool column_major;
} space_job;

static int64_t space_in(const pool_shape *s) {
    return s->z.in * s->y.in * s->x.in;
}
static int64_t space_out(const pool_shape *s) {
    return s->z.out * s->y.out * s->x.out;
}

static space_window window_of_output(const pool_shape *s, int64_t i) {
    int64_t r = i / (s->x.out * s->y.out), p = i / s->x.out % s->y.out, q = i % s->x.out, t, u, v;
    int64_t depth = window_inside(&s->z, r, &t), height = window_inside(&s->y, p, &u),
            width = window_inside(&s->x, q, &v);
    return (space_window){.z = window_at(&s->z, r, t),
                          .y = window_at(&s->y, p, u),
                          .x = window_at(&s->x, q, v),
                          .depth = depth - t,
                          .height = height - u,
                          .width = width - v};
}

/* Where row (t, u) of a window begins in the plane. */
static int64_t row_of(const pool_shape *s, const space_window *w, int64_t t, int64_t u) {
    return ((w->z + t * s->z.dilation) * s->y.in + w->y + u * s->y.dilation) * s->x.in + w->x;
}

/* The first maximum, or NaN; −1: the window is empty. */
static int64_t space_argmax(const pool_shape *s, const float *x, int64_t i) {
    space_window w = window_of_output(s, i);
    int64_t best = -1;
    float most = -INFINITY;
    for (int64_t t = 0; t < w.depth; t++)
        for (int64_t u = 0; u < w.height; u++)
            for (int64_t v = 0, row = row_of(s, &w, t, u); v < w.width; v++) {
                int64_t at = row + v * s->x.dilation;
                if (best < 0 || x[at] > most || (isnan(x[at]) && !isnan(most))) best = at, most = x[at];
            }
    return best;
}

/* Counted along the depth first, then height, then width. */
static int64_t column_major(const pool_shape *s, int64_t at) {
    int64_t z = at / (s->x.in * s->y.in), y = at / s->x.in % s->y.in, x = at % s->x.in;
    return (x * s->y.in + y) * s->z.in + z;
}

static void max_task(void *context, int64_t plane, int worker) {
    const space_job *j = context;
    const pool_shape *s = j->s;
    int64_t in = space_in(s), out = space_out(s);
    const float *x = j->x + plane * in;
    for (int64_t i = 0; i < out; i++) {
        int64_t at = space_argmax(s, x, i);
        j->y[plane * out + i] = at < 0 ? -INFINITY : x[at];
        if (!j->indices) continue;
        j->indices[plane * out + i] = at < 0 ? -1 : plane * in + (j->column_major ? column_major(s, at) : at);
    }
}

static void max_gradient_task(void *context, int64_t plane, int worker) {
    const space_job *j = context;
    int64_t in = space_in(j->s), out = space_out(j->s);
    float *dx = j->y + plane * in;
    memset(dx, 0, (size_t)in * sizeof *dx);
    for (int64_t i = 0; i < out; i++) {
        int64_t at = space_argmax(j->s, j->x + plane * in, i);
        if (at >= 0) dx[at] += j->dy[plane * out + i];
    }
}

static float divisor(const pool_shape *s, const space_window *w, int64_t i) {
    int64_t count = w->depth * w->height * w->width, t, u, v;
    if (s->p) return 1;
    if (s->include_pad) {
        int64_t depth = window_inside_padded(&s->z, i / (s->x.out * s->y.out), &t) - t;
        int64_t height = window_inside_padded(&s->y, i / s->x.out % s->y.out, &u) - u;
        count = depth * height * (window_inside_padded(&s->x, i % s->x.out, &v) - v);
    }
    return count > 0 ? (float)count : 1;
}

/* |x|^p of a whole p. */
static double power(double x, int64_t p) {
    double y = fabs(x), product = y;
    for (int64_t k = 1; k < p; k++) product *= y;
    return product;
}

static void sum_task(void *context, int64_t plane, int worker) {
    const space_job *j = context;
    const pool_shape *s = j->s;
    const float *x = j->x + plane * space_in(s);
    int64_t out = space_out(s);
    for (int64_t i = 0; i < out; i++) {
        space_window w = window_of_output(s, i);
        double sum = 0;
        for (int64_t t = 0; t < w.depth; t++)
            for (int64_t u = 0; u < w.height; u++)
                for (int64_t v = 0, row = row_of(s, &w, t, u); v < w.width; v++) {
                    double one = (double)x[row + v * s->x.dilation];
                    sum += s->p ? power(one, s->p) : one;
                }
        j->y[plane * out + i] = (float)(s->p ? pow(sum, 1 / (double)s->p) : sum / (double)divisor(s, &w, i));
    }
}

static void average_gradient_task(void *context, int64_t plane, int worker) {
    const space_job *j = context;
    const pool_shape *s = j->s;
    int64_t in = space_in(s), out = space_out(s);
    float *dx = j->y + plane * in;
    memset(dx, 0, (size_t)in * sizeof *dx);
    for (int64_t i = 0; i < out; i++) {
        space_window w = window_of_output(s, i);
        float share = j->dy[plane * out + i] / divisor(s, &w, i);
        for (int64_t t = 0; t < w.depth; t++)
            for (int64_t u = 0; u < w.height; u++)
                for (int64_t v = 0, row = row_of(s, &w, t, u); v < w.width; v++) dx[row + v * s->x.dilation] += share;
    }
}

void pool_space_max(pool *p, const pool_shape *s, float *y, int64_t *indices, bool by_columns, const float *x) {
    space_job j = {.s = s, .y = y, .x = x, .indices = indices, .column_major = by_columns};
    pool_run(p, max_task, &j, s->batch * s->channels);
}

void pool_space_max_gradient(pool *p, const pool_shape *s, float *dx, const float *dy, const float *x) {
    pool_run(p, max_gradient_task, &(space_job){.s = s, .y = dx, .dy = dy, .x = x}, s->batch * s->channels);
}

void pool_space_sum(pool *p, const pool_shape *s, float *y, const float *x) {
    pool_run(p, sum_task, &(space_job){.s = s, .y = y, .x = x}, s->batch * s->channels);
}

void pool_space_average_gradient(pool *p, const pool_shape *s, float *dx, const float *dy) {
    pool_run(p, average_gradient_task, &(space_job){.s = s, .y = dx, .dy = dy}, s->batch * s->channels);
}
