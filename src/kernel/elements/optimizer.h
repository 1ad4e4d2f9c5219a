/* Parameter updates: one pass over parameter, states and gradient. x and the states are updated in place. An element
 * whose gradient is not finite keeps its parameter and states; the result is false if there was one. */
#ifndef KERNEL_ELEMENTS_OPTIMIZER_H
#define KERNEL_ELEMENTS_OPTIMIZER_H

#include "base/pool.h"
#include "kernel/kernel.h"

/* ONNX ai.onnx.preview.training.Momentum; PyTorch's SGD with dampening 1 − beta:
 *   g' = norm_coefficient·x + g;  v = alpha·v + beta·g';  x −= lr·v, or with nesterov x −= lr·(g' + alpha·v)
 * beta is the effective one (ONNX: 1 at the first step, T = 0). */
typedef struct momentum_options {
    float lr, alpha, beta, norm_coefficient;
    bool nesterov;
} momentum_options;
bool momentum_update(const kernel_set *ks, pool *p, const momentum_options *o, float *x, float *v, const float *g,
                     int64_t n);

/* Adam (Kingma and Ba, ICLR 2015) and AdamW (Loshchilov and Hutter, ICLR 2019):
 *   g' = decay·x + g;  m = beta1·m + share1·g';  v = beta2·v + share2·g'²;  x = keep·x − lr·m / (√v·root + epsilon)
 * lr and root hold the corrections of the first steps. */
typedef struct adam_options {
    float keep, decay, beta1, share1, beta2, share2, lr, root, epsilon;
} adam_options;
bool adam_update(const kernel_set *ks, pool *p, const adam_options *o, float *x, float *m, float *v, const float *g,
                 int64_t n);

/* RMSProp (Hinton, 2012) and Adagrad (Duchi, Hazan, Singer, JMLR 2011):
 *   g' = decay·x + g;  h = keep·h + share·g'²;  x −= lr·g' / (√h + epsilon) */
typedef struct square_options {
    float decay, keep, share, lr, epsilon;
} square_options;
bool square_update(const kernel_set *ks, pool *p, const square_options *o, float *x, float *h, const float *g,
                   int64_t n);

#endif
