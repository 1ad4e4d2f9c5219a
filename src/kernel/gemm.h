/* Matrix product of float32 matrices with any strides: C[m×n] = f(alpha·A[m×k]·B[k×n] (+ C) + bias + residual).
 * The order of every sum depends on the shapes and strides only, never on the number of threads. */
#ifndef KERNEL_GEMM_H
#define KERNEL_GEMM_H

#include "base/pool.h"
#include "kernel/epilogue.h"
#include "kernel/kernel.h"

/* Element (i, j) of a matrix is data[i·row + j·col]; a transposed matrix has the two strides swapped. C is fastest with
 * col = 1, and as fast with row = 1 (the operands are swapped inside). */
typedef struct gemm_args {
    int64_t m, n, k; /* any of them may be 0 */
    const float *a;
    int64_t a_row, a_col;
    const float *b;
    int64_t b_row, b_col;
    const float *a_packed; /* NULL, or Aᵀ as packed by gemm_pack_b: then a is not read */
    const float *b_packed; /* NULL, or B as packed by gemm_pack_b: then b is not read. At most one of the two */
    float *c;              /* must not overlap A or B */
    int64_t c_row, c_col;
    float alpha;
    bool accumulate;
    const epilogue *epilogue; /* NULL: none */
} gemm_args;

/* Bytes of scratch (64-byte aligned) that gemm_run needs with a pool of so many threads. Looks at no data. */
size_t gemm_scratch_bytes(const kernel_set *ks, const gemm_args *g, int threads);

/* pool may be NULL. threads of gemm_scratch_bytes ≥ pool_threads(p). */
void gemm_run(const kernel_set *ks, const gemm_args *g, void *scratch, pool *p);

/* Constant operands: pack once, multiply often. The packed array is 64-byte aligned, of so many floats. */
size_t gemm_packed_b_floats(const kernel_set *ks, int64_t k, int64_t n);
void gemm_pack_b(const kernel_set *ks, int64_t k, int64_t n, const float *b, int64_t b_row, int64_t b_col,
                 float *packed, pool *p);

#endif
