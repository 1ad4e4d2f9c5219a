/* Where along one dimension the greatest or least elements are: ArgMax, ArgMin, Hardmax, TopK, of strided tensors. */
#ifndef KERNEL_ROWS_ARG_H
#define KERNEL_ROWS_ARG_H

#include "base/pool.h"
#include "kernel/kernel.h"

#define ARG_COLUMNS 64 /* of one call of the column kernel */

/* Strides in elements; `axis`, of 1 … INT32_MAX elements, is the dimension that is searched. y's stride of it matters
 * only where the result has that dimension. */
typedef struct arg_shape {
    int rank, axis; /* rank ≤ 8 */
    int64_t dims[8], x[8], y[8];
    bool least, last; /* the least instead of the greatest; the last of equal ones instead of the first */
} arg_shape;

/* y = the index. The first (last) NaN wins. */
void arg_run(const kernel_set *ks, pool *p, const arg_shape *s, int64_t *y, const float *x);

/* y has x's shape: 1 at the index, else 0. */
void arg_hard(const kernel_set *ks, pool *p, const arg_shape *s, float *y, const float *x);

/* The k greatest (least) in order, equal ones by index; NaN counts as greatest. values and indices have y's strides.
 * scratch: k numbers for each of the pool's threads. */
void arg_top(pool *p, const arg_shape *s, int64_t k, float *values, int64_t *indices, const float *x, int64_t *scratch);

/* dx = dy where arg_top's indices point, else 0: dx has x's strides, dy and the indices y's. */
void arg_top_gradient(pool *p, const arg_shape *s, int64_t k, float *dx, const float *dy, const int64_t *indices);

#endif
