#include "kernel/rows/arg.h"

#include <string.h>

#include "kernel/rows/box.h"

#define SHORT 4096 /* elements of a task, where one run has fewer */

typedef struct job {
    const kernel_set *ks;
    const arg_shape *s;
    box kept;             /* all dimensions but the axis and the line */
    int64_t n, x_n, y_n;  /* the axis */
    bool across;          /* the contiguous dimension is another one: the line, ARG_COLUMNS of it at once */
    int64_t line, line_y; /* … 1 if there is none */
    int64_t group, columns;
    int64_t *y; /* indices, or NULL */
    float *hard;
    const float *x;
} job;

/* All dimensions but the axis; the contiguous one is taken out as the line if the axis is not contiguous. */
static job job_of(const arg_shape *s) {
    job j = {.s = s, .n = s->dims[s->axis], .x_n = s->x[s->axis], .y_n = s->y[s->axis], .line = 1};
    for (int d = 0; d < s->rank; d++)
        if (d != s->axis && s->dims[d] != 1) box_add(&j.kept, s->dims[d], s->x[d], s->y[d]);
    box_join(&j.kept);
    int last = j.kept.rank - 1;
    j.across = last >= 0 && j.x_n != 1 && j.kept.xs[last] == 1;
    if (j.across) j.line = j.kept.dims[last], j.line_y = j.kept.ys[last], j.kept.rank--;
    j.kept.count = box_count(&j.kept);
    j.columns = (j.line + ARG_COLUMNS - 1) / ARG_COLUMNS;
    j.group = j.n > 0 && j.n < SHORT ? SHORT / j.n : 1;
    return j;
}

/* Puts the index of one run down. */
static void put(const job *j, int64_t at, int64_t index) {
    if (j->y) {
        j->y[at] = index;
        return;
    }
    if (j->y_n == 1) memset(j->hard + at, 0, (size_t)j->n * sizeof *j->hard);
    for (int64_t r = 0; j->y_n != 1 && r < j->n; r++) j->hard[at + r * j->y_n] = 0;
    j->hard[at + index * j->y_n] = 1;
}

static void along_task(void *context, int64_t index, int worker) {
    const job *j = context;
    int64_t end = (index + 1) * j->group < j->kept.count ? (index + 1) * j->group : j->kept.count;
    for (int64_t k = index * j->group; k < end; k++) {
        int64_t x, y, where;
        box_offsets(&j->kept, k, &x, &y);
        j->ks->arg_line(&where, j->x + x, j->n, j->s->least, j->s->last);
        put(j, y, where);
    }
}

static void across_task(void *context, int64_t index, int worker) {
    const job *j = context;
    int32_t where[ARG_COLUMNS];
    int64_t x, y, begin = index % j->columns * ARG_COLUMNS;
    int64_t n = j->line - begin < ARG_COLUMNS ? j->line - begin : ARG_COLUMNS;
    box_offsets(&j->kept, index / j->columns, &x, &y);
    y += begin * j->line_y;
    j->ks->arg_tall(where, j->x + x + begin, j->n, j->x_n, n, j->s->least, j->s->last);
    for (int64_t i = 0; j->y && i < n; i++) j->y[y + i * j->line_y] = where[i];
    for (int64_t r = 0; j->hard && r < j->n; r++)
        for (int64_t i = 0; i < n; i++) j->hard[y + r * j->y_n + i * j->line_y] = where[i] == r;
}

static void run(pool *p, job *j) {
    if (j->n == 0) return;
    if (j->across) pool_run(p, across_task, j, j->kept.count * j->columns);
    else pool_run(p, along_task, j, (j->kept.count + j->group - 1) / j->group);
}

void arg_run(const kernel_set *ks, pool *p, const arg_shape *s, int64_t *y, const float *x) {
    job j = job_of(s);
    j.ks = ks, j.y = y, j.x = x;
    run(p, &j);
}

void arg_hard(const kernel_set *ks, pool *p, const arg_shape *s, float *y, const float *x) {
    job j = job_of(s);
    j.ks = ks, j.hard = y, j.x = x;
    run(p, &j);
}

/* ---- the k greatest ---- */

typedef struct top_job {
    box kept;
    int64_t n, x_n, y_n, k, group;
    bool least;
    float *values, *dx;
    int64_t *indices, *scratch;
    const float *x, *dy;
    const int64_t *from;
} top_job;

/* A number that orders elements: by value (floats' bits do, once those of negative ones are turned over), NaN above
 * all, both zeros alike; then the lower index first. */
static int64_t key_of(float x, int64_t index, bool least) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    int32_t order = x != x ? INT32_MAX : x == 0 ? 0 : bits < 0 ? bits ^ INT32_MAX : bits;
    if (least) order = ~order;
    return (int64_t)order * ((int64_t)1 << 32) + (int64_t)(UINT32_MAX - (uint32_t)index);
}
static int64_t index_of(int64_t key) {
    return (int64_t)(UINT32_MAX - (uint32_t)((uint64_t)key & UINT32_MAX));
}

/* heap[0] is the least of k; puts `key` into the place of heap[at] and lets it sink. */
static void sink(int64_t *heap, int64_t k, int64_t at, int64_t key) {
    for (int64_t child = 2 * at + 1; child < k; child = 2 * at + 1) {
        if (child + 1 < k && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= key) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = key;
}

#define BLOCK 8

/* From i on, how many elements of a contiguous run certainly are not among the greatest: whole blocks of those up to
 * (or for the least, from) what heap[0] stands for. NaN is never sure. */
static int64_t passed_over(const top_job *j, const float *x, int64_t i, float limit) {
    int64_t from = i;
    for (; i + BLOCK <= j->n; i += BLOCK) {
        int hits = 0;
        for (int u = 0; u < BLOCK; u++) hits += j->least ? !(x[i + u] >= limit) : !(x[i + u] <= limit);
        if (hits) break;
    }
    return i - from;
}

/* The k greatest keys of a run, in falling order. */
static void top_keys(const top_job *j, int64_t *heap, const float *x) {
    int64_t k = j->k;
    for (int64_t i = 0; i < k; i++) heap[i] = key_of(x[i * j->x_n], i, j->least);
    for (int64_t i = k / 2; i-- > 0;) sink(heap, k, i, heap[i]);
    for (int64_t i = k, sure = k; i < j->n; i++) {
        if (j->x_n == 1 && i >= sure) {
            i += passed_over(j, x, i, x[index_of(heap[0])]);
            if (i >= j->n) break;
            sure = i + BLOCK;
        }
        int64_t key = key_of(x[i * j->x_n], i, j->least);
        if (key > heap[0]) sink(heap, k, 0, key);
    }
    for (int64_t i = k; i-- > 1;) {
        int64_t least = heap[0];
        sink(heap, i, 0, heap[i]);
        heap[i] = least;
    }
}

static void top_task(void *context, int64_t index, int worker) {
    const top_job *j = context;
    int64_t *heap = j->scratch + worker * j->k;
    int64_t end = (index + 1) * j->group < j->kept.count ? (index + 1) * j->group : j->kept.count;
    for (int64_t r = index * j->group; r < end; r++) {
        int64_t x, y;
        box_offsets(&j->kept, r, &x, &y);
        top_keys(j, heap, j->x + x);
        for (int64_t i = 0; i < j->k; i++) {
            int64_t at = index_of(heap[i]);
            j->values[y + i * j->y_n] = j->x[x + at * j->x_n];
            j->indices[y + i * j->y_n] = at;
        }
    }
}

static void top_gradient_task(void *context, int64_t index, int worker) {
    const top_job *j = context;
    int64_t end = (index + 1) * j->group < j->kept.count ? (index + 1) * j->group : j->kept.count;
    for (int64_t r = index * j->group; r < end; r++) {
        int64_t x, y;
        box_offsets(&j->kept, r, &x, &y);
        for (int64_t i = 0; i < j->n; i++) j->dx[x + i * j->x_n] = 0;
        for (int64_t i = 0; i < j->k; i++) {
            int64_t at = j->from[y + i * j->y_n];
            if (at >= 0 && at < j->n) j->dx[x + at * j->x_n] = j->dy[y + i * j->y_n];
        }
    }
}

static top_job top_job_of(const arg_shape *s, int64_t k) {
    job j = job_of(s);
    top_job t = {.n = j.n, .x_n = j.x_n, .y_n = j.y_n, .k = k, .group = j.group, .least = s->least};
    for (int d = 0; d < s->rank; d++)
        if (d != s->axis) box_add(&t.kept, s->dims[d], s->x[d], s->y[d]);
    t.kept.count = box_count(&t.kept);
    return t;
}

void arg_top(pool *p, const arg_shape *s, int64_t k, float *values, int64_t *indices, const float *x,
             int64_t *scratch) {
    top_job j = top_job_of(s, k);
    if (k == 0) return;
    j.values = values, j.indices = indices, j.x = x, j.scratch = scratch;
    pool_run(p, top_task, &j, (j.kept.count + j.group - 1) / j.group);
}

void arg_top_gradient(pool *p, const arg_shape *s, int64_t k, float *dx, const float *dy, const int64_t *indices) {
    top_job j = top_job_of(s, k);
    j.dx = dx, j.dy = dy, j.from = indices;
    pool_run(p, top_gradient_task, &j, (j.kept.count + j.group - 1) / j.group);
}
