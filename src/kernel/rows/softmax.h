/* Softmax along one axis, and the cross-entropy of logits, for classes contiguous and for batch contiguous. */
#ifndef KERNEL_ROWS_SOFTMAX_H
#define KERNEL_ROWS_SOFTMAX_H

#include "base/pool.h"
#include "kernel/kernel.h"

/* Images of one call of a column kernel. */
#define SOFTMAX_IMAGES 64

/* A tensor [outer][classes][inner], contiguous: softmax runs over classes. inner == 1: classes contiguous. */
/* y = softmax(x), or its logarithm. y may be x. */
void softmax_run(const kernel_set *ks, pool *p, bool logarithm, float *y, const float *x, int64_t outer,
                 int64_t classes, int64_t inner);
/* From y: dx = y·(dy − Σ dy·y); for the logarithm dx = dy − exp(y)·Σ dy. dx may be dy. */
void softmax_gradient(const kernel_set *ks, pool *p, bool logarithm, float *dx, const float *dy, const float *y,
                      int64_t outer, int64_t classes, int64_t inner);

/* x holds batch·inner images of `classes` logits as [batch][classes][inner]; labels and losses are [batch][inner].
 * Classes contiguous: inner = 1. Batch last ([classes][batch]): batch = 1, inner = the batch. */
typedef struct cross_entropy_result {
    double sum;      /* Σ loss over the counted images, in index order */
    int64_t counted; /* images whose label is not ignored */
    int64_t bad;     /* index of the first label out of range, or −1; its loss is 0 and it is not counted */
} cross_entropy_result;

/* losses[i] = log Σ_c exp(x_c) − x_label; 0 where the label is `ignored` (INT64_MIN: none is). */
cross_entropy_result cross_entropy_run(const kernel_set *ks, pool *p, float *losses, const float *x,
                                       const int64_t *labels, int64_t ignored, int64_t batch, int64_t classes,
                                       int64_t inner);
/* dx = (softmax(x) − onehot(label))·scale; 0 where the label is ignored or out of range. dx may be x.
 * scales: one factor per image that multiplies scale, or NULL. */
void cross_entropy_gradient(const kernel_set *ks, pool *p, float *dx, const float *x, const int64_t *labels,
                            int64_t ignored, float scale, const float *scales, int64_t batch, int64_t classes,
                            int64_t inner);

#endif
