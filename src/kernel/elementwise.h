/* Elementwise functions of one argument and broadcasting functions of two. */
#ifndef KERNEL_ELEMENTWISE_H
#define KERNEL_ELEMENTWISE_H

#include "base/pool.h"
#include "kernel/kernel.h"

/* The rows of unary_list.h: UNARY_relu, UNARY_sigmoid, …; UNARY_identity is 0. */
typedef enum unary_kind {
#define UNARY(name, needs, f, df) UNARY_##name,
#include "kernel/unary_list.h"
#undef UNARY
    UNARY_COUNT
} unary_kind;

/* The row's name ("relu"); NULL past the end. */
const char *unary_name(unary_kind kind);
/* What unary_gradient wants as its xy: 'x', 'y' or 0 for nothing (NULL is accepted then). */
char unary_gradient_needs(unary_kind kind);

/* The row's kernel, for those that apply it to pieces of their own. */
void (*unary_kernel(const kernel_set *ks, unary_kind kind))(float *y, const float *x, int64_t n, float a, float b);

/* y[i] = f(x[i]), i < n. y may be x. a and b are the row's parameters (unary_list.h says which; 0 where it has none).
 */
void unary_run(const kernel_set *ks, pool *p, unary_kind kind, float a, float b, float *y, const float *x, int64_t n);
/* dx[i] = dy[i]·f′(xy[i]). dx may be dy or xy. */
void unary_gradient(const kernel_set *ks, pool *p, unary_kind kind, float a, float b, float *dx, const float *dy,
                    const float *xy, int64_t n);

typedef enum binary_kind {
    BINARY_ADD,
    BINARY_SUB,
    BINARY_MUL,
    BINARY_DIV,
    BINARY_MIN, /* NaN where either is NaN, as in NumPy */
    BINARY_MAX,
    BINARY_POW,
    BINARY_COUNT
} binary_kind;

#define ELEMENTWISE_RANK 8

/* y[i] = f(a[i], b[i]) over all indices i of a box of `rank` (0…8) dimensions; strides in elements, 0 where an operand
 * is broadcast. y has no zero strides (except over dimensions of 1), and may be a or b if it has the same strides. */
void binary_run(const kernel_set *ks, pool *p, binary_kind kind, int rank, const int64_t *dims, float *y,
                const int64_t *y_strides, const float *a, const int64_t *a_strides, const float *b,
                const int64_t *b_strides);

/* The common case: three arrays of n. */
void binary_flat(const kernel_set *ks, pool *p, binary_kind kind, float *y, const float *a, const float *b, int64_t n);

/* y[i] += scale·x[i]: gradients that meet. */
void accumulate_run(const kernel_set *ks, pool *p, float *y, const float *x, float scale, int64_t n);

/* True if every x[i] is finite. */
bool finite_check(const kernel_set *ks, pool *p, const float *x, int64_t n);

#endif
