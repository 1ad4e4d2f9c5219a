#include "kernel/rows/reduce.h"

#include <math.h>

#include "kernel/rows/box.h"

#define PARTS 8          /* partial results at most, joined in order */
#define LONG  (64 << 10) /* elements from which a reduction to few results is cut into parts */
#define SHORT 4096       /* elements of a task, where one result has fewer */

/* What the kernels reduce by. */
static reduce_kind raw(reduce_kind kind) {
    if (kind == REDUCE_MEAN || kind == REDUCE_LOG_SUM) return REDUCE_SUM;
    return kind == REDUCE_NORM ? REDUCE_SUM_SQUARE : kind;
}

/* log(e^a + e^b) */
static double log_add(double a, double b) {
    double most = a > b ? a : b, least = a > b ? b : a;
    return isinf(most) ? most : most + log1p(exp(least - most));
}

/* The result so far of one output: sums and products in double, so that the outer loops add no error worth naming. */
static double start(reduce_kind kind) {
    if (kind == REDUCE_MAX || kind == REDUCE_LOG_SUM_EXP) return -INFINITY;
    return kind == REDUCE_MIN ? INFINITY : kind == REDUCE_PROD;
}
static double join(reduce_kind kind, double a, double b) {
    if (kind == REDUCE_MAX) return b > a || b != b ? b : a;
    if (kind == REDUCE_MIN) return b < a || b != b ? b : a;
    if (kind == REDUCE_LOG_SUM_EXP && a == a && b == b) return log_add(a, b);
    return kind == REDUCE_PROD ? a * b : a + b;
}

typedef struct job {
    const kernel_set *ks;
    reduce_kind kind;
    box kept, reduced;    /* without the innermost one that a kernel runs along */
    int64_t line, line_y; /* … which is here, contiguous */
    bool along;           /* the line is reduced */
    int64_t group, columns, blocks, parts;
    double divisor;
    float *y;
    const float *x;
    double (*partial)[PARTS * REDUCE_COLUMNS]; /* with parts > 1: of each part, of each output */
} job;

static float finish(const job *j, double v) {
    if (j->kind == REDUCE_MEAN) v /= j->divisor;
    if (j->kind == REDUCE_NORM) v = sqrt(v);
    if (j->kind == REDUCE_LOG_SUM) v = log(v);
    return (float)v;
}

/* What is taken off before e^…: the greatest; nothing where it is infinite or NaN, which then comes out by itself. */
static float shift_of(float greatest) {
    return isfinite(greatest) ? greatest : 0;
}

/* n elements of the line, contiguous. */
static double line_value(const job *j, const float *x, int64_t n) {
    float one, shift = 0;
    if (j->kind == REDUCE_LOG_SUM_EXP) {
        j->ks->reduce_line(&one, x, n, REDUCE_MAX, 0);
        shift = shift_of(one);
        j->ks->reduce_line(&one, x, n, REDUCE_SUM_EXP, shift);
        return log((double)one) + (double)shift;
    }
    j->ks->reduce_line(&one, x, n, (int)raw(j->kind), 0);
    return (double)one;
}

/* n outputs of `rows` elements each. */
static void tall_values(const job *j, double *all, const float *x, int64_t rows, int64_t pitch, int64_t n) {
    float some[REDUCE_COLUMNS], shifts[REDUCE_COLUMNS];
    bool logarithm = j->kind == REDUCE_LOG_SUM_EXP;
    if (logarithm) {
        j->ks->reduce_tall(shifts, x, rows, pitch, n, REDUCE_MAX, NULL);
        for (int64_t i = 0; i < n; i++) shifts[i] = shift_of(shifts[i]);
        j->ks->reduce_tall(some, x, rows, pitch, n, REDUCE_SUM_EXP, shifts);
    } else {
        j->ks->reduce_tall(some, x, rows, pitch, n, (int)raw(j->kind), NULL);
    }
    for (int64_t i = 0; i < n; i++)
        all[i] = join(j->kind, all[i], logarithm ? log((double)some[i]) + (double)shifts[i] : (double)some[i]);
}

/* Reduced along the line: a group of outputs. */
static void along_task(void *context, int64_t index, int worker) {
    const job *j = context;
    int64_t end = (index + 1) * j->group < j->kept.count ? (index + 1) * j->group : j->kept.count;
    for (int64_t k = index * j->group; k < end; k++) {
        int64_t x, y, step, none;
        box_offsets(&j->kept, k, &x, &y);
        double all = start(j->kind);
        for (int64_t r = 0; r < j->reduced.count; r++) {
            box_offsets(&j->reduced, r, &step, &none);
            all = join(j->kind, all, line_value(j, j->x + x + step, j->line));
        }
        j->y[y] = finish(j, all);
    }
}

/* One output from a long line: parts of it. */
static void part_task(void *context, int64_t part, int worker) {
    const job *j = context;
    int64_t begin = j->line * part / j->parts, end = j->line * (part + 1) / j->parts;
    j->partial[part][0] = line_value(j, j->x + begin, end - begin);
}

/* Reduced across the line: up to REDUCE_COLUMNS outputs of the line at once. The innermost reduced dimension, or a part
 * of it, runs in the kernel. */
static void across_task(void *context, int64_t index, int worker) {
    const job *j = context;
    int64_t x, y, step, none, block = index % j->blocks, part = index / j->blocks;
    int64_t begin = block % j->columns * REDUCE_COLUMNS;
    int64_t n = j->line - begin < REDUCE_COLUMNS ? j->line - begin : REDUCE_COLUMNS;
    box_offsets(&j->kept, block / j->columns, &x, &y);
    box outer = j->reduced;
    int64_t rows = 1, pitch = 0;
    if (outer.rank > 0) outer.rank--, rows = outer.dims[outer.rank], pitch = outer.xs[outer.rank];
    int64_t first = rows * part / j->parts, end = rows * (part + 1) / j->parts;
    double values[REDUCE_COLUMNS], *all = j->parts > 1 ? j->partial[part] + block * REDUCE_COLUMNS : values;
    for (int64_t i = 0; i < n; i++) all[i] = start(j->kind);
    for (int64_t r = 0; r < box_count(&outer); r++) {
        box_offsets(&outer, r, &step, &none);
        tall_values(j, all, j->x + x + step + first * pitch + begin, end - first, pitch, n);
    }
    for (int64_t i = 0; j->parts == 1 && i < n; i++) j->y[y + (begin + i) * j->line_y] = finish(j, all[i]);
}

/* Joins the parts of every output in order. */
static void parts_join(const job *j) {
    int64_t line = j->along ? 1 : j->line;
    for (int64_t i = 0; i < j->kept.count * line; i++) {
        int64_t x, y, column = i % line, block = i / line * j->columns + column / REDUCE_COLUMNS;
        double all = start(j->kind);
        for (int64_t part = 0; part < j->parts; part++)
            all = join(j->kind, all, j->partial[part][block * REDUCE_COLUMNS + column % REDUCE_COLUMNS]);
        box_offsets(&j->kept, i / line, &x, &y);
        j->y[y + column * j->line_y] = finish(j, all);
    }
}

/* Takes the dimension with x stride 1 out of the box it is in, if there is one, as the line. */
static bool take_line(job *j, box *b) {
    if (b->rank == 0 || b->xs[b->rank - 1] != 1) return false;
    b->rank--;
    j->line = b->dims[b->rank], j->line_y = b->ys[b->rank];
    return true;
}

/* Few results of many elements are cut into parts, else a task has whole results. */
static void job_run(job *j, pool *p) {
    double partial[PARTS][PARTS * REDUCE_COLUMNS];
    int64_t reduced = j->reduced.count, rows = j->reduced.rank ? j->reduced.dims[j->reduced.rank - 1] : 1;
    j->columns = j->along ? 1 : (j->line + REDUCE_COLUMNS - 1) / REDUCE_COLUMNS;
    j->blocks = j->kept.count * j->columns;
    j->partial = partial;
    j->parts = 1;
    bool many = j->kept.count * reduced * j->line >= LONG;
    if (j->along && j->kept.count == 1 && reduced == 1 && many) j->parts = PARTS;
    if (!j->along && j->blocks <= PARTS && many && rows >= PARTS) j->parts = PARTS;
    if (j->along && j->parts == 1) {
        int64_t each = reduced * j->line;
        j->group = each > 0 && each < SHORT ? SHORT / each : 1;
        pool_run(p, along_task, j, (j->kept.count + j->group - 1) / j->group);
        return;
    }
    pool_run(p, j->along ? part_task : across_task, j, j->blocks * j->parts);
    if (j->parts > 1) parts_join(j);
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
    box_join(&j.reduced);
    if (box_count(&j.kept) == 0) return;
    if (box_count(&j.reduced) > 0 && !take_line(&j, &j.reduced)) j.along = !take_line(&j, &j.kept);
    j.kept.count = box_count(&j.kept), j.reduced.count = box_count(&j.reduced);
    job_run(&j, p);
}
