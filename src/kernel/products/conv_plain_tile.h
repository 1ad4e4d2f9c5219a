/* The kernels that convolutions of plain images need in addition to the product tile of tile.h. */
#ifndef KERNEL_PRODUCTS_CONV_PLAIN_TILE_H
#define KERNEL_PRODUCTS_CONV_PLAIN_TILE_H

#include "kernel/products/epilogue.h"

#define PIXELS_BEYOND 128 /* floats after the last pixel that whole vectors may read */

/* y[i·plane + j] = f(sums[i·pitch + j] + bias[i] + residual[i·plane + j]) for rows i and n pixels j of them. */
typedef struct pixels_sums {
    const float *sums;
    int64_t pitch, rows, n, plane;
    float *y;
    const float *bias, *residual; /* NULL: none */
    const epilogue *epilogue;     /* NULL: none; its bias and residual are not looked at */
} pixels_sums;

/* Rows of pixels of the only output channel of a group, as in a depthwise convolution: for rows i and pixels j of n
 *     y[i·y_row + j] = f(Σ_k w[k·w_step] · x[i·x_row + distance[k] + j] + bias + residual[i·y_row + j])
 * Whole vectors of x are read. */
typedef struct pixels_rows {
    const float *w, *x;
    int64_t w_step, k, rows, n, x_row;
    const int64_t *distance;
    float *y;
    int64_t y_row;
    float bias;
    const float *residual;    /* NULL: none */
    const epilogue *epilogue; /* NULL: none; its bias and residual are not looked at */
} pixels_rows;

#endif
