/* Reductions over any dimensions of a strided tensor. Sums are pairwise: the error grows with the logarithm of the
 * count. */
#ifndef KERNEL_REDUCE_H
#define KERNEL_REDUCE_H

#include "base/pool.h"
#include "kernel/kernel.h"

#define REDUCE_COLUMNS 64 /* of one call of the column kernel */

typedef enum reduce_kind {
    REDUCE_SUM,
    REDUCE_MEAN,
    REDUCE_SUM_SQUARE,
    REDUCE_SUM_ABS,
    REDUCE_MAX, /* NaN if any is NaN */
    REDUCE_MIN,
    REDUCE_PROD,
    REDUCE_COUNT
} reduce_kind;

/* y[kept index] = reduction of x over the dimensions d with reduced[d]; rank ≤ 8. Strides in elements; y_strides has an
 * entry per dimension of x, ignored where reduced. Over no elements: 0 for sums, NaN for mean, ∓infinity for max/min, 1
 * for prod. */
void reduce_run(const kernel_set *ks, pool *p, reduce_kind kind, int rank, const int64_t *dims, const bool *reduced,
                float *y, const int64_t *y_strides, const float *x, const int64_t *x_strides);

/* y[c] = Σ_r x[r·pitch + c], r < rows, c < columns: a bias gradient in channels-last storage. */
void reduce_rows(const kernel_set *ks, pool *p, float *y, const float *x, int64_t rows, int64_t columns, int64_t pitch);

/* y[r] = Σ_c x[r·pitch + c]: the same in batch-last storage, x[c][h·w·n]. */
void reduce_columns(const kernel_set *ks, pool *p, float *y, const float *x, int64_t rows, int64_t columns,
                    int64_t pitch);

#endif
