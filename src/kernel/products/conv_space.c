/* Convolution over one to three spatial dimensions, in ONNX order, by columns: what the windows of some lines of the
 * result see is laid out as a matrix [ic/groups · kd·kh·kw][pixels], which
 *
 *     forward          y[oc/groups][pixels]  = w · columns
 *     data gradient    columns = wᵀ · dy, added to where they came from
 *     weight gradient  dw += dy · columnsᵀ
 *
 * are matrix products with. A line is a row of the result; lines of a channel lie side by side, whatever plane they are
 * in. Tasks are rows of the columns, or channels that columns are added to, so sums never depend on the threads. */
#include "base/sizes.h"
#include "kernel/products/conv.h"
#include "kernel/products/gemm.h"

#include <string.h>

#define COLUMN_FLOATS (1 << 18) /* of a matrix of columns, unless a single line has more: a second-level cache */

typedef struct space_plan {
    conv_plan common;
    int64_t rows;  /* of columns: ic/groups · kd·kh·kw */
    int64_t lines; /* of an image's channel */
    int64_t chunk; /* lines at once */
    int64_t pitch; /* from row to row of columns */
    gemm_plan whole, rest;
} space_plan;

static int64_t space_taps(const conv_shape *s) {
    return s->z.kernel * s->y.kernel * s->x.kernel;
}
static int64_t space_in(const conv_shape *s) {
    return s->z.in * s->y.in * s->x.in;
}
static int64_t space_out(const conv_shape *s) {
    return s->z.out * s->y.out * s->x.out;
}

int64_t conv_space_line(const conv_shape *s) {
    return size_mul(size_mul(s->ic / s->groups, size_mul(s->z.kernel, size_mul(s->y.kernel, s->x.kernel))), s->x.out);
}

/* The product for `n` pixels. */
static gemm_plan product_of(const space_plan *p, enum conv_op op, int64_t n) {
    const conv_shape *s = &p->common.shape;
    int64_t oc = s->oc / s->groups, plane = space_out(s), pitch = p->pitch;
    gemm_shape g = {.alpha = 1};
    if (op == CONV_FORWARD) {
        g.m = oc, g.n = n, g.k = p->rows;
        g.a_row = p->rows, g.a_col = 1, g.b_row = pitch, g.b_col = 1, g.c_row = plane, g.c_col = 1;
    } else if (op == CONV_DX) {
        g.m = p->rows, g.n = n, g.k = oc;
        g.a_row = 1, g.a_col = p->rows, g.b_row = plane, g.b_col = 1, g.c_row = pitch, g.c_col = 1;
    } else {
        g.m = oc, g.n = p->rows, g.k = n, g.accumulate = true;
        g.a_row = plane, g.a_col = 1, g.b_row = 1, g.b_col = pitch, g.c_row = p->rows, g.c_col = 1;
    }
    return gemm_plan_make(p->common.ks, &g, p->common.threads);
}

static int64_t column_floats(const space_plan *p) {
    return round_up(p->rows * p->pitch, 16);
}

static conv_plan *plan_new(const conv_plan *common, arena *a, enum conv_op op) {
    space_plan *p = arena_alloc(a, sizeof *p);
    if (!p) return NULL;
    p->common = *common;
    const conv_shape *s = &p->common.shape;
    p->rows = s->ic / s->groups * space_taps(s);
    p->lines = s->z.out * s->y.out;
    int64_t line = int64_max(conv_space_line(s), 1);
    p->chunk = int64_max(int64_min(COLUMN_FLOATS / line, p->lines), 1);
    p->pitch = p->chunk * s->x.out;
    p->whole = product_of(p, op, p->pitch);
    p->rest = product_of(p, op, p->lines % p->chunk * s->x.out);
    size_t product = p->whole.scratch_bytes > p->rest.scratch_bytes ? p->whole.scratch_bytes : p->rest.scratch_bytes;
    p->common.scratch_bytes = (size_t)column_floats(p) * sizeof(float) + product;
    return &p->common;
}

static conv_plan *plan_forward(const conv_plan *common, arena *a) {
    return plan_new(common, a, CONV_FORWARD);
}
static conv_plan *plan_dx(const conv_plan *common, arena *a) {
    return plan_new(common, a, CONV_DX);
}
static conv_plan *plan_dw(const conv_plan *common, arena *a) {
    return plan_new(common, a, CONV_DW);
}

/* ---- columns ---- */

typedef struct space_job {
    const space_plan *plan;
    const float *image; /* of the group's first channel */
    float *gradient;    /* the same of dx */
    float *columns;
    int64_t first, count; /* lines */
} space_job;

/* Where a row of the columns comes from. */
typedef struct space_tap {
    int64_t channel, z, y, x;
} space_tap;

static space_tap tap_of(const conv_shape *s, int64_t row) {
    int64_t taps = space_taps(s), t = row % taps, plane = s->y.kernel * s->x.kernel;
    return (space_tap){row / taps, t / plane, t / s->x.kernel % s->y.kernel, t % s->x.kernel};
}

/* The input's row that a line sees at a tap, as an offset into the image; −1: padding. */
static int64_t row_at(const conv_shape *s, const space_tap *t, int64_t line) {
    int64_t z = window_at(&s->z, line / s->y.out, t->z), y = window_at(&s->y, line % s->y.out, t->y);
    if (z < 0 || z >= s->z.in || y < 0 || y >= s->y.in) return -1;
    return ((t->channel * s->z.in + z) * s->y.in + y) * s->x.in;
}

static void gather_task(void *context, int64_t row, int worker) {
    const space_job *j = context;
    const conv_shape *s = &j->plan->common.shape;
    space_tap t = tap_of(s, row);
    int64_t begin, end, step = s->x.stride, start = window_at(&s->x, 0, t.x);
    end = steps_inside(start, step, s->x.out, 0, s->x.in, &begin);
    for (int64_t i = 0; i < j->count; i++) {
        float *to = j->columns + row * j->plan->pitch + i * s->x.out;
        int64_t at = row_at(s, &t, j->first + i), first = at < 0 ? s->x.out : begin, last = at < 0 ? s->x.out : end;
        const float *from = j->image + at + start;
        for (int64_t q = 0; q < first; q++) to[q] = 0;
        if (step == 1 && last > first) memcpy(to + first, from + first, (size_t)(last - first) * sizeof *to);
        else
            for (int64_t q = first; q < last; q++) to[q] = from[q * step];
        for (int64_t q = last; q < s->x.out; q++) to[q] = 0;
    }
}

/* Adds the columns of one channel to its image. */
static void scatter_task(void *context, int64_t channel, int worker) {
    const space_job *j = context;
    const conv_shape *s = &j->plan->common.shape;
    int64_t taps = space_taps(s), begin, end, step = s->x.stride;
    for (int64_t row = channel * taps; row < (channel + 1) * taps; row++) {
        space_tap t = tap_of(s, row);
        int64_t start = window_at(&s->x, 0, t.x);
        end = steps_inside(start, step, s->x.out, 0, s->x.in, &begin);
        for (int64_t i = 0; i < j->count; i++) {
            const float *from = j->columns + row * j->plan->pitch + i * s->x.out;
            int64_t at = row_at(s, &t, j->first + i);
            if (at < 0) continue;
            for (int64_t q = begin; q < end; q++) j->gradient[at + start + q * step] += from[q];
        }
    }
}

/* ---- runs ---- */

/* One chunk of one group of one image: where its part of each array begins. */
typedef struct space_part {
    int64_t first, count; /* lines */
    int64_t x, w, y;
    int64_t channel; /* the group's first of the result */
} space_part;

typedef void part_run(const space_plan *p, const conv_data *d, const space_part *at, pool *workers);

static void parts_run(const space_plan *p, const conv_data *d, part_run *run, pool *workers) {
    const conv_shape *s = &p->common.shape;
    int64_t ic = s->ic / s->groups, oc = s->oc / s->groups;
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t g = 0; g < s->groups; g++)
            for (int64_t first = 0; first < p->lines; first += p->chunk) {
                space_part at = {.first = first,
                                 .count = int64_min(p->chunk, p->lines - first),
                                 .x = (b * s->ic + g * ic) * space_in(s),
                                 .w = g * oc * p->rows,
                                 .y = (b * s->oc + g * oc) * space_out(s) + first * s->x.out,
                                 .channel = g * oc};
                run(p, d, &at, workers);
            }
}

static space_job job_of(const space_plan *p, const conv_data *d, const space_part *at) {
    return (space_job){.plan = p, .columns = d->scratch, .first = at->first, .count = at->count};
}

static void product_run(const space_plan *p, const conv_data *d, const space_part *at, const float *a, const float *b,
                        float *c, const epilogue *e, pool *workers) {
    gemm_run(at->count == p->chunk ? &p->whole : &p->rest, a, b, c, e, (float *)d->scratch + column_floats(p), workers);
}

static void forward_part(const space_plan *p, const conv_data *d, const space_part *at, pool *workers) {
    space_job j = job_of(p, d, at);
    epilogue e = d->epilogue ? *d->epilogue : (epilogue){0};
    if (e.bias) e.bias += at->channel, e.bias_per_row = true;
    if (e.residual) e.residual += at->y;
    j.image = d->a + at->x;
    pool_run(workers, gather_task, &j, p->rows);
    product_run(p, d, at, d->b + at->w, j.columns, d->out + at->y, &e, workers);
}

static void run_forward(const conv_plan *common, const conv_data *d, pool *workers) {
    parts_run((const space_plan *)common, d, forward_part, workers);
}

static void dx_part(const space_plan *p, const conv_data *d, const space_part *at, pool *workers) {
    space_job j = job_of(p, d, at);
    j.gradient = d->out + at->x;
    product_run(p, d, at, d->b + at->w, d->a + at->y, j.columns, NULL, workers);
    pool_run(workers, scatter_task, &j, p->common.shape.ic / p->common.shape.groups);
}

static void run_dx(const conv_plan *common, const conv_data *d, pool *workers) {
    const conv_shape *s = &common->shape;
    const float *bias = d->epilogue ? d->epilogue->bias : NULL, *residual = d->epilogue ? d->epilogue->residual : NULL;
    int64_t plane = space_in(s);
    for (int64_t c = 0; c < s->batch * s->ic; c++)
        for (int64_t i = 0; i < plane; i++)
            d->out[c * plane + i] = (bias ? bias[c % s->ic] : 0) + (residual ? residual[c * plane + i] : 0);
    parts_run((const space_plan *)common, d, dx_part, workers);
}

static void dw_part(const space_plan *p, const conv_data *d, const space_part *at, pool *workers) {
    space_job j = job_of(p, d, at);
    j.image = d->a + at->x;
    pool_run(workers, gather_task, &j, p->rows);
    product_run(p, d, at, d->b + at->y, j.columns, d->out + at->w, NULL, workers);
}

static void run_dw(const conv_plan *common, const conv_data *d, pool *workers) {
    const space_plan *p = (const space_plan *)common;
    memset(d->out, 0, (size_t)(common->shape.oc * p->rows) * sizeof *d->out);
    parts_run(p, d, dw_part, workers);
}

const conv_kernel conv_space[CONV_OPS] = {
    {plan_forward, NULL, run_forward}, {plan_dx, NULL, run_dx}, {plan_dw, NULL, run_dw}};
