/* Moving elements: strided copies of boxes, planned once, run by any number of threads. A permutation, a slice, a piece
 * of a concatenation, padding, a repetition (stride 0 of x) and a reversal (negative stride of x) are all this copy
 * with other strides. */
#ifndef KERNEL_ELEMENTS_COPY_H
#define KERNEL_ELEMENTS_COPY_H

#include "base/pool.h"
#include "kernel/kernel.h"

/* Elements that are only moved, whatever they mean. */
typedef uint8_t element1;
typedef uint16_t element2 __attribute__((may_alias));
typedef uint32_t element4 __attribute__((may_alias));
typedef uint64_t element8 __attribute__((may_alias));

#define COPY_RANK 16 /* dimensions of a box before neighbours are joined */

#define COPY_ZERO -1 /* as copy_box.from: an element of zeros, for boxes whose strides of x are 0 */

/* y[y_first + Σ i·ys] = x[x_first + Σ i·xs] for all indices of a box; elements of `size` bytes (1, 2, 4 or 8), strides
 * counted in elements. After copy_plan the dimensions stand in the order of y's strides, joined where they can be. */
typedef struct copy_box {
    int size, rank, to, from; /* which of the tensors that copy_run gets */
    int64_t dims[COPY_RANK], ys[COPY_RANK], xs[COPY_RANK], y_first, x_first;
    int across;                                    /* a dimension in which x is contiguous and y is not, −1: none */
    int64_t rows, rows_each, piece, pieces, tasks; /* how the work is cut */
} copy_box;

/* Plans a box whose size, rank, dims, strides and firsts are set. A size of 0 makes a box without work. */
void copy_plan(copy_box *box);

/* Copies all boxes, each from x[from] to y[to]. Nothing that is written may overlap anything else. */
void copy_run(const kernel_set *ks, pool *p, const copy_box *box, int count, void *const *y, void *const *x);

/* Plans and copies one box. */
void copy_once(const kernel_set *ks, pool *p, int size, int rank, const int64_t *dims, void *y,
               const int64_t *y_strides, const void *x, const int64_t *x_strides);

/* y[0 … n−1] = the element at `value`. */
void copy_fill(const kernel_set *ks, pool *p, int size, void *y, int64_t n, const void *value);

#endif
