#include "kernel/elementwise.h"

#include <string.h>

#define CHUNK (16 << 10) /* floats of a task: long enough to be worth handing out */

typedef void unary_fn(float *, const float *, int64_t, float, float);
typedef void gradient_fn(float *, const float *, const float *, int64_t, float, float);
typedef void binary_fn(float *, int64_t, const float *, int64_t, const float *, int64_t, int64_t);

static const struct {
    const char *name;
    char needs;
    size_t run, gradient; /* fields of kernel_set */
} unary_rows[] = {
#define UNARY(name, needs, f, df)                                                                                      \
    {#name, needs, offsetof(kernel_set, unary_##name), offsetof(kernel_set, gradient_##name)},
#include "kernel/unary_list.h"
#undef UNARY
};

const char *unary_name(unary_kind kind) {
    return (unsigned)kind < UNARY_COUNT ? unary_rows[kind].name : NULL;
}
char unary_gradient_needs(unary_kind kind) {
    return unary_rows[kind].needs;
}

unary_fn *unary_kernel(const kernel_set *ks, unary_kind kind) {
    unary_fn *f;
    memcpy(&f, (const char *)ks + unary_rows[kind].run, sizeof f);
    return f;
}

static gradient_fn *gradient_kernel(const kernel_set *ks, unary_kind kind) {
    gradient_fn *f;
    memcpy(&f, (const char *)ks + unary_rows[kind].gradient, sizeof f);
    return f;
}

typedef struct flat_job {
    const kernel_set *ks;
    unary_fn *unary;
    gradient_fn *gradient;
    binary_fn *binary;
    float *y;
    const float *a, *b;
    int64_t n;
    float alpha, beta;
    bool not_finite;
} flat_job;

static void flat_task(void *context, int64_t index, int worker) {
    flat_job *j = context;
    (void)worker;
    int64_t at = index * CHUNK, n = j->n - at < CHUNK ? j->n - at : CHUNK;
    if (j->unary) j->unary(j->y + at, j->a + at, n, j->alpha, j->beta);
    else if (j->gradient) j->gradient(j->y + at, j->a + at, j->b + at, n, j->alpha, j->beta);
    else if (j->binary) j->binary(j->y + at, 1, j->a + at, 1, j->b + at, 1, n);
    else if (j->y) j->ks->accumulate(j->y + at, j->a + at, j->alpha, n);
    else {
        bool finite;
        j->ks->finite(j->a + at, n, &finite);
        if (!finite) __atomic_store_n(&j->not_finite, true, __ATOMIC_RELAXED);
    }
}

static void flat_run(pool *p, flat_job *j) {
    pool_run(p, flat_task, j, (j->n + CHUNK - 1) / CHUNK);
}

void unary_run(const kernel_set *ks, pool *p, unary_kind kind, float a, float b, float *y, const float *x, int64_t n) {
    flat_job j = {.unary = unary_kernel(ks, kind), .y = y, .a = x, .n = n, .alpha = a, .beta = b};
    flat_run(p, &j);
}

void unary_gradient(const kernel_set *ks, pool *p, unary_kind kind, float a, float b, float *dx, const float *dy,
                    const float *xy, int64_t n) {
    flat_job j = {
        .gradient = gradient_kernel(ks, kind), .y = dx, .a = dy, .b = xy ? xy : dy, .n = n, .alpha = a, .beta = b};
    flat_run(p, &j);
}

void accumulate_run(const kernel_set *ks, pool *p, float *y, const float *x, float scale, int64_t n) {
    flat_job j = {.ks = ks, .y = y, .a = x, .n = n, .alpha = scale};
    flat_run(p, &j);
}

bool finite_check(const kernel_set *ks, pool *p, const float *x, int64_t n) {
    flat_job j = {.ks = ks, .a = x, .n = n};
    flat_run(p, &j);
    return !j.not_finite;
}

static binary_fn *binary_kernel(const kernel_set *ks, binary_kind kind) {
    binary_fn *const all[BINARY_COUNT] = {
        [BINARY_ADD] = ks->binary_add, [BINARY_SUB] = ks->binary_sub, [BINARY_MUL] = ks->binary_mul,
        [BINARY_DIV] = ks->binary_div, [BINARY_MIN] = ks->binary_min, [BINARY_MAX] = ks->binary_max,
        [BINARY_POW] = ks->binary_pow};
    return all[kind];
}

void binary_flat(const kernel_set *ks, pool *p, binary_kind kind, float *y, const float *a, const float *b, int64_t n) {
    flat_job j = {.binary = binary_kernel(ks, kind), .y = y, .a = a, .b = b, .n = n};
    flat_run(p, &j);
}

/* A box whose innermost dimension runs in a kernel and whose others are counted off in rows; operand 0 is y. */
typedef struct box_job {
    binary_fn *f;
    float *y;
    const float *a, *b;
    int rank;
    int64_t dims[ELEMENTWISE_RANK], strides[3][ELEMENTWISE_RANK];
    int64_t inner, steps[3];                /* the innermost dimension */
    int64_t rows, rows_each, pieces, piece; /* a task: rows_each rows, or one of `pieces` pieces of a row */
} box_job;

/* Drops dimensions of 1 and joins neighbours that are one run in all operands. */
static void box_collapse(box_job *j, int rank, const int64_t *dims, const int64_t *const strides[3]) {
    for (int d = 0; d < rank; d++) {
        if (dims[d] == 1) continue;
        int last = j->rank - 1;
        bool joins = j->rank > 0;
        for (int k = 0; k < 3 && joins; k++) joins = j->strides[k][last] == strides[k][d] * dims[d];
        if (!joins) last = j->rank++, j->dims[last] = 1;
        j->dims[last] *= dims[d];
        for (int k = 0; k < 3; k++) j->strides[k][last] = strides[k][d];
    }
    j->inner = 1;
    if (j->rank == 0) return;
    j->inner = j->dims[--j->rank];
    for (int k = 0; k < 3; k++) j->steps[k] = j->strides[k][j->rank];
}

static void box_task(void *context, int64_t index, int worker) {
    const box_job *j = context;
    (void)worker;
    int64_t first = index / j->pieces * j->rows_each,
            end = first + j->rows_each < j->rows ? first + j->rows_each : j->rows;
    int64_t begin = index % j->pieces * j->piece, n = j->inner - begin < j->piece ? j->inner - begin : j->piece;
    for (int64_t row = first; row < end && n > 0; row++) {
        int64_t at[3];
        for (int k = 0; k < 3; k++) at[k] = begin * j->steps[k];
        int64_t rest = row;
        for (int d = j->rank - 1; d >= 0; rest /= j->dims[d--])
            for (int k = 0; k < 3; k++) at[k] += rest % j->dims[d] * j->strides[k][d];
        j->f(j->y + at[0], j->steps[0], j->a + at[1], j->steps[1], j->b + at[2], j->steps[2], n);
    }
}

void binary_run(const kernel_set *ks, pool *p, binary_kind kind, int rank, const int64_t *dims, float *y,
                const int64_t *y_strides, const float *a, const int64_t *a_strides, const float *b,
                const int64_t *b_strides) {
    box_job j = {.f = binary_kernel(ks, kind), .y = y, .a = a, .b = b, .rows = 1};
    const int64_t *const strides[3] = {y_strides, a_strides, b_strides};
    for (int d = 0; d < rank; d++)
        if (dims[d] == 0) return;
    box_collapse(&j, rank, dims, strides);
    for (int d = 0; d < j.rank; d++) j.rows *= j.dims[d];
    j.piece = j.inner < CHUNK ? j.inner : CHUNK;
    j.pieces = (j.inner + j.piece - 1) / j.piece;
    j.rows_each = (CHUNK + j.piece - 1) / j.piece;
    pool_run(p, box_task, &j, (j.rows + j.rows_each - 1) / j.rows_each * j.pieces);
}
