/* The gradients of normalisation: sums along lines, what they make of sets and parameters, dx. */
#include <math.h>
#include <string.h>

#include "kernel/rows/norm_sizes.h"

typedef struct job {
    const kernel_set *ks;
    const norm_shape *s;
    bool given, same; /* same: parameters and sets lie along the same axis */
    float *dx;
    const float *dy, *x, *mean, *variance, *scale;
    float *means, *roots, *scales, *slopes, *shifts; /* [matrix][line]: coefficients along the sets' axis */
    float *row_scales;                               /* [outer][row] */
    double *set_sums, *set_products;                 /* [set]: Σ dŷ, Σ dŷ·(x − mean) */
    double *dbias, *dscale;                          /* [parameter] */
    double *sums, *products;                         /* [part][outer][line] of the sums that are being made */
    bool columns;                                    /* those run down columns */
    bool of_parameters;                              /* they are dbias and dscale, where that is another axis */
    int64_t parts, blocks, rows_each;
} job;

static int64_t axis_lines(const job *j) {
    return j->columns ? j->s->columns : j->s->rows;
}

/* Coefficients of the elements: dŷ = dy · scale for the sets' sums; the parameters' products are weighed by 1 / √…. */
static struct norm_matrix matrix_of(const job *j, int64_t o, int64_t row, int64_t rows, int64_t column,
                                    int64_t columns) {
    const norm_shape *s = j->s;
    struct norm_matrix m = {rows, columns, s->columns, norm_none, norm_unit, norm_none, norm_none, norm_unit};
    int64_t at = (s->across ? 0 : o) * norm_lines(s) + (s->by_column ? column : row);
    norm_along(s, &m.mean, j->means + at);
    if (j->of_parameters) norm_along(s, &m.weight, j->roots + at);
    else if (!j->same && s->column_parameters) m.scale.column = (struct norm_part){j->scale + column, 1};
    else if (!j->same) m.scale.row = (struct norm_part){j->row_scales + o * s->rows + row, 1};
    return m;
}

/* ---- sums ---- */

static void row_task(void *context, int64_t index, int worker) {
    const job *j = context;
    const norm_shape *s = j->s;
    int64_t o = index / j->blocks, row = index % j->blocks * j->rows_each,
            rows = int64_min(j->rows_each, s->rows - row);
    int64_t line = o * s->rows + row;
    struct norm_matrix m = matrix_of(j, o, row, rows, 0, s->columns);
    j->ks->norm_row_sums(&m, j->sums + line, j->products + line, j->dy + line * s->columns, j->x + line * s->columns);
}

static void column_task(void *context, int64_t index, int worker) {
    const job *j = context;
    const norm_shape *s = j->s;
    int64_t part = index % j->parts, block = index / j->parts % j->blocks, o = index / j->parts / j->blocks;
    int64_t row = part_begin(s->rows, part, j->parts), end = part_begin(s->rows, part + 1, j->parts);
    int64_t column = block * NORM_COLUMNS, n = int64_min(NORM_COLUMNS, s->columns - column);
    int64_t to = (part * s->outer + o) * s->columns + column, at = (o * s->rows + row) * s->columns + column;
    struct norm_matrix m = matrix_of(j, o, row, end - row, column, n);
    j->ks->norm_column_sums(&m, j->sums + to, j->products + to, j->dy + at, j->x + at);
}

/* Parts of a column's rows, so that few columns fill all threads. */
static int64_t column_parts(const norm_shape *s) {
    int64_t pieces = s->outer * ceil_div(s->columns, NORM_COLUMNS), all = s->outer * s->rows * s->columns;
    return pieces >= 2 * NORM_PARTS || all < 2 * NORM_TASK ? 1 : int64_min(NORM_PARTS, all / pieces / NORM_TASK + 1);
}

static void lines_sum(job *j, pool *p, bool columns, bool of_parameters) {
    const norm_shape *s = j->s;
    j->columns = columns, j->of_parameters = of_parameters;
    j->products = j->sums + (columns ? NORM_PARTS : 1) * s->outer * axis_lines(j);
    j->parts = columns ? column_parts(s) : 1;
    j->blocks = ceil_div(columns ? s->columns : s->rows, columns ? NORM_COLUMNS : j->rows_each);
    pool_run(p, columns ? column_task : row_task, j, s->outer * j->blocks * j->parts);
}

static double line_total(const job *j, const double *of, int64_t o, int64_t k) {
    double all = 0;
    for (int64_t part = 0; part < j->parts; part++) all += of[(part * j->s->outer + o) * axis_lines(j) + k];
    return all;
}

/* What the sums along the sets' axis make of each set. */
static void sets_gather(const job *j) {
    const norm_shape *s = j->s;
    for (int64_t set = 0; set < norm_set_count(s); set++) j->set_sums[set] = j->set_products[set] = 0;
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t k = 0; k < norm_lines(s); k++) {
            int64_t set = norm_set_of(s, o, k);
            double scale = j->same && j->scale ? (double)j->scale[norm_parameter_of(s, o, k)] : 1;
            j->set_sums[set] += scale * line_total(j, j->sums, o, k);
            j->set_products[set] += scale * line_total(j, j->products, o, k);
        }
}

/* What the sums along the parameters' axis make of each parameter. */
static void parameters_gather(const job *j) {
    const norm_shape *s = j->s;
    for (int64_t p = 0; p < norm_parameter_count(s); p++) j->dbias[p] = j->dscale[p] = 0;
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t k = 0; k < axis_lines(j); k++) {
            int64_t p = norm_parameter_of(s, o, k), at = (s->across ? 0 : o) * norm_lines(s) + k;
            double root = j->same ? (double)j->roots[at] : 1;
            j->dbias[p] += line_total(j, j->sums, o, k);
            j->dscale[p] += root * line_total(j, j->products, o, k);
        }
}

/* ---- dx ---- */

static void roots_fill(const job *j) {
    const norm_shape *s = j->s;
    for (int64_t o = 0; o < norm_matrices(s); o++)
        for (int64_t k = 0; k < norm_lines(s); k++) {
            int64_t at = o * norm_lines(s) + k, set = norm_set_of(s, o, k);
            j->means[at] = s->centred ? j->mean[set] : 0;
            j->roots[at] = 1 / sqrtf(j->variance[set] + s->epsilon);
        }
    for (int64_t o = 0; o < s->outer && s->by_column && !s->column_parameters; o++)
        for (int64_t row = 0; row < s->rows; row++)
            j->row_scales[o * s->rows + row] = j->scale[norm_parameter_of(s, o, row)];
}

/* dx = r·(dŷ − mean dŷ) − (x − mean)·r³·mean(dŷ·(x − mean)) */
static void coefficients(const job *j) {
    const norm_shape *s = j->s;
    double m = (double)norm_set_size(s);
    for (int64_t o = 0; o < norm_matrices(s); o++)
        for (int64_t k = 0; k < norm_lines(s); k++) {
            int64_t at = o * norm_lines(s) + k, set = norm_set_of(s, o, k);
            double r = (double)j->roots[at];
            j->scales[at] = j->same ? j->roots[at] * j->scale[norm_parameter_of(s, o, k)] : j->roots[at];
            j->slopes[at] = j->given ? 0 : (float)(r * r * r * j->set_products[set] / m);
            j->shifts[at] = j->given || !s->centred ? 0 : (float)(r * j->set_sums[set] / m);
        }
}

static void gradient_task(void *context, int64_t index, int worker) {
    const job *j = context;
    const norm_shape *s = j->s;
    int64_t o = index / j->blocks, row = index % j->blocks * j->rows_each,
            rows = int64_min(j->rows_each, s->rows - row);
    int64_t along = (s->across ? 0 : o) * norm_lines(s) + (s->by_column ? 0 : row),
            at = (o * s->rows + row) * s->columns;
    struct norm_matrix m = matrix_of(j, o, row, rows, 0, s->columns); /* of_parameters is off: the other axis' scale */
    norm_along(s, &m.scale, j->scales + along);
    norm_along(s, &m.slope, j->slopes + along);
    norm_along(s, &m.shift, j->shifts + along);
    j->ks->norm_gradient(&m, j->dx + at, j->dy + at, j->x + at);
}

/* ---- the whole ---- */

static void scratch_divide(job *j, void *scratch) {
    const norm_shape *s = j->s;
    int64_t along = norm_matrices(s) * norm_lines(s), sets = norm_set_count(s), parameters = norm_parameter_count(s);
    j->set_sums = scratch;
    j->set_products = j->set_sums + sets;
    j->dbias = j->set_products + sets;
    j->dscale = j->dbias + parameters;
    j->means = (float *)(j->dscale + parameters);
    j->roots = j->means + along;
    j->scales = j->roots + along;
    j->slopes = j->scales + along;
    j->shifts = j->slopes + along;
    j->row_scales = j->shifts + along;
    int64_t floats = 5 * along + s->outer * s->rows;
    j->sums = (double *)(void *)(j->means + floats + floats % 2);
}

size_t norm_backward_scratch_bytes(const norm_shape *s) {
    int64_t along = norm_matrices(s) * norm_lines(s), sums = 2 * s->outer * int64_max(NORM_PARTS * s->columns, s->rows);
    int64_t doubles = 2 * (norm_set_count(s) + norm_parameter_count(s)) + sums,
            floats = 5 * along + s->outer * s->rows + 1;
    return (size_t)doubles * sizeof(double) + (size_t)floats * sizeof(float);
}

void norm_backward(const kernel_set *ks, pool *p, const norm_shape *s, bool given, float *dx, float *dscale,
                   float *dbias, const float *dy, const float *x, const float *mean, const float *variance,
                   const float *scale, void *scratch) {
    job j = {.ks = ks, .s = s, .given = given, .dx = dx, .dy = dy, .x = x, .mean = mean, .variance = variance};
    j.scale = scale;
    j.same = s->by_column == s->column_parameters;
    j.rows_each = norm_rows_each(s);
    scratch_divide(&j, scratch);
    roots_fill(&j);
    lines_sum(&j, p, s->by_column, false);
    sets_gather(&j);
    if (!j.same) lines_sum(&j, p, !s->by_column, true);
    parameters_gather(&j);
    for (int64_t k = 0; k < norm_parameter_count(s); k++) {
        if (dscale) dscale[k] = (float)j.dscale[k];
        if (dbias) dbias[k] = (float)j.dbias[k];
    }
    coefficients(&j);
    j.of_parameters = false;
    j.blocks = ceil_div(s->rows, j.rows_each);
    pool_run(p, gradient_task, &j, s->outer * j.blocks);
}
