#include "kernel/windows/resize.h"

#include <string.h>

#define LEAST 4096 /* floats that a task writes, or a row */

typedef struct job {
    const kernel_set *ks;
    const resize_pass *s;
    int64_t from, to; /* floats of a row of x and of y */
    int64_t group;    /* rows of a task */
    float *y, *scratch;
    const float *x;
} job;

int64_t resize_scratch(const resize_pass *s) {
    return s->rows.index && s->columns.index ? s->columns.in * s->inner : 0;
}

static void fill(float *y, int64_t n, float value) {
    for (int64_t i = 0; i < n; i++) y[i] = value;
}

/* Row q of rows.out before its columns are resized: a row of x where that is all, else computed to `into`. */
static const float *row_of(const job *j, const float *plane, int64_t q, float *into) {
    const resize_table *r = &j->s->rows;
    if (!r->index) return plane + q * j->from;
    const int32_t *index = r->index + q * r->taps;
    const float *weight = r->weight + q * r->taps;
    if (r->count[q] == 1 && weight[0] == 1) return plane + index[0] * j->from;
    j->ks->resize_row(into, plane, index, weight, r->count[q], j->from, j->from);
    return into;
}

static void row_run(const job *j, int64_t outer, int64_t q, float *y, float *scratch) {
    const resize_pass *s = j->s;
    if (s->rows.index && s->rows.count[q] == 0) {
        fill(y, j->to, s->outside);
        return;
    }
    const float *plane = j->x + outer * s->rows.in * j->from;
    const float *row = row_of(j, plane, q, s->columns.index ? scratch : y);
    if (s->columns.index) j->ks->resize_columns(y, row, &s->columns, s->inner, s->outside);
    else if (row != y) memcpy(y, row, (size_t)j->to * sizeof *y);
}

/* Row q is made of the same one row as the one before. */
static bool repeats(const resize_table *r, int64_t q) {
    return r->index && q > 0 && r->count[q] == 1 && r->count[q - 1] == 1 && r->weight[q * r->taps] == 1 &&
           r->weight[(q - 1) * r->taps] == 1 && r->index[q * r->taps] == r->index[(q - 1) * r->taps];
}

static void task(void *context, int64_t index, int worker) {
    const job *j = context;
    float *scratch = j->scratch ? j->scratch + worker * resize_scratch(j->s) : NULL;
    int64_t rows = j->s->rows.out, all = j->s->outer * rows, end = (index + 1) * j->group;
    for (int64_t k = index * j->group; k < all && k < end; k++) {
        float *y = j->y + k * j->to;
        if (k > index * j->group && j->s->columns.index && repeats(&j->s->rows, k % rows))
            memcpy(y, y - j->to, (size_t)j->to * sizeof *y);
        else row_run(j, k / rows, k % rows, y, scratch);
    }
}

void resize_run(const kernel_set *ks, pool *p, const resize_pass *s, float *y, const float *x, float *scratch) {
    job j = {.ks = ks, .s = s, .from = s->columns.in * s->inner, .to = s->columns.out * s->inner, .group = 1};
    j.y = y, j.x = x, j.scratch = scratch;
    if (j.to == 0 || s->rows.out == 0 || s->outer == 0) return;
    if (j.to < LEAST) j.group = LEAST / j.to;
    pool_run(p, task, &j, (s->outer * s->rows.out + j.group - 1) / j.group);
}
