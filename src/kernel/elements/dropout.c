#include "kernel/elements/dropout.h"

#include "base/sizes.h"

#define TASK (8 << 10) /* elements of a task, about */

typedef struct job {
    const kernel_set *ks;
    const struct dropout *d;
    const dropout_box *box;
    float *y;
    uint8_t *mask;
    const float *x;
    bool quads; /* four rows share their blocks */
    int64_t rows_each, row_blocks, piece, pieces;
} job;

static void task(void *context, int64_t index, int worker) {
    const job *j = context;
    const dropout_box *b = j->box;
    int64_t o = index / j->pieces / j->row_blocks, row = index / j->pieces % j->row_blocks * j->rows_each;
    int64_t begin = index % j->pieces * j->piece, n = int64_min(j->piece, b->inner - begin);
    int64_t end = int64_min(b->rows, row + j->rows_each), by = j->quads ? 4 : 1;
    for (; row < end; row += by) {
        int64_t at = (o * b->rows + row) * b->inner + begin;
        uint64_t first = (uint64_t)(o * b->outer_step + row + begin * b->inner_step), step = (uint64_t)b->inner_step;
        uint8_t *mask = j->mask ? j->mask + at : NULL;
        if (j->quads) j->ks->dropout_rows(j->d, j->y + at, mask, j->x + at, n, b->inner, first, step);
        else j->ks->dropout_line(j->d, j->y + at, mask, j->x + at, n, first, step);
    }
}

void dropout_run(const kernel_set *ks, pool *p, const struct dropout *d, const dropout_box *box, float *y,
                 uint8_t *mask, const float *x) {
    job j = {.ks = ks, .d = d, .box = box, .y = y, .mask = mask, .x = x};
    if (box->outer * box->rows * box->inner == 0) return;
    j.quads = box->rows % 4 == 0 && box->inner_step % 4 == 0 && box->outer_step % 4 == 0;
    j.piece = int64_min(TASK, box->inner);
    j.pieces = ceil_div(box->inner, j.piece);
    j.rows_each = int64_max(4, TASK / j.piece / 4 * 4);
    j.row_blocks = ceil_div(box->rows, j.rows_each);
    pool_run(p, task, &j, box->outer * j.row_blocks * j.pieces);
}
