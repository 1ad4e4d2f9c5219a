/* Matrix product of float32 matrices with any strides: C[m×n] = f(alpha·A[m×k]·B[k×n] (+ C) + bias + residual).
 * The order of every sum depends on the shapes and strides only, never on the number of threads. */
#ifndef KERNEL_PRODUCTS_GEMM_H
#define KERNEL_PRODUCTS_GEMM_H

#include "base/pool.h"
#include "kernel/kernel.h"
#include "kernel/products/epilogue.h"
#include "kernel/products/sweep.h"

/* Element (i, j) of a matrix is data[i·row + j·col]; a transposed matrix has the two strides swapped. C is fastest with
 * col = 1, and as fast with row = 1 (the operands are swapped inside). */
typedef struct gemm_shape {
    int64_t m, n, k; /* any of them may be 0 */
    int64_t a_row, a_col, b_row, b_col, c_row, c_col;
    float alpha;
    bool accumulate;
    bool b_packed; /* B is constant: gemm_pack packs it, and gemm_run gets it packed */
} gemm_shape;

/* How a product is computed: follows from its shape alone. */
typedef struct gemm_plan {
    const kernel_set *ks;
    gemm_shape s; /* after the operands were swapped, if they were */
    bool swapped; /* Cᵀ = Bᵀ·Aᵀ is computed */
    bool packs;   /* B in every run */
    int64_t splits;
    size_t pack_floats, partial_floats;
    sweep_plan sweep;
    size_t packed_floats; /* of a constant B (64-byte aligned) */
    size_t scratch_bytes; /* of a run (64-byte aligned) */
} gemm_plan;

/* For runs with this many threads at most. */
gemm_plan gemm_plan_make(const kernel_set *ks, const gemm_shape *s, int threads);

/* Packs a constant B: once, for many products. */
void gemm_pack(const gemm_plan *p, const float *b, float *packed, pool *workers);

/* b is packed if the shape says so; c must not overlap a or b. e and workers may be NULL. */
void gemm_run(const gemm_plan *p, const float *a, const float *b, float *c, const epilogue *e, void *scratch,
              pool *workers);

#endif
