#include "kernel/reduce.h"

#include <math.h>
#include <stdlib.h>

#define RANK  8
#define PARTS 8          /* partial results at most, joined in order */
#define LONG  (64 << 10) /* elements from which a reduction to few results is cut into parts */

/* The result so far of one output: sums and products in double, so that the outer loops add no error worth naming. */
static double start(reduce_kind kind) {
    return kind == REDUCE_MAX ? -INFINITY : kind == REDUCE_MIN ? INFINITY : kind == REDUCE_PROD;
}
static double join(reduce_kind kind, double a, double b) {
    if (kind == REDUCE_MAX) return b > a || b != b ? b : a;
    if (kind == REDUCE_MIN) return b < a || b != b ? b : a;
    return kind == REDUCE_PROD ? a * b : a + b;
}
static double term(reduce_kind kind, double x) {
    return kind == REDUCE_SUM_SQUARE ? x * x : kind == REDUCE_SUM_ABS ? fabs(x) : x;
}

/* Dimensions of one sort (kept or reduced), outermost first. */
typedef struct box {
    int rank;
    int64_t dims[RANK], xs[RANK], ys[RANK], count;
} box;

typedef struct job {
    const kernel_set *ks;
    reduce_kind kind;
    box kept, reduced;            /* without the innermost one that a kernel runs along */
    int64_t line, line_x, line_y; /* … which is here */
    bool along;                   /* the line is reduced */
    int64_t columns;
    double divisor;
    float *y;
    const float *x;
} job;

/* Puts a dimension in the order of x's strides and joins it to its neighbour if they are one run. */
static void box_add(box *b, int64_t dim, int64_t xs, int64_t ys) {
    int at = b->rank++;
    for (; at > 0 && llabs(b->xs[at - 1]) < llabs(xs); at--)
        b->dims[at] = b->dims[at - 1], b->xs[at] = b->xs[at - 1], b->ys[at] = b->ys[at - 1];
    b->dims[at] = dim, b->xs[at] = xs, b->ys[at] = ys;
}

static void box_join(box *b) {
    int n = 0;
    for (int d = 0; d < b->rank; d++) {
        bool joins = n > 0 && b->xs[n - 1] == b->xs[d] * b->dims[d] && b->ys[n - 1] == b->ys[d] * b->dims[d];
        int64_t before = joins ? b->dims[--n] : 1;
        b->dims[n] = before * b->dims[d], b->xs[n] = b->xs[d], b->ys[n] = b->ys[d];
        n++;
    }
    b->rank = n;
}

static void box_offsets(const box *b, int64_t index, int64_t *x, int64_t *y) {
    *x = *y = 0;
    for (int d = b->rank - 1; d >= 0; d--) {
        *x += index % b->dims[d] * b->xs[d];
        *y += index % b->dims[d] * b->ys[d];
        index /= b->dims[d];
    }
}

static int64_t box_count(const box *b) {
    int64_t n = 1;
    for (int d = 0; d < b->rank; d++) n *= b->dims[d];
    return n;
}

static float finish(const job *j, double v) {
    return (float)(j->kind == REDUCE_MEAN ? v / j->divisor : v);
}

/* Reduced along the line: one output per kept index. */
static void along_task(void *context, int64_t index, int worker) {
    const job *j = context;
    (void)worker;
    int64_t x, y, step, none;
    box_offsets(&j->kept, index, &x, &y);
    double all = start(j->kind);
    for (int64_t r = 0; r < j->reduced.count; r++) {
        box_offsets(&j->reduced, r, &step, &none);
        const float *from = j->x + x + step;
        if (j->line_x == 1) {
            float one;
            j->ks->reduce_line(&one, from, j->line, (int)j->kind);
            all = join(j->kind, all, (double)one);
        } else
            for (int64_t i = 0; i < j->line; i++) all = join(j->kind, all, term(j->kind, (double)from[i * j->line_x]));
    }
    j->y[y] = finish(j, all);
}

/* Reduced across the line: up to REDUCE_COLUMNS outputs of the line at once. The innermost reduced dimension runs in
 * the kernel. */
static void across_task(void *context, int64_t index, int worker) {
    const job *j = context;
    (void)worker;
    int64_t x, y, step, none, begin = index % j->columns * REDUCE_COLUMNS;
    int64_t n = j->line - begin < REDUCE_COLUMNS ? j->line - begin : REDUCE_COLUMNS;
    box_offsets(&j->kept, index / j->columns, &x, &y);
    box outer = j->reduced;
    int64_t rows = 1, pitch = 0;
    if (outer.rank > 0) outer.rank--, rows = outer.dims[outer.rank], pitch = outer.xs[outer.rank];
    double all[REDUCE_COLUMNS];
    float some[REDUCE_COLUMNS];
    for (int64_t i = 0; i < n; i++) all[i] = start(j->kind);
    for (int64_t r = 0; r < box_count(&outer); r++) {
        box_offsets(&outer, r, &step, &none);
        j->ks->reduce_tall(some, j->x + x + step + begin, rows, pitch, n, (int)j->kind);
        for (int64_t i = 0; i < n; i++) all[i] = join(j->kind, all[i], (double)some[i]);
    }
    for (int64_t i = 0; i < n; i++) j->y[y + (begin + i) * j->line_y] = finish(j, all[i]);
}

/* One output from a long line: parts of it, joined in order. */
typedef struct part_job {
    const job *j;
    float parts[PARTS];
} part_job;

static void part_task(void *context, int64_t part, int worker) {
    part_job *q = context;
    (void)worker;
    int64_t begin = q->j->line * part / PARTS, end = q->j->line * (part + 1) / PARTS;
    q->j->ks->reduce_line(&q->parts[part], q->j->x + begin, end - begin, (int)q->j->kind);
}

static void run_parts(pool *p, const job *j) {
    part_job q = {.j = j};
    pool_run(p, part_task, &q, PARTS);
    double all = start(j->kind);
    for (int i = 0; i < PARTS; i++) all = join(j->kind, all, (double)q.parts[i]);
    *j->y = finish(j, all);
}

/* Takes the dimension with x stride 1 out of the box it is in, if there is one, as the line. */
static bool take_line(job *j, box *b) {
    if (b->rank == 0 || b->xs[b->rank - 1] != 1) return false;
    b->rank--;
    j->line = b->dims[b->rank], j->line_x = 1, j->line_y = b->ys[b->rank];
    return true;
}

void reduce_run(const kernel_set *ks, pool *p, reduce_kind kind, int rank, const int64_t *dims, const bool *reduced,
                float *y, const int64_t *y_strides, const float *x, const int64_t *x_strides) {
    job j = {.ks = ks, .kind = kind, .divisor = 1, .y = y, .x = x, .line = 1, .along = true};
    for (int d = 0; d < rank; d++) {
        if (reduced[d]) j.divisor *= (double)dims[d];
        if (dims[d] != 1)
            box_add(reduced[d] ? &j.reduced : &j.kept, dims[d], x_strides[d], reduced[d] ? 0 : y_strides[d]);
    }
    box_join(&j.kept);
    for (int d = 0; d < j.reduced.rank; d++) j.reduced.ys[d] = 0;
    box_join(&j.reduced);
    if (box_count(&j.kept) == 0) return;
    if (box_count(&j.reduced) > 0 && !take_line(&j, &j.reduced)) j.along = !take_line(&j, &j.kept);
    j.kept.count = box_count(&j.kept), j.reduced.count = box_count(&j.reduced);
    j.columns = (j.line + REDUCE_COLUMNS - 1) / REDUCE_COLUMNS;
    if (!j.along) pool_run(p, across_task, &j, j.kept.count * j.columns);
    else if (j.kept.count == 1 && j.reduced.count == 1 && j.line_x == 1 && j.line >= LONG) run_parts(p, &j);
    else pool_run(p, along_task, &j, j.kept.count);
}

/* reduce_rows: blocks of columns × parts of rows; partial sums lie on the caller's stack, so many columns have one
 * part. */
typedef struct rows_job {
    const kernel_set *ks;
    const float *x;
    float *y;
    float (*partial)[REDUCE_COLUMNS * PARTS];
    int64_t rows, columns, pitch, blocks, parts;
} rows_job;

static void rows_task(void *context, int64_t index, int worker) {
    const rows_job *j = context;
    (void)worker;
    int64_t begin = index % j->blocks * REDUCE_COLUMNS, part = index / j->blocks;
    int64_t n = j->columns - begin < REDUCE_COLUMNS ? j->columns - begin : REDUCE_COLUMNS;
    int64_t first = j->rows * part / j->parts, end = j->rows * (part + 1) / j->parts;
    float *to = j->parts > 1 ? j->partial[part] : j->y;
    j->ks->reduce_tall(to + begin, j->x + first * j->pitch + begin, end - first, j->pitch, n, REDUCE_SUM);
}

void reduce_rows(const kernel_set *ks, pool *p, float *y, const float *x, int64_t rows, int64_t columns,
                 int64_t pitch) {
    float partial[PARTS][REDUCE_COLUMNS * PARTS];
    rows_job j = {.ks = ks,
                  .x = x,
                  .y = y,
                  .partial = partial,
                  .rows = rows,
                  .columns = columns,
                  .pitch = pitch,
                  .blocks = (columns + REDUCE_COLUMNS - 1) / REDUCE_COLUMNS,
                  .parts = 1};
    if (j.blocks <= PARTS && rows * columns >= LONG && rows >= PARTS) j.parts = PARTS;
    pool_run(p, rows_task, &j, j.blocks * j.parts);
    if (j.parts == 1) return;
    for (int64_t c = 0; c < columns; c++) {
        double sum = 0;
        for (int part = 0; part < PARTS; part++) sum += (double)partial[part][c];
        y[c] = (float)sum;
    }
}

void reduce_columns(const kernel_set *ks, pool *p, float *y, const float *x, int64_t rows, int64_t columns,
                    int64_t pitch) {
    int64_t dims[2] = {rows, columns}, xs[2] = {pitch, 1}, ys[2] = {1, 0};
    bool reduced[2] = {false, true};
    reduce_run(ks, p, REDUCE_SUM, 2, dims, reduced, y, ys, x, xs);
}
