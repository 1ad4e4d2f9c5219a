/* Elementwise functions of one argument, and their gradients. Of several: map.h. */
#ifndef KERNEL_ELEMENTS_ELEMENTWISE_H
#define KERNEL_ELEMENTS_ELEMENTWISE_H

#include "base/pool.h"
#include "kernel/kernel.h"

/* The rows of unary_list.h: UNARY_relu, UNARY_sigmoid, …; UNARY_identity is 0. */
typedef enum unary_kind {
#define UNARY(name, needs, f, df) UNARY_##name,
#include "kernel/elements/unary_list.h"
#undef UNARY
    UNARY_COUNT
} unary_kind;

/* The operand that unary_gradient needs as its xy: 'x', 'y' or 0 for none (NULL is accepted then). */
char unary_gradient_needs(unary_kind kind);

/* The row's kernel, for those that apply it to pieces of their own. */
void (*unary_kernel(const kernel_set *ks, unary_kind kind))(float *y, const float *x, int64_t n, float a, float b);

/* y[i] = f(x[i]), i < n. y may be x. a and b are the row's parameters (unary_list.h says which; 0 where it has none).
 */
void unary_run(const kernel_set *ks, pool *p, unary_kind kind, float a, float b, float *y, const float *x, int64_t n);
/* dx[i] = dy[i]·f′(xy[i]). dx may be dy or xy. */
void unary_gradient(const kernel_set *ks, pool *p, unary_kind kind, float a, float b, float *dx, const float *dy,
                    const float *xy, int64_t n);

#endif
