/* Convolution in batch-last storage, x[ic][ih][iw][n] and y[oc][oh][ow][n]: every lane is an image, so it runs at full
 * width where channels are few. Weights are in ONNX order, w[oc][ic/groups][kh][kw], contiguous. */
#ifndef KERNEL_CONV_BATCH_H
#define KERNEL_CONV_BATCH_H

#include "base/pool.h"
#include "kernel/conv.h"
#include "kernel/elementwise.h"

/* Floats between neighbours; images are contiguous. Zero-initialised means contiguous. */
typedef struct batch_pitch {
    int64_t channel, row, column;
} batch_pitch;

/* Floats of scratch (64-byte aligned) that each of the three needs with this many threads. */
int64_t conv_batch_forward_scratch(const kernel_set *ks, const conv_shape *s, int threads);
int64_t conv_batch_data_scratch(const kernel_set *ks, const conv_shape *s, int threads);
int64_t conv_batch_weight_scratch(const kernel_set *ks, const conv_shape *s, int threads);

/* y = activation(conv(x, w) + b); b may be NULL. */
void conv_batch_forward(const kernel_set *ks, pool *p, const conv_shape *s, float *y, batch_pitch y_pitch,
                        const float *x, batch_pitch x_pitch, const float *w, const float *b, unary_kind activation,
                        float alpha, float beta, float *scratch);
/* dx (all of it is written) = conv's gradient by x. */
void conv_batch_data(const kernel_set *ks, pool *p, const conv_shape *s, float *dx, batch_pitch x_pitch,
                     const float *dy, batch_pitch y_pitch, const float *w, float *scratch);
/* dw = conv's gradient by w; db[oc] = Σ dy, or NULL. */
void conv_batch_weight(const kernel_set *ks, pool *p, const conv_shape *s, float *dw, float *db, const float *x,
                       batch_pitch x_pitch, const float *dy, batch_pitch y_pitch, float *scratch);

#endif
