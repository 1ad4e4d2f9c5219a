/* Normalisation by neighbouring channels (LRN) and by the length of rows (Lp). x is stored as [outer][channels][inner];
 * inner 1: channels are contiguous. */
#ifndef KERNEL_ROWS_LRN_H
#define KERNEL_ROWS_LRN_H

#include "base/pool.h"
#include "kernel/kernel.h"

/* With s_c = bias + alpha · Σ x² over channels c − before … c + after that there are: */
typedef struct lrn_options {
    int64_t outer, channels, inner, before, after;
    float alpha, beta, bias;
} lrn_options;

/* y = x · s^−beta */
void lrn_run(const kernel_set *ks, pool *p, const lrn_options *o, float *y, const float *x);
/* dx_c = dy_c·s_c^−beta − 2·alpha·beta · x_c · Σ dy_j·x_j·s_j^(−beta−1) over the j whose windows hold c. scratch: as
 * many floats as x has. */
void lrn_gradient(const kernel_set *ks, pool *p, const lrn_options *o, float *dx, const float *dy, const float *x,
                  float *scratch);

/* y = x / ‖x‖ along the channels, ‖x‖ = Σ |x| (power 1) or √(Σ x²) (2); 0 where it is 0. scratch: outer·inner floats.
 */
void lp_run(const kernel_set *ks, pool *p, int power, int64_t outer, int64_t channels, int64_t inner, float *y,
            const float *x, float *scratch);

#endif
