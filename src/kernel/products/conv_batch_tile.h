/* The arguments that conv_batch.c passes to the kernels of products/conv_batch.inc: a few vectors of images of one
 * packed piece of the input. */
#ifndef KERNEL_PRODUCTS_CONV_BATCH_TILE_H
#define KERNEL_PRODUCTS_CONV_BATCH_TILE_H

#include "base/window.h"
#include "kernel/products/epilogue.h"

/* The copies [vector][channels][rows][columns][lanes] of a tensor's window, zero outside of the tensor and beyond the
 * images. */
struct batch_pack {
    float *out;
    int64_t out_vector;                         /* floats from a vector's copy to the next one's */
    int64_t channels, rows, columns;            /* of the copy */
    int64_t row, column;                        /* of the tensor where the copy begins; may be negative */
    const float *x;                             /* the tensor: channel 0, row 0, column 0, the first image */
    int64_t ih, iw, x_channel, x_row, x_column; /* its size and pitches in floats */
    int64_t images;                             /* any number: the last vector may be partly filled */
    bool interleaved;                           /* a copy is [rows][columns][channels][lanes] instead */
};

/* y[o][r][c] = f(b[o] + Σ_t w[o][t] · x[offsets[t] + r·x_row + c·x_column] + residual[o][r][c]), all of them vectors
 * but b and w. Taps are ordered [v.taps][h.taps][depth]. Those that meet nothing but padding are skipped, by the axes
 * along the height (v) and the width (h): output (r, c) meets the input at rows row + r·v.step + u·v.move. */
struct batch_conv {
    float *y;
    const float *residual;              /* NULL: none; it lies as y does */
    int64_t y_channel, y_row, y_column; /* pitches in floats */
    int64_t channels, rows, images;     /* columns: h.count */
    const float *x;                     /* packed */
    int64_t x_vector, x_row, x_column;
    const int64_t *offsets;
    int64_t depth, row;
    window_axis v, h;
    /* Channels are dealt (share_begin) to tiles of batch_oc at most; per tile [taps][tile], tiles one after another */
    const float *w;
    const float *b;           /* NULL: none */
    const epilogue *epilogue; /* NULL: none; its bias and residual are not looked at */
};

/* dw[o][t] += Σ over r, c and lanes of dy[r][c][o] · x[offsets[t] + r·x_row + c·x_column], o < channels (one tile) */
struct batch_weight {
    float *dw;
    int64_t channels, rows, columns;
    const float *dy; /* packed, interleaved */
    const float *x;  /* packed */
    int64_t x_row, x_column;
    const int64_t *offsets;
    int64_t taps;
};

#endif
