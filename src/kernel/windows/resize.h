/* Separable resampling: each output is a weighted sum of a few inputs, along rows and then along columns. */
#ifndef KERNEL_WINDOWS_RESIZE_H
#define KERNEL_WINDOWS_RESIZE_H

#include "base/pool.h"
#include "kernel/kernel.h"

/* Along one dimension, y[q] = Σ weight · x[index] over count[q] taps, those of q from q·taps on (by_tap: tap t of q is
 * at t·out + q, and all of them are there, with weight 0 where need be). index NULL: it stays as it is. A count of 0
 * gives the value for what is outside. */
typedef struct resize_table {
    int64_t in, out, taps;
    const int32_t *index, *count;
    const float *weight;
    bool by_tap, holes; /* holes: some count is 0 */
} resize_table;

/* x[outer][rows.in][columns.in][inner] → y[outer][rows.out][columns.out][inner]. columns are by_tap if inner is 1. */
typedef struct resize_pass {
    int64_t outer, inner;
    resize_table rows, columns;
    float outside;
} resize_pass;

/* Floats of scratch for each thread of the pool. */
int64_t resize_scratch(const resize_pass *s);
void resize_run(const kernel_set *ks, pool *p, const resize_pass *s, float *y, const float *x, float *scratch);

#endif
