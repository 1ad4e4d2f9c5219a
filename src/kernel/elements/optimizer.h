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

/* Adam (Kingma and Ba, ICLR 2015), AdamW (Loshchilov and Hutter, ICLR 2019) and NAdam (Dozat, 2016; look is 0 of the
 * others):
 *   g' = decay·x + g;  m = beta1·m + share1·g';  v = beta2·v + share2·g'²;
 *   x = keep·x − (lr·m + look·g') / (√v·root + epsilon)
 * lr, look and root hold the corrections of the first steps. */
typedef struct adam_options {
    float keep, decay, beta1, share1, beta2, share2, lr, root, epsilon, look;
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

/* SGD as Keras has it: v = alpha·v − lr·g;  x = keep·x + v, or with nesterov x = keep·x + alpha·v − lr·g */
typedef struct velocity_options {
    float lr, alpha, keep;
    bool nesterov;
} velocity_options;
bool velocity_update(const kernel_set *ks, pool *p, const velocity_options *o, float *x, float *v, const float *g,
                     int64_t n);

/* Lion (Chen et al., 2023): x = keep·x − lr·sign(beta1·m + share1·g);  m = beta2·m + share2·g */
typedef struct lion_options {
    float lr, keep, beta1, share1, beta2, share2;
} lion_options;
bool lion_update(const kernel_set *ks, pool *p, const lion_options *o, float *x, float *m, const float *g, int64_t n);

/* Adadelta (Zeiler, 2012): g' = decay·x + g;  h = rho·h + share·g'²;  d = √(s + epsilon) / √(h + epsilon)·g';
 *   s = rho·s + share·d²;  x −= lr·d */
typedef struct adadelta_options {
    float decay, lr, rho, share, epsilon;
} adadelta_options;
bool adadelta_update(const kernel_set *ks, pool *p, const adadelta_options *o, float *x, float *h, float *s,
                     const float *g, int64_t n);

/* FTRL-Proximal (McMahan et al., KDD 2013): g' = decay·x + g;  z += g' − (√(h + g'²) − √h)·inverse·x;  h += g'²;
 *   x = (clip(z, −l1, l1) − z) / ((√h + beta)·inverse + l2); inverse: of the rate, l2 twice the penalty's factor */
typedef struct ftrl_options {
    float decay, inverse, l1, l2, beta;
} ftrl_options;
bool ftrl_update(const kernel_set *ks, pool *p, const ftrl_options *o, float *x, float *h, float *z, const float *g,
                 int64_t n);

/* LAMB (You et al., ICLR 2020): m = beta1·m + share1·g;  v = beta2·v + share2·g²;
 *   u = first·m / (√v·root + epsilon) + decay·x;  x −= step·u, step = lr·‖x‖/‖u‖, or lr where a norm is 0.
 * Two passes: norms of x and u, then the step, which `step` takes from them. sums: 2·lamb_sums(n) doubles. */
typedef struct lamb_options {
    float lr, beta1, share1, beta2, share2, first, root, epsilon, decay, step;
} lamb_options;
int64_t lamb_sums(int64_t n);
bool lamb_update(const kernel_set *ks, pool *p, const lamb_options *o, float *x, float *m, float *v, const float *g,
                 int64_t n, double *sums);

#endif
