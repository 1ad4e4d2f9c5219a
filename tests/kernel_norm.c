/* Normalisation in every arrangement of sets and parameters against double: statistics, results and gradients, odd
 * sizes, values far from 0 that vary little; every instruction set, guarded buffers, threads 1, 2, 7 bit-equal. */
#include "kernel/rows/norm.h"

#include <math.h>

#include "check.h"
#include "kernel_guard.h"
#include "unary_names.h"

/* Relative to the sum of the magnitudes: 1,024 elements in four lanes are 256 roundings, and their mean some more. */
static const double sum_error = 512 * 0x1p-24;

typedef struct sizes {
    int64_t outer, rows, columns;
    int by_column, across, join, column_parameters, repeat, shared;
} sizes;

static const sizes all_sizes[] = {
    {3, 5, 37, 0, 1, 1, 0, 1, 1},    /* plain: batch, */
    {3, 5, 37, 0, 0, 1, 0, 1, 1},    /* instance, */
    {2, 6, 35, 0, 0, 3, 0, 1, 1},    /* group, */
    {1, 7, 131, 0, 0, 1, 1, 1, 0},   /* layer, */
    {1, 67, 19, 1, 0, 1, 1, 1, 0},   /* batch without a picture */
    {1, 210, 33, 1, 0, 1, 1, 1, 0},  /* channels last: batch, */
    {3, 49, 70, 1, 0, 1, 1, 1, 0},   /* instance, */
    {3, 49, 24, 1, 0, 4, 1, 1, 0},   /* group */
    {1, 60, 17, 1, 0, 1, 0, 4, 0},   /* batch last: layer, */
    {3, 20, 18, 1, 0, 1, 0, 5, 0},   /* group, */
    {3, 20, 18, 1, 0, 1, 0, 5, 1},   /* with parameters that groups share, */
    {1, 5, 200, 0, 0, 1, 0, 1, 0},   /* batch */
    {1, 1, 1, 0, 0, 1, 0, 1, 1},     /* one element */
    {2, 1, 1, 1, 0, 1, 1, 1, 0},     /* sets of one element */
    {1, 3, 20011, 0, 0, 1, 1, 1, 0}, /* sets in several parts: a long row, */
    {40, 2, 1031, 0, 1, 1, 0, 1, 1}, /* a row of many matrices, */
    {1, 5003, 9, 1, 0, 3, 1, 1, 0},  /* tall columns */
    {1, 5003, 9, 1, 0, 1, 0, 1, 0},
};

typedef struct data {
    norm_shape s;
    int64_t n, sets, parameters;
    float *x, *dy, *scale, *bias, *mean, *variance, *y, *dx, *dscale, *dbias;
    float *block[10];
    double *want_mean, *want_variance; /* of sets */
    void *scratch;
} data;

static int64_t size_of(const data *d, int i) {
    const int64_t all[10] = {d->n,    d->n, d->parameters, d->parameters, d->sets,
                             d->sets, d->n, d->n,          d->parameters, d->parameters};
    return all[i];
}

static void data_new(data *d, const sizes *z, bool centred, float offset, float spread) {
    float **arrays[10] = {&d->x,        &d->dy, &d->scale, &d->bias,   &d->mean,
                          &d->variance, &d->y,  &d->dx,    &d->dscale, &d->dbias};
    *d = (data){.s = {z->outer, z->rows, z->columns, z->by_column, z->across, z->join, z->column_parameters, z->repeat,
                      z->shared, centred, 1e-5f}};
    d->n = z->outer * z->rows * z->columns, d->sets = norm_set_count(&d->s),
    d->parameters = norm_parameter_count(&d->s);
    for (int i = 0; i < 10; i++) *arrays[i] = guard_new(size_of(d, i), &d->block[i]);
    size_t forward = norm_scratch_bytes(&d->s), backward = norm_backward_scratch_bytes(&d->s);
    d->scratch = mem_alloc(forward > backward ? forward : backward);
    d->want_mean = mem_zalloc((size_t)d->sets, sizeof(double));
    d->want_variance = mem_zalloc((size_t)d->sets, sizeof(double));
    for (int64_t i = 0; i < d->n; i++) {
        d->x[i] = offset + spread * ((float)((i * 7919 + i / 7) % 101) / 50 - 1);
        d->dy[i] = (float)((i * 53 + i / 11) % 29) / 9 - 1;
    }
    for (int64_t i = 0; i < d->parameters; i++)
        d->scale[i] = 0.5f + (float)(i % 7) / 4, d->bias[i] = (float)(i % 5) - 2;
}

static void data_free(data *d) {
    for (int i = 0; i < 10; i++)
        CHECK(guard_holds(d->block[i], size_of(d, i)), "guard of array %d", i), mem_free(d->block[i]);
    mem_free(d->scratch), mem_free(d->want_mean), mem_free(d->want_variance);
}

/* Where element i belongs. */
static int64_t set_of(const norm_shape *s, int64_t i) {
    int64_t row = i / s->columns % s->rows, o = s->across ? 0 : i / s->columns / s->rows;
    return (s->by_column ? o * s->columns + i % s->columns : o * s->rows + row) / s->join;
}
static int64_t parameter_of(const norm_shape *s, int64_t i) {
    int64_t row = i / s->columns % s->rows, o = s->shared ? 0 : i / s->columns / s->rows;
    return s->column_parameters ? i % s->columns : o * (s->rows / s->repeat) + row / s->repeat;
}

static void describe(char *out, size_t size, const data *d, const kernel_set *ks) {
    const norm_shape *s = &d->s;
    snprintf(out, size, "isa=%s %dx%dx%d by_column=%d across=%d join=%d column_parameters=%d centred=%d x[0]=%g",
             ks->isa, (int)s->outer, (int)s->rows, (int)s->columns, s->by_column, s->across, (int)s->join,
             s->column_parameters, s->centred, (double)d->x[0]);
}

/* ---- forward ---- */

static void moments_want(const data *d) {
    double members = (double)d->n / (double)d->sets;
    for (int64_t i = 0; i < d->n && d->s.centred; i++) d->want_mean[set_of(&d->s, i)] += (double)d->x[i] / members;
    for (int64_t i = 0; i < d->n; i++) {
        int64_t set = set_of(&d->s, i);
        double off = (double)d->x[i] - d->want_mean[set];
        d->want_variance[set] += off * off / members;
    }
}

/* The mean is a float, and half a unit of its last place moves a whole set: what is far from 0 keeps no more. */
static void check_forward(const data *d, const char *text, bool relu) {
    for (int64_t k = 0; k < d->sets; k++) {
        double mean = d->want_mean[k], variance = d->want_variance[k];
        CHECK(!d->s.centred || fabs((double)d->mean[k] - mean) <= 0x1p-23 * fabs(mean) + 1e-6 * sqrt(variance),
              "mean %d got=%g want=%g %s", (int)k, (double)d->mean[k], mean, text);
        CHECK(fabs((double)d->variance[k] - variance) <= sum_error * variance + 0x1p-46 * mean * mean,
              "variance %d got=%g want=%g %s", (int)k, (double)d->variance[k], variance, text);
    }
    for (int64_t i = 0; i < d->n; i++) {
        int64_t set = set_of(&d->s, i), p = parameter_of(&d->s, i);
        double r = 1 / sqrt((double)d->variance[set] + (double)d->s.epsilon), mean = d->want_mean[set];
        double x = ((double)d->x[i] - mean) * r, scale = (double)d->scale[p], want = x * scale + (double)d->bias[p];
        double bound =
            fabs(scale) * (r * 0x1p-23 * fabs(mean) + 1e-6 * fabs(x) + 1e-6) + 1e-6 * fabs((double)d->bias[p]);
        if (!CHECK(fabs((double)d->y[i] - (relu ? fmax(want, 0) : want)) <= bound, "y %d got=%g want=%g within %g %s",
                   (int)i, (double)d->y[i], want, bound, text))
            return;
    }
}

static void forward(const kernel_set *ks, data *d, pool *const pools[3], const char *text) {
    float *first = mem_alloc((size_t)(d->n + 2 * d->sets) * sizeof(float));
    norm_activation *relu = d->n % 2 ? unary_kernel(ks, UNARY_relu) : NULL;
    moments_want(d);
    for (int t = 0; t < 3; t++) {
        memset(d->y, 0, (size_t)d->n * 4);
        norm_run(ks, pools[t], &d->s, d->y, d->x, d->mean, d->variance, d->scale, d->bias, relu, 0, 0, d->scratch);
        if (t == 0) memcpy(first, d->y, (size_t)d->n * 4), memcpy(first + d->n, d->mean, (size_t)d->sets * 4);
        if (t == 0) memcpy(first + d->n + d->sets, d->variance, (size_t)d->sets * 4);
        CHECK(!memcmp(first, d->y, (size_t)d->n * 4) && !memcmp(first + d->n, d->mean, (size_t)d->sets * 4) &&
                  !memcmp(first + d->n + d->sets, d->variance, (size_t)d->sets * 4),
              "bits of forward, threads=%d %s", pool_threads(pools[t]), text);
    }
    check_forward(d, text, relu);
    /* In two steps, and in place, it is the same. */
    norm_statistics(ks, NULL, &d->s, d->x, d->mean, d->variance, d->scratch);
    memcpy(d->y, d->x, (size_t)d->n * 4);
    norm_forward(ks, NULL, &d->s, d->y, d->y, d->mean, d->variance, d->scale, d->bias, relu, 0, 0, d->scratch);
    CHECK(!memcmp(first, d->y, (size_t)d->n * 4), "in place %s", text);
    mem_free(first);
}

/* ---- backward ---- */

typedef struct total {
    double sum, magnitude;
} total;

static void total_add(total *t, double term) {
    t->sum += term, t->magnitude += fabs(term);
}

static void check_backward(const data *d, bool given, const char *text) {
    const norm_shape *s = &d->s;
    total *sums = mem_zalloc((size_t)(2 * d->sets + 2 * d->parameters), sizeof *sums), *products = sums + d->sets;
    total *dscale = products + d->sets, *dbias = dscale + d->parameters;
    double members = (double)d->n / (double)d->sets;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < d->n; i++) {
            int64_t set = set_of(s, i), p = parameter_of(s, i);
            double r = 1 / sqrt((double)d->variance[set] + (double)s->epsilon), dy = (double)d->dy[i];
            double x = ((double)d->x[i] - (s->centred ? (double)d->mean[set] : 0)) * r, dz = dy * (double)d->scale[p];
            if (pass == 0) {
                total_add(&sums[set], dz), total_add(&products[set], dz * x);
                total_add(&dbias[p], dy), total_add(&dscale[p], dy * x);
                continue;
            }
            double shift = s->centred && !given ? sums[set].sum / members : 0;
            double slope = given ? 0 : products[set].sum / members;
            double want = r * (dz - shift - x * slope);
            double bound =
                r * (1e-6 * fabs(dz) + sum_error * (sums[set].magnitude + fabs(x) * products[set].magnitude) / members);
            if (!CHECK(fabs((double)d->dx[i] - want) <= bound + 1e-30, "dx %d got=%g want=%g within %g given=%d %s",
                       (int)i, (double)d->dx[i], want, bound, given, text))
                break;
        }
    for (int64_t p = 0; p < d->parameters; p++) {
        CHECK(fabs((double)d->dscale[p] - dscale[p].sum) <= sum_error * dscale[p].magnitude,
              "dscale %d got=%g want=%g %s", (int)p, (double)d->dscale[p], dscale[p].sum, text);
        CHECK(fabs((double)d->dbias[p] - dbias[p].sum) <= sum_error * dbias[p].magnitude, "dbias %d got=%g want=%g %s",
              (int)p, (double)d->dbias[p], dbias[p].sum, text);
    }
    mem_free(sums);
}

static void backward(const kernel_set *ks, data *d, pool *const pools[3], bool given, const char *text) {
    float *first = mem_alloc((size_t)(d->n + 2 * d->parameters) * sizeof(float));
    size_t some = (size_t)d->parameters * 4;
    for (int t = 0; t < 3; t++) {
        norm_backward(ks, pools[t], &d->s, given, d->dx, d->dscale, d->dbias, d->dy, d->x, d->mean, d->variance,
                      d->scale, d->scratch);
        if (t == 0) memcpy(first, d->dx, (size_t)d->n * 4), memcpy(first + d->n, d->dscale, some);
        if (t == 0) memcpy(first + d->n + d->parameters, d->dbias, some);
        CHECK(!memcmp(first, d->dx, (size_t)d->n * 4) && !memcmp(first + d->n, d->dscale, some) &&
                  !memcmp(first + d->n + d->parameters, d->dbias, some),
              "bits of backward, threads=%d %s", pool_threads(pools[t]), text);
    }
    check_backward(d, given, text);
    memcpy(d->dx, d->dy, (size_t)d->n * 4);
    norm_backward(ks, NULL, &d->s, given, d->dx, NULL, NULL, d->dx, d->x, d->mean, d->variance, d->scale, d->scratch);
    CHECK(!memcmp(first, d->dx, (size_t)d->n * 4), "backward in place %s", text);
    mem_free(first);
}

/* ---- all of it ---- */

static void check_case(const kernel_set *ks, const sizes *z, bool centred, float offset, float spread,
                       pool *const pools[3]) {
    char text[256];
    data d;
    data_new(&d, z, centred, offset, spread);
    describe(text, sizeof text, &d, ks);
    forward(ks, &d, pools, text);
    for (int given = 0; given < 2; given++) backward(ks, &d, pools, given, text);
    data_free(&d);
}

/* Neither scale nor bias; a set with NaN or infinity spoils itself alone; equal values have no variance. */
static void check_special(const kernel_set *ks) {
    enum { ROWS = 4, COLUMNS = 19 };
    norm_shape s = {1, ROWS, COLUMNS, false, false, 1, true, 1, false, true, 1e-5f};
    float x[ROWS * COLUMNS], y[ROWS * COLUMNS], mean[ROWS], variance[ROWS];
    void *scratch = mem_alloc(norm_scratch_bytes(&s));
    for (int i = 0; i < ROWS * COLUMNS; i++) x[i] = i / COLUMNS == 3 ? 12345.678f : (float)(i % COLUMNS) - 9;
    x[1] = NAN, x[COLUMNS + 18] = INFINITY;
    norm_run(ks, NULL, &s, y, x, mean, variance, NULL, NULL, NULL, 0, 0, scratch);
    for (int j = 0; j < COLUMNS; j++) {
        double want = (j - 9) / sqrt(30 + 1e-5);
        CHECK(isnan(y[j]) && isnan(y[COLUMNS + j]), "NaN and infinity isa=%s column=%d", ks->isa, j);
        CHECK(fabs((double)y[2 * COLUMNS + j] - want) <= 1e-6 * (fabs(want) + 0.1),
              "bare isa=%s column=%d got=%g want=%g", ks->isa, j, (double)y[2 * COLUMNS + j], want);
        CHECK(y[3 * COLUMNS + j] == 0, "equal values isa=%s column=%d got=%g", ks->isa, j, (double)y[3 * COLUMNS + j]);
    }
    CHECK(mean[3] == x[3 * COLUMNS] && variance[3] == 0, "mean=%g variance=%g isa=%s", (double)mean[3],
          (double)variance[3], ks->isa);
    mem_free(scratch);
}

int main(void) {
    pool *pools[3] = {0};
    if (pool_new(&pools[1], 2, NULL) || pool_new(&pools[2], 7, NULL)) return 1;
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) {
        for (int i = 0; i < (int)(sizeof all_sizes / sizeof *all_sizes); i++) {
            for (int centred = 0; centred < 2; centred++) check_case(*ks, &all_sizes[i], centred, 0, 3, pools);
            check_case(*ks, &all_sizes[i], true, 1, 1e-3f, pools);
            check_case(*ks, &all_sizes[i], true, -20000, 0.125f, pools);
        }
        check_special(*ks);
    }
    for (int i = 0; i < 3; i++) pool_release(pools[i]);
    return check_report();
}
