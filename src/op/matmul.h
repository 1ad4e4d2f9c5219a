/* The matrix products' attributes and geometry, for rules and backends. */
#ifndef OP_MATMUL_H
#define OP_MATMUL_H

#include "op/op.h"

typedef struct gemm_attributes {
    float alpha, beta;
    int64_t transA, transB;
} gemm_attributes;

/* A batch of products y[m, n] = a[m, k] · b[k, n]: of MatMul and Gemm. Strides count elements of dense row-major
 * tensors; a transposed operand has its row and column strides exchanged. A dimension that repeats in the batch has
 * stride 0. */
typedef struct product_geometry {
    int64_t m, n, k;
    int64_t a_row, a_column, b_row, b_column;
    shape batch; /* dimensions of y before the matrix; y itself is dense */
    int64_t a_batch[RANK_MAX], b_batch[RANK_MAX];
} product_geometry;

/* Of NumPy's matmul of these shapes, and the shape of its result. */
stria_status matmul_geometry(product_geometry *p, const shape *a, const shape *b, stria_error *err);
shape matmul_shape(const product_geometry *p, const shape *a, const shape *b);
/* Once the shapes are inferred. */
product_geometry product_geometry_of(const node *n);

#endif
