/* Reductions over any dimensions of a strided tensor. Sums are pairwise: the error grows with the logarithm of the
 * count. */
#ifndef KERNEL_ROWS_REDUCE_H
#define KERNEL_ROWS_REDUCE_H

#include "base/pool.h"
#include "kernel/kernel.h"

#define REDUCE_COLUMNS 64 /* of one call of the column kernel */

typedef enum reduce_kind {
    REDUCE_SUM,
    REDUCE_SUM_SQUARE,
    REDUCE_SUM_ABS,
    REDUCE_SUM_EXP, /* of the kernels only: Σ e^(x − shift) */
    REDUCE_MAX,     /* NaN if any is NaN */
    REDUCE_MIN,
    REDUCE_PROD,
    REDUCE_MEAN, /* from here on made of those above */
    REDUCE_NORM, /* √Σ x² */
    REDUCE_LOG_SUM,
    REDUCE_LOG_SUM_EXP, /* never overflows: the greatest is taken off before and put back after */
    REDUCE_COUNT
} reduce_kind;

/* y[kept index] = reduction of x over the dimensions d with reduced[d]; rank ≤ 8. Strides in elements; y_strides has an
 * entry per dimension of x, ignored where reduced. Over no elements: 0 for sums and the norm, NaN for mean, ∓infinity
 * for max/min, 1 for prod, −infinity for the logarithms. */
void reduce_run(const kernel_set *ks, pool *p, reduce_kind kind, int rank, const int64_t *dims, const bool *reduced,
                float *y, const int64_t *y_strides, const float *x, const int64_t *x_strides);

#endif
