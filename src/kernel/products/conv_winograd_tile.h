/* What Winograd's convolution asks of the instruction set besides the product tile of tile.h: the transforms of tiles
 * of m × m results, m = 2 or 4, each from (m + 2)² inputs. */
#ifndef KERNEL_PRODUCTS_CONV_WINOGRAD_TILE_H
#define KERNEL_PRODUCTS_CONV_WINOGRAD_TILE_H

#include "kernel/products/epilogue.h"

#define WINOGRAD_SIDE_MAX   6 /* m + 2 */
#define WINOGRAD_POINTS_MAX (WINOGRAD_SIDE_MAX * WINOGRAD_SIDE_MAX)

/* v = Bᵀ·x·B for every channel of one tile. */
typedef struct winograd_input {
    int m;
    const float *const *x; /* [(m + 2)²] pixels, row by row, of `channels` floats */
    int64_t channels;
    float *v; /* [(m + 2)²][channels], v_step apart */
    int64_t v_step;
} winograd_input;

/* y = f(Aᵀ·sums·A + bias + residual) for every channel of one tile. */
typedef struct winograd_output {
    int m;
    const float *sums; /* [(m + 2)²][channels], sums_step apart, padded to whole vectors */
    int64_t sums_step, channels;
    int rows, columns; /* of the m × m results, those that the image has */
    float *y;
    int64_t y_row, y_pixel;
    const float *bias, *residual; /* NULL: none; the residual lies as y does */
    const epilogue *epilogue;     /* NULL: none; its bias and residual are not looked at */
} winograd_output;

#endif
