#include "kernel/elements/copy.h"

#include <string.h>

#include "base/sizes.h"

#define BLOCK 64         /* rows and columns of a transposed block: both sides fit the first-level cache */
#define BYTES (64 << 10) /* of a task */
#define SHORT 64         /* bytes of a run below which a call for each is slow */

#define BY_SIZE(size, macro)                                                                                           \
    do {                                                                                                               \
        if ((size) == 1) macro(element1);                                                                              \
        else if ((size) == 2) macro(element2);                                                                         \
        else if ((size) == 4) macro(element4);                                                                         \
        else macro(element8);                                                                                          \
    } while (0)

/* ---- planning ---- */

static int64_t magnitude(int64_t v) {
    return v < 0 ? -v : v;
}

static void dimension_move(copy_box *b, int to, int from) {
    b->dims[to] = b->dims[from], b->ys[to] = b->ys[from], b->xs[to] = b->xs[from];
}

static void dimensions_swap(copy_box *b, int i, int k) {
    int64_t dim = b->dims[i], ys = b->ys[i], xs = b->xs[i];
    dimension_move(b, i, k);
    b->dims[k] = dim, b->ys[k] = ys, b->xs[k] = xs;
}

/* Descending strides of y, so that writes run forward; dimensions of size 1 go. */
static void sort(copy_box *b) {
    int kept = 0;
    for (int d = 0; d < b->rank; d++)
        if (b->dims[d] != 1) dimension_move(b, kept++, d);
    b->rank = kept;
    for (int d = 1; d < kept; d++)
        for (int at = d; at > 0 && magnitude(b->ys[at - 1]) < magnitude(b->ys[at]); at--)
            dimensions_swap(b, at, at - 1);
}

/* Neighbours that are one dimension in both. */
static void join(copy_box *b) {
    int kept = 0;
    for (int d = 0; d < b->rank; d++) {
        bool joins = kept > 0 && b->ys[kept - 1] == b->ys[d] * b->dims[d] && b->xs[kept - 1] == b->xs[d] * b->dims[d];
        int64_t before = joins ? b->dims[--kept] : 1;
        dimension_move(b, kept, d);
        b->dims[kept++] *= before;
    }
    b->rank = kept;
}

/* A matrix to be transposed, of at least 4 × 4. */
static int across_find(const copy_box *b) {
    int inner = b->rank - 1;
    if (b->ys[inner] != 1 || b->xs[inner] == 1 || b->xs[inner] == 0 || b->dims[inner] < 4) return -1;
    for (int d = 0; d < inner; d++)
        if (b->xs[d] == 1 && b->dims[d] >= 4) return d;
    return -1;
}

/* A task is some rows of a piece of the inner dimension; of a transposition, some matrices' pieces across. */
static void cut(copy_box *b) {
    int last = b->rank - 1, along = b->across >= 0 ? b->across : last;
    int64_t inner = b->across >= 0 ? b->dims[last] : 1, most = BYTES / b->size;
    b->rows = 1;
    for (int d = 0; d < last; d++)
        if (d != b->across) b->rows *= b->dims[d];
    int64_t fit = int64_max(most / inner, b->across >= 0 ? BLOCK : 1);
    bool turned = b->across < 0 && b->rank > 1 && magnitude(b->ys[last - 1]) < magnitude(b->ys[last]);
    if (turned) fit = int64_max(most / b->dims[last - 1], 1); /* what is written side by side stays together */
    b->piece = int64_min(b->dims[along], fit);
    b->pieces = ceil_div(b->dims[along], b->piece);
    b->rows_each = int64_max(1, most / (b->piece * inner));
    if (turned) b->rows_each = int64_max(b->rows_each / b->dims[last - 1], 1) * b->dims[last - 1];
    b->tasks = ceil_div(b->rows, b->rows_each) * b->pieces;
}

void copy_plan(copy_box *b) {
    b->tasks = 0;
    b->across = -1;
    for (int d = 0; d < b->rank; d++)
        if (b->dims[d] == 0) return;
    sort(b);
    join(b);
    if (b->rank == 0) b->rank = 1, b->dims[0] = b->ys[0] = b->xs[0] = 1;
    int last = b->rank - 1;
    b->across = across_find(b);
    bool brief = b->dims[last] * b->size < SHORT || (b->xs[last] != 1 && b->dims[last] < 8);
    if (b->across < 0 && last > 0 && brief && b->dims[last - 1] > b->dims[last]) dimensions_swap(b, last, last - 1);
    cut(b);
}

/* ---- running ---- */

typedef struct copy_job {
    const kernel_set *ks;
    const copy_box *box;
    void *const *y, *const *x;
} copy_job;

#define LINE_STRIDED(type)                                                                                             \
    for (int64_t i = 0; i < n; i++) ((type *)y)[i * ys] = ((const type *)x)[i * xs]
#define LINE_FILL(type)                                                                                                \
    for (int64_t i = 0; i < n; i++) ((type *)y)[i] = *(const type *)x

static void line_copy(int size, void *y, int64_t ys, const void *x, int64_t xs, int64_t n) {
    if (ys == 1 && xs == 1) memcpy(y, x, (size_t)(n * size));
    else if (ys == 1 && xs == 0) BY_SIZE(size, LINE_FILL);
    else BY_SIZE(size, LINE_STRIDED);
}

#define TRANSPOSE(type)                                                                                                \
    for (int64_t c = 0; c < columns; c++)                                                                              \
        for (int64_t r = 0; r < rows; r++) ((type *)y)[c * ys + r] = ((const type *)x)[r * xs + c]

static void block_transpose(const kernel_set *ks, int size, void *y, int64_t ys, const void *x, int64_t xs,
                            int64_t rows, int64_t columns) {
    if (size == 4) ks->transpose(y, ys, x, xs, rows, columns);
    else BY_SIZE(size, TRANSPOSE);
}

/* y[c·ys + r] = x[r·xs + c] with r inner and c across; blocks are longer where the other side is short. */
static void matrix_transpose(const kernel_set *ks, const copy_box *b, char *y, const char *x, int64_t columns) {
    int64_t rows = b->dims[b->rank - 1], xs = b->xs[b->rank - 1], ys = b->ys[b->across];
    int64_t wide = rows < BLOCK ? BLOCK * BLOCK / rows : BLOCK,
            high = columns < BLOCK ? BLOCK * BLOCK / columns : BLOCK;
    for (int64_t c = 0; c < columns; c += wide)
        for (int64_t r = 0; r < rows; r += high)
            block_transpose(ks, b->size, y + (c * ys + r) * b->size, ys, x + (r * xs + c) * b->size, xs,
                            int64_min(high, rows - r), int64_min(wide, columns - c));
}

/* Coordinates of a row in the outer dimensions (but `across`), and where it begins. */
typedef struct cursor {
    int64_t at[COPY_RANK], y, x;
} cursor;

static cursor cursor_set(const copy_box *b, int64_t row) {
    cursor c = {.y = b->y_first, .x = b->x_first};
    for (int d = b->rank - 2; d >= 0; d--) {
        if (d == b->across) continue;
        c.at[d] = row % b->dims[d];
        c.y += c.at[d] * b->ys[d];
        c.x += c.at[d] * b->xs[d];
        row /= b->dims[d];
    }
    return c;
}

static void cursor_step(const copy_box *b, cursor *c) {
    for (int d = b->rank - 2; d >= 0; d--) {
        if (d == b->across) continue;
        c->y += b->ys[d], c->x += b->xs[d];
        if (++c->at[d] < b->dims[d]) return;
        c->y -= b->dims[d] * b->ys[d], c->x -= b->dims[d] * b->xs[d];
        c->at[d] = 0;
    }
}

static void box_task(const kernel_set *ks, const copy_box *b, char *y, const char *x, int64_t index) {
    int along = b->across >= 0 ? b->across : b->rank - 1;
    int64_t first = index / b->pieces * b->rows_each, end = int64_min(b->rows, first + b->rows_each);
    int64_t begin = index % b->pieces * b->piece, n = int64_min(b->piece, b->dims[along] - begin);
    cursor c = cursor_set(b, first);
    c.y += begin * b->ys[along], c.x += begin * b->xs[along];
    for (int64_t row = first; row < end; row++, cursor_step(b, &c)) {
        char *to = y + c.y * b->size;
        const char *from = x + c.x * b->size;
        if (b->across >= 0) matrix_transpose(ks, b, to, from, n);
        else line_copy(b->size, to, b->ys[along], from, b->xs[along], n);
    }
}

static void task(void *context, int64_t index, int worker) {
    static const uint64_t zero = 0;
    const copy_job *j = context;
    const copy_box *b = j->box;
    for (; index >= b->tasks; b++) index -= b->tasks;
    box_task(j->ks, b, j->y[b->to], b->from == COPY_ZERO ? (const void *)&zero : j->x[b->from], index);
}

void copy_run(const kernel_set *ks, pool *p, const copy_box *box, int count, void *const *y, void *const *x) {
    int64_t tasks = 0, bytes = 0;
    copy_job j = {ks, box, y, x};
    for (int k = 0; k < count; k++) {
        const copy_box *b = &box[k];
        tasks += b->tasks;
        if (b->tasks) bytes += b->rows * b->dims[b->rank - 1] * (b->across >= 0 ? b->dims[b->across] : 1) * b->size;
    }
    pool_run(bytes < BYTES / 2 ? NULL : p, task, &j, tasks);
}

void copy_once(const kernel_set *ks, pool *p, int size, int rank, const int64_t *dims, void *y,
               const int64_t *y_strides, const void *x, const int64_t *x_strides) {
    copy_box b = {.size = size, .rank = rank};
    for (int d = 0; d < rank; d++) b.dims[d] = dims[d], b.ys[d] = y_strides[d], b.xs[d] = x_strides[d];
    copy_plan(&b);
    copy_run(ks, p, &b, 1, &y, &(void *){(void *)(uintptr_t)x});
}

void copy_fill(const kernel_set *ks, pool *p, int size, void *y, int64_t n, const void *value) {
    copy_once(ks, p, size, 1, &n, y, (int64_t[]){1}, value, (int64_t[]){0});
}
