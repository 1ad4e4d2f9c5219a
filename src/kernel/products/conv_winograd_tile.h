/* The kernels that Winograd's convolution needs in addition to the product tile of tile.h: the transforms of tiles of m
 * × m results, each from side² inputs, side = m + r − 1 for windows of r × r: F(2, 3), F(4, 3) and F(2, 5). */
#ifndef KERNEL_PRODUCTS_CONV_WINOGRAD_TILE_H
#define KERNEL_PRODUCTS_CONV_WINOGRAD_TILE_H

#include "kernel/products/epilogue.h"

#define WINOGRAD_SIDE_MAX   6
#define WINOGRAD_POINTS_MAX (WINOGRAD_SIDE_MAX * WINOGRAD_SIDE_MAX)

/* v = Bᵀ·x·B for every channel of one tile. */
typedef struct winograd_input {
    int side;
    const float *const *x; /* [side²] pixels, row by row, of `channels` floats */
    int64_t channels;
    float *v; /* [side²][channels], v_step apart */
    int64_t v_step;
} winograd_input;

/* y = f(Aᵀ·sums·A + bias + residual) for every channel of one tile. */
typedef struct winograd_output {
    int m, side;
    const float *sums; /* [side²][channels], sums_step apart, padded to whole vectors */
    int64_t sums_step, channels;
    int rows, columns; /* of the m × m results, those that the image has */
    float *y;
    int64_t y_row, y_pixel;
    bool streams;                 /* stream.h; y and its pixels are of whole lines then */
    const float *bias, *residual; /* NULL: none; the residual lies as y does */
    const epilogue *epilogue;     /* NULL: none; its bias and residual are not looked at */
} winograd_output;

#endif
