#include "kernel/layout.h"

#include <math.h>
#include <string.h>

#define BLOCK 64         /* rows and columns of a transposed block: both sides fit the first-level cache */
#define BYTES (64 << 10) /* of a task */

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

void layout_strides(int rank, const int64_t *dims, int64_t *strides) {
    int64_t stride = 1;
    for (int d = rank - 1; d >= 0; d--) strides[d] = stride, stride *= dims[d];
}

/* ---- transpose ---- */

typedef struct transpose_job {
    const kernel_set *ks;
    float *y;
    const float *x;
    int64_t y_pitch, x_pitch, rows, columns, y_image, x_image;
    int64_t row_blocks, column_blocks;
} transpose_job;

static void transpose_task(void *context, int64_t index, int worker) {
    const transpose_job *j = context;
    (void)worker;
    int64_t image = index / j->row_blocks / j->column_blocks;
    int64_t r = index / j->column_blocks % j->row_blocks * BLOCK, c = index % j->column_blocks * BLOCK;
    j->ks->transpose(j->y + image * j->y_image + c * j->y_pitch + r, j->y_pitch,
                     j->x + image * j->x_image + r * j->x_pitch + c, j->x_pitch, least(BLOCK, j->rows - r),
                     least(BLOCK, j->columns - c));
}

static void transpose_images(pool *p, transpose_job *j, int64_t images) {
    j->row_blocks = (j->rows + BLOCK - 1) / BLOCK;
    j->column_blocks = (j->columns + BLOCK - 1) / BLOCK;
    pool_run(p, transpose_task, j, images * j->row_blocks * j->column_blocks);
}

void layout_transpose(const kernel_set *ks, pool *p, float *y, int64_t y_pitch, const float *x, int64_t x_pitch,
                      int64_t rows, int64_t columns) {
    transpose_job j = {
        .ks = ks, .y = y, .x = x, .y_pitch = y_pitch, .x_pitch = x_pitch, .rows = rows, .columns = columns};
    transpose_images(p, &j, 1);
}

void layout_to_channels_last(const kernel_set *ks, pool *p, float *y, const float *x, int64_t count, int64_t channels,
                             int64_t pixels) {
    transpose_job j = {.ks = ks,
                       .y = y,
                       .x = x,
                       .y_pitch = channels,
                       .x_pitch = pixels,
                       .rows = channels,
                       .columns = pixels,
                       .y_image = channels * pixels,
                       .x_image = channels * pixels};
    transpose_images(p, &j, count);
}

void layout_from_channels_last(const kernel_set *ks, pool *p, float *y, const float *x, int64_t count, int64_t channels,
                               int64_t pixels) {
    layout_to_channels_last(ks, p, y, x, count, pixels, channels);
}

/* ---- general copy ---- */

/* Dimensions in the order of y's strides, neighbours joined. The last is the inner one, and of the others `across` is
 * the one in which x is contiguous (−1: none), for the blocked transpose. */
typedef struct copy_job {
    const kernel_set *ks;
    int size, rank, across;
    int64_t dims[LAYOUT_RANK], ys[LAYOUT_RANK], xs[LAYOUT_RANK];
    int64_t inner, inner_ys, inner_xs, rows, rows_each, pieces, piece;
    char *y;
    const char *x;
} copy_job;

static int64_t magnitude(int64_t v) {
    return v < 0 ? -v : v;
}

static void copy_sort(copy_job *j, int rank, const int64_t *dims, const int64_t *ys, const int64_t *xs) {
    for (int d = 0; d < rank; d++) {
        if (dims[d] == 1) continue;
        int at = j->rank++;
        for (; at > 0 && magnitude(j->ys[at - 1]) < magnitude(ys[d]); at--)
            j->dims[at] = j->dims[at - 1], j->ys[at] = j->ys[at - 1], j->xs[at] = j->xs[at - 1];
        j->dims[at] = dims[d], j->ys[at] = ys[d], j->xs[at] = xs[d];
    }
}

static void copy_join(copy_job *j) {
    int kept = 0;
    for (int d = 0; d < j->rank; d++) {
        bool joins = kept > 0 && j->ys[kept - 1] == j->ys[d] * j->dims[d] && j->xs[kept - 1] == j->xs[d] * j->dims[d];
        int64_t before = joins ? j->dims[--kept] : 1;
        j->dims[kept] = before * j->dims[d], j->ys[kept] = j->ys[d], j->xs[kept] = j->xs[d];
        kept++;
    }
    j->rank = kept;
}

#define COPY_STRIDED(type)                                                                                             \
    do {                                                                                                               \
        type *to = (type *)(void *)y;                                                                                  \
        const type *from = (const type *)(const void *)x;                                                              \
        for (int64_t i = 0; i < n; i++) to[i * ys] = from[i * xs];                                                     \
    } while (0)

static void copy_line(int size, char *y, int64_t ys, const char *x, int64_t xs, int64_t n) {
    if (ys == 1 && xs == 1) memcpy(y, x, (size_t)(n * size));
    else if (size == 1) COPY_STRIDED(uint8_t);
    else if (size == 2) COPY_STRIDED(uint16_t);
    else if (size == 4) COPY_STRIDED(uint32_t);
    else COPY_STRIDED(uint64_t);
}

/* Offsets of outer index `row`, counted over the outer dimensions but `across`. */
static void copy_offsets(const copy_job *j, int64_t row, int64_t *y, int64_t *x) {
    *y = *x = 0;
    for (int d = j->rank - 1; d >= 0; d--) {
        if (d == j->across) continue;
        *y += row % j->dims[d] * j->ys[d];
        *x += row % j->dims[d] * j->xs[d];
        row /= j->dims[d];
    }
}

static void copy_task(void *context, int64_t index, int worker) {
    const copy_job *j = context;
    (void)worker;
    int64_t first = index / j->pieces * j->rows_each, end = least(j->rows, first + j->rows_each);
    int64_t begin = index % j->pieces * j->piece, n = least(j->piece, j->inner - begin), y, x;
    for (int64_t row = first; row < end; row++) {
        copy_offsets(j, row, &y, &x);
        y += begin * j->inner_ys, x += begin * j->inner_xs;
        copy_line(j->size, j->y + y * j->size, j->inner_ys, j->x + x * j->size, j->inner_xs, n);
    }
}

/* Each row of the job is here a matrix: y[c·ys + r] = x[r·xs + c] with c along `across` and r inner. */
static void copy_transposes(void *context, int64_t index, int worker) {
    const copy_job *j = context;
    (void)worker;
    int64_t columns = j->dims[j->across], c = index % j->pieces * BLOCK, y, x;
    copy_offsets(j, index / j->pieces, &y, &x);
    float *to = (float *)(void *)j->y + y + c * j->ys[j->across];
    const float *from = (const float *)(const void *)j->x + x + c;
    for (int64_t r = 0; r < j->inner; r += BLOCK)
        j->ks->transpose(to + r, j->ys[j->across], from + r * j->inner_xs, j->inner_xs, least(BLOCK, j->inner - r),
                         least(BLOCK, columns - c));
}

void layout_copy(const kernel_set *ks, pool *p, int size, int rank, const int64_t *dims, void *y,
                 const int64_t *y_strides, const void *x, const int64_t *x_strides) {
    copy_job j = {
        .ks = ks, .size = size, .across = -1, .y = y, .x = x, .inner = 1, .inner_ys = 1, .inner_xs = 1, .rows = 1};
    for (int d = 0; d < rank; d++)
        if (dims[d] == 0) return;
    copy_sort(&j, rank, dims, y_strides, x_strides);
    copy_join(&j);
    if (j.rank > 0) j.rank--, j.inner = j.dims[j.rank], j.inner_ys = j.ys[j.rank], j.inner_xs = j.xs[j.rank];
    if (size == 4 && j.inner_ys == 1 && j.inner_xs != 1 && j.inner >= 4)
        for (int d = 0; d < j.rank; d++)
            if (j.xs[d] == 1 && j.dims[d] >= 4) j.across = d;
    for (int d = 0; d < j.rank; d++)
        if (d != j.across) j.rows *= j.dims[d];
    if (j.across >= 0) {
        j.pieces = (j.dims[j.across] + BLOCK - 1) / BLOCK;
        pool_run(p, copy_transposes, &j, j.rows * j.pieces);
        return;
    }
    j.piece = least(j.inner, BYTES / size);
    j.pieces = (j.inner + j.piece - 1) / j.piece;
    j.rows_each = (BYTES / size + j.piece - 1) / j.piece;
    pool_run(p, copy_task, &j, (j.rows + j.rows_each - 1) / j.rows_each * j.pieces);
}

typedef struct fill_job {
    float *y, value;
    int64_t n;
} fill_job;

static void fill_task(void *context, int64_t index, int worker) {
    const fill_job *j = context;
    (void)worker;
    int64_t begin = index * (BYTES / 4), end = least(j->n, begin + BYTES / 4);
    for (int64_t i = begin; i < end; i++) j->y[i] = j->value;
}

void layout_fill(pool *p, float *y, float value, int64_t n) {
    pool_run(p, fill_task, &(fill_job){y, value, n}, (n + BYTES / 4 - 1) / (BYTES / 4));
}
