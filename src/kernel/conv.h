/* 2-D convolution of channels-last images, and its two gradients. One trilinear form
 *     T = Σ x[b][p·sh + u·dh − pt][q·sw + v·dw − pl][c] · w[o][c][u][v] · y[b][p][q][o]
 * whose partial derivatives are the forward convolution, the data gradient and the weight gradient; all three are
 * matrix products on the core of gemm, in which only the gathering of panels differs. */
#ifndef KERNEL_CONV_H
#define KERNEL_CONV_H

#include "base/pool.h"
#include "base/window.h"
#include "kernel/epilogue.h"
#include "kernel/kernel.h"

/* Floats from image to image, row to row, pixel to pixel; channels are contiguous. */
typedef struct conv_pitch {
    int64_t image, row, pixel;
} conv_pitch;

enum conv_op { CONV_FORWARD, CONV_DX, CONV_DW };

/* Weights in ONNX order w[oc][ic / groups][kh][kw] are packed for the forward convolution or for the data gradient into
 * so many floats (64-byte aligned). CONV_DW needs none. */
size_t conv_packed_floats(const kernel_set *ks, const conv_shape *s, enum conv_op op);
void conv_pack(const kernel_set *ks, const conv_shape *s, enum conv_op op, const float *w, float *packed, pool *p);

/* Bytes of scratch (64-byte aligned) that one call needs with a pool of so many threads. */
size_t conv_scratch_bytes(const kernel_set *ks, const conv_shape *s, enum conv_op op, int threads);

/* y = f(conv(x, w) + bias + residual). e may be NULL; y must not overlap x or the residual. */
void conv_forward(const kernel_set *ks, const conv_shape *s, const float *x, conv_pitch xp, const float *packed,
                  float *y, conv_pitch yp, const epilogue *e, void *scratch, pool *p);

/* dx = f(Σ dy·w + …): the data gradient, which with an epilogue is also the transposed convolution (s describes the
 * convolution whose gradient it is: its x is the result). Every element of dx is written. */
void conv_dx(const kernel_set *ks, const conv_shape *s, const float *dy, conv_pitch yp, const float *packed, float *dx,
             conv_pitch xp, const epilogue *e, void *scratch, pool *p);

/* dw = Σ x·dy in ONNX order [oc][ic / groups][kh][kw], contiguous; added to what is there if accumulate. */
void conv_dw(const kernel_set *ks, const conv_shape *s, const float *x, conv_pitch xp, const float *dy, conv_pitch yp,
             float *dw, bool accumulate, void *scratch, pool *p);

#endif
