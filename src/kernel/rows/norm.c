#include "kernel/rows/norm.h"

#include <math.h>

#include "kernel/rows/norm_matrix.h"
#include "kernel/rows/norm_sizes.h"

int64_t norm_set_count(const norm_shape *s) {
    return norm_matrices(s) * norm_lines(s) / s->join;
}

int64_t norm_parameter_count(const norm_shape *s) {
    if (s->column_parameters) return s->columns;
    return s->rows / s->repeat * (s->shared ? 1 : s->outer);
}

size_t norm_scratch_bytes(const norm_shape *s) {
    int64_t along = norm_matrices(s) * norm_lines(s);
    return (size_t)(2 * along * norm_parts(s)) * sizeof(double) +
           (size_t)(3 * along + 2 * s->outer * s->rows) * sizeof(float);
}

/* ---- mean and variance ---- */

typedef struct moments_job {
    const kernel_set *ks;
    const norm_shape *s;
    const float *x;
    float *mean, *variance;
    double *means, *m2s; /* [part][set], or [part][matrix][column] */
    int64_t parts, blocks, sets_each;
} moments_job;

/* Elements of part `part` of a set: of its runs if it has several, else of the one. */
typedef struct span {
    int64_t run, run_end, begin, end;
} span;

static span span_of(const norm_shape *s, int64_t part, int64_t parts) {
    int64_t runs = s->across ? s->outer : 1, length = s->join * s->columns;
    if (runs > 1) return (span){part_begin(runs, part, parts), part_begin(runs, part + 1, parts), 0, length};
    return (span){0, runs, part_begin(length, part, parts), part_begin(length, part + 1, parts)};
}

static void merge(double *n, double *mean, double *m2, double m, double other_mean, double other_m2) {
    double delta = other_mean - *mean, all = *n + m;
    if (m == 0) return;
    *mean += delta * (m / all);
    *m2 += other_m2 + delta * delta * (*n * m / all);
    *n = all;
}

/* A set along rows: join · columns elements in a run, in one matrix or in all. */
static void row_set(const moments_job *j, int64_t set, int64_t part) {
    const norm_shape *s = j->s;
    int64_t length = s->join * s->columns, at = set * length;
    span p = span_of(s, part, j->parts);
    double n = 0, mean = 0, m2 = 0;
    for (int64_t run = p.run; run < p.run_end && p.end > p.begin; run++) {
        double run_mean, run_m2;
        const float *x = j->x + run * s->rows * s->columns + at + p.begin;
        j->ks->norm_row_moments(x, p.end - p.begin, s->centred, &run_mean, &run_m2);
        merge(&n, &mean, &m2, (double)(p.end - p.begin), run_mean, run_m2);
    }
    int64_t to = part * norm_set_count(s) + set;
    j->means[to] = mean, j->m2s[to] = m2;
}

static double part_count(const moments_job *j, int64_t part) {
    const norm_shape *s = j->s;
    if (s->by_column) return (double)(part_begin(s->rows, part + 1, j->parts) - part_begin(s->rows, part, j->parts));
    span p = span_of(s, part, j->parts);
    return (double)(p.run_end - p.run) * (double)(p.end - p.begin);
}

/* Joins the parts, and the columns, of one set. */
static void set_finish(const moments_job *j, int64_t set) {
    const norm_shape *s = j->s;
    int64_t joined = s->by_column ? s->join : 1, pitch = norm_set_count(s) * joined;
    double n = 0, mean = 0, m2 = 0;
    for (int64_t part = 0; part < j->parts; part++)
        for (int64_t k = 0; k < joined; k++) {
            int64_t at = part * pitch + set * joined + k;
            merge(&n, &mean, &m2, part_count(j, part), j->means[at], j->m2s[at]);
        }
    j->mean[set] = (float)(n > 0 ? mean : (double)NAN);
    j->variance[set] = (float)(m2 / n);
}

static void row_task(void *context, int64_t index, int worker) {
    const moments_job *j = context;
    int64_t first = index / j->parts * j->sets_each, end = int64_min(first + j->sets_each, norm_set_count(j->s));
    for (int64_t set = first; set < end; set++) row_set(j, set, index % j->parts);
}

static void column_task(void *context, int64_t index, int worker) {
    const moments_job *j = context;
    const norm_shape *s = j->s;
    int64_t part = index % j->parts, block = index / j->parts % j->blocks, matrix = index / j->parts / j->blocks;
    int64_t row = part_begin(s->rows, part, j->parts), end = part_begin(s->rows, part + 1, j->parts);
    int64_t column = block * NORM_COLUMNS, n = int64_min(NORM_COLUMNS, s->columns - column);
    int64_t to = (part * norm_matrices(s) + matrix) * s->columns + column;
    j->ks->norm_column_moments(j->x + (matrix * s->rows + row) * s->columns + column, end - row, s->columns, n,
                               s->centred, j->means + to, j->m2s + to);
}

static moments_job moments_of(const kernel_set *ks, const norm_shape *s, const float *x, float *mean, float *variance,
                              void *scratch) {
    moments_job j = {.ks = ks, .s = s, .x = x, .mean = mean, .variance = variance, .parts = norm_parts(s)};
    j.means = scratch;
    j.m2s = j.means + norm_matrices(s) * norm_lines(s) * j.parts;
    j.blocks = ceil_div(s->columns, NORM_COLUMNS);
    j.sets_each = int64_max(1, NORM_TASK / int64_max(1, norm_set_size(s)));
    return j;
}

void norm_statistics(const kernel_set *ks, pool *p, const norm_shape *s, const float *x, float *mean, float *variance,
                     void *scratch) {
    moments_job j = moments_of(ks, s, x, mean, variance, scratch);
    int64_t sets = norm_set_count(s);
    if (s->by_column) pool_run(p, column_task, &j, norm_matrices(s) * j.blocks * j.parts);
    else pool_run(p, row_task, &j, ceil_div(sets, j.sets_each) * j.parts);
    for (int64_t set = 0; set < sets; set++) set_finish(&j, set);
}

/* ---- y ---- */

typedef struct forward_job {
    const norm_shape *s;
    const kernel_set *ks;
    moments_job moments; /* if x's own statistics are made on the way */
    float *y;
    const float *x, *mean, *variance, *scale, *bias;
    norm_activation *f;
    float a, b;
    float *means, *scales, *shifts; /* [matrix][line]: x's coefficients along the sets' axis */
    float *row_scales, *row_shifts; /* [matrix][row]: the other axis' parameters, where rows share them */
    int64_t rows_each, blocks;
} forward_job;

static void coefficients(const forward_job *j, int64_t matrix, int64_t first, int64_t end) {
    const norm_shape *s = j->s;
    bool same = s->by_column == s->column_parameters;
    for (int64_t k = first; k < end; k++) {
        int64_t at = matrix * norm_lines(s) + k, set = norm_set_of(s, matrix, k), p = norm_parameter_of(s, matrix, k);
        float r = 1 / sqrtf(j->variance[set] + s->epsilon);
        j->means[at] = s->centred ? j->mean[set] : 0;
        j->scales[at] = same && j->scale ? r * j->scale[p] : r;
        j->shifts[at] = same && j->bias ? j->bias[p] : 0;
    }
}

static void row_parameters(const forward_job *j) {
    const norm_shape *s = j->s;
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t row = 0; row < s->rows; row++) {
            int64_t p = norm_parameter_of(s, o, row), at = o * s->rows + row;
            j->row_scales[at] = j->scale ? j->scale[p] : 1;
            j->row_shifts[at] = j->bias ? j->bias[p] : 0;
        }
}

static struct norm_matrix matrix_of(const forward_job *j, int64_t o, int64_t row, int64_t rows) {
    const norm_shape *s = j->s;
    struct norm_matrix m = {rows, s->columns, s->columns, norm_none, norm_unit, norm_none, norm_none, norm_unit};
    int64_t at = (s->across ? 0 : o) * norm_lines(s) + (s->by_column ? 0 : row);
    norm_along(s, &m.mean, j->means + at);
    norm_along(s, &m.scale, j->scales + at);
    norm_along(s, &m.shift, j->shifts + at);
    if (s->by_column == s->column_parameters) return m;
    if (s->column_parameters) {
        if (j->scale) m.scale.column = (struct norm_part){j->scale, 1};
        if (j->bias) m.shift.column = (struct norm_part){j->bias, 1};
    } else {
        m.scale.row = (struct norm_part){j->row_scales + o * s->rows + row, 1};
        m.shift.row = (struct norm_part){j->row_shifts + o * s->rows + row, 1};
    }
    return m;
}

static void forward_task(void *context, int64_t index, int worker) {
    const forward_job *j = context;
    const norm_shape *s = j->s;
    int64_t o = index / j->blocks, row = index % j->blocks * j->rows_each,
            rows = int64_min(j->rows_each, s->rows - row);
    int64_t at = (o * s->rows + row) * s->columns;
    if (j->moments.x) {
        int64_t first = (o * s->rows + row) / s->join, end = first + rows / s->join;
        for (int64_t set = first; set < end; set++) row_set(&j->moments, set, 0), set_finish(&j->moments, set);
        coefficients(j, o, row, row + rows);
    }
    struct norm_matrix m = matrix_of(j, o, row, rows);
    j->ks->norm_apply(&m, j->y + at, j->x + at);
    if (j->f) j->f(j->y + at, j->y + at, rows * s->columns, j->a, j->b);
}

static void forward_run(pool *p, forward_job *j, void *scratch) {
    const norm_shape *s = j->s;
    int64_t along = norm_matrices(s) * norm_lines(s);
    j->means = (float *)((double *)scratch + 2 * along * norm_parts(s));
    j->scales = j->means + along, j->shifts = j->scales + along;
    j->row_scales = j->shifts + along, j->row_shifts = j->row_scales + s->outer * s->rows;
    j->rows_each = norm_rows_each(s);
    j->blocks = ceil_div(s->rows, j->rows_each);
    if (!j->moments.x)
        for (int64_t m = 0; m < norm_matrices(s); m++) coefficients(j, m, 0, norm_lines(s));
    if (s->by_column && !s->column_parameters) row_parameters(j);
    pool_run(p, forward_task, j, s->outer * j->blocks);
}

void norm_forward(const kernel_set *ks, pool *p, const norm_shape *s, float *y, const float *x, const float *mean,
                  const float *variance, const float *scale, const float *bias, norm_activation *f, float a, float b,
                  void *scratch) {
    forward_job j = {s, ks, {0}, y, x, mean, variance, scale, bias, f, a, b, 0, 0, 0, 0, 0, 0, 0};
    forward_run(p, &j, scratch);
}

/* Rows whose sets end with them are read once: their task has them in its cache. */
void norm_run(const kernel_set *ks, pool *p, const norm_shape *s, float *y, const float *x, float *mean,
              float *variance, const float *scale, const float *bias, norm_activation *f, float a, float b,
              void *scratch) {
    forward_job j = {s, ks, {0}, y, x, mean, variance, scale, bias, f, a, b, 0, 0, 0, 0, 0, 0, 0};
    if (s->by_column || s->across || norm_parts(s) > 1) norm_statistics(ks, p, s, x, mean, variance, scratch);
    else j.moments = moments_of(ks, s, x, mean, variance, scratch);
    forward_run(p, &j, scratch);
}
