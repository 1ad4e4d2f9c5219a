/* The arguments that conv_depthwise.c passes to the kernels of products/conv_depthwise.inc: one row of results, all or
 * a range of its channels. Tap (u, v) of result q reads the input at row + u·move_h, column + q·step + v·move_w;
 * outside the input it reads nothing. */
#ifndef KERNEL_PRODUCTS_CONV_DEPTHWISE_TILE_H
#define KERNEL_PRODUCTS_CONV_DEPTHWISE_TILE_H

#include "kernel/products/epilogue.h"

struct depthwise_window {
    int64_t columns, channels;              /* of the results */
    const float *x;                         /* the image's first pixel */
    int64_t ih, iw, x_row, x_pixel;         /* its size, and pitches in floats */
    int64_t row, column, step;              /* columns from result to result */
    int64_t taps_h, taps_w, move_h, move_w; /* move_h, move_w may be negative */
};

/* y[q][c] = f(Σ_planes Σ_uv x[…][c] · w[plane][u][v][c] + bias[c] + residual[q][c]). In groups of more than one channel
 * (a divisor of the vector's lanes), plane i has channel i of c's group of x in place of c. */
struct depthwise_row {
    struct depthwise_window window;
    int64_t planes, x_plane; /* how many inputs are summed, and floats from one to the next */
    int64_t group;           /* channels of a group; 1: depthwise */
    const float *w;          /* [channels / lanes][plane][u][v][lanes] */
    float *y;
    int64_t y_step; /* from result to result, in the residual too */
    const float *bias, *residual;
    const epilogue *epilogue; /* NULL: none */
};

/* dw[u][v][c] += Σ_q dy[q][c] · x[…][c] */
struct depthwise_weight {
    struct depthwise_window window;
    const float *dy;
    int64_t dy_step;
    float *dw; /* [channels / lanes][u][v][lanes] */
};

#endif
