/* Parameter updates: one pass over parameter, state and gradient. */
#ifndef KERNEL_OPTIMIZER_H
#define KERNEL_OPTIMIZER_H

#include "base/pool.h"
#include "kernel/kernel.h"

/* ONNX ai.onnx.preview.training.Momentum; PyTorch's SGD with dampening 1 − beta:
 *   g' = norm_coefficient·x + g;  v = alpha·v + beta·g';  x −= lr·v, or with nesterov x −= lr·(g' + alpha·v)
 * beta is the effective one (ONNX: 1 at the first step, T = 0). */
typedef struct momentum_options {
    float lr, alpha, beta, norm_coefficient;
    bool nesterov;
} momentum_options;

/* x and v are updated in place. Elements whose gradient is not finite keep their x and v. Returns false if there was
 * one. */
bool momentum_update(const kernel_set *ks, pool *p, const momentum_options *o, float *x, float *v, const float *g,
                     int64_t n);

#endif
