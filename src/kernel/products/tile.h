/* The three register tiles that every matrix product and convolution is made of. All hold up to TILE_gemm_mr ×
 * TILE_gemm_nr sums in registers; they differ in how the operands are gathered. Nothing outside the rows and columns
 * named here is read or written, except that B panels of gemm_rows are padded to whole vectors. */
#ifndef KERNEL_PRODUCTS_TILE_H
#define KERNEL_PRODUCTS_TILE_H

#include "kernel/products/epilogue.h"

/* At least gemm_mr and gemm_nr of any instruction set: sizes of buffers. */
#define GEMM_MR_MAX 16
#define GEMM_NR_MAX 32

/* c[i][j] = f(alpha·Σ_t Σ_k a[t][i][k] · b[t·kc + k][j] (+ c[i][j]) + bias + residual): rows of A are given by
 * pointers, so that the pixels of a convolution need no copy. Columns may be many tiles, one after the other. */
typedef struct gemm_rows {
    const float *const *a; /* [taps][TILE_gemm_mr] pointers to kc floats each */
    int64_t taps, kc;
    const float *const *next; /* [next_rows] rows of kc floats, the next rows' A, to bring into the cache */
    int next_rows, next_each; /* of them, with each tile of columns */
    float *const *next_c;     /* NULL, or the next rows' c, to bring into the cache */
    const float *b;           /* row k of column tile j at b + j·b_tile + k·b_step; columns padded to whole vectors */
    int64_t b_step, b_tile;
    int rows;
    int64_t cols;
    float *const *c; /* [rows] */
    int64_t c_col;
    bool accumulate, streams; /* streams: stream.h; c and its columns are of whole lines then */
    float alpha;
    const epilogue *epilogue;     /* NULL: none */
    const float *bias;            /* of these rows and columns: [cols], or [rows] with bias_per_row */
    const float *const *residual; /* [rows]; columns lie as those of c */
} gemm_rows;

/* c[i][j] = Σ_k a[k·a_step + i] · b[b_offset[k] + j] (+ c[i][j]): an outer product per k. Rows of B are padded to
 * whole vectors. */
typedef struct gemm_outer {
    const float *a;
    int64_t a_step;
    const float *b;
    const int64_t *b_offset;
    int64_t k;
    int rows, cols;
    float *c; /* row i at c + i·c_row */
    int64_t c_row;
    bool accumulate;
    const float *ahead; /* what to bring into the cache meanwhile: ahead + k·ahead_step (0: nothing) */
    int64_t ahead_step;
} gemm_outer;

/* c[p][i][j] = Σ_k a[p][i][k] · b[p][k][j] for every point p: many products of one size, too short for the epilogue and
 * the row pointers of gemm_rows. */
typedef struct gemm_points {
    int64_t points, rows, k;
    int64_t cols; /* in whole vectors */
    const float *a;
    int64_t a_point, a_row;
    const float *b; /* of point p at b + p·b_point: [tile of TILE_gemm_nr][k][TILE_gemm_nr] */
    int64_t b_point;
    float *c;
    int64_t c_point, c_row;
} gemm_points;

#endif
