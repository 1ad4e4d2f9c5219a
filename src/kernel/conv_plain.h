/* Convolution of plain images (ONNX order): neighbouring pixels of an output channel are the vector lanes. Each task
 * lays the rows that it needs out with their padding, so that a tap is a distance from the pixel: the taps of all input
 * channels make one sum. For images whose channels are few, or that would be reordered for this one operator. */
#ifndef KERNEL_CONV_PLAIN_H
#define KERNEL_CONV_PLAIN_H

#include "kernel/conv.h"

/* Weights w[oc][ic / groups][kh][kw] are packed into so many floats. */
size_t conv_plain_packed_floats(const kernel_set *ks, const conv_shape *s);
void conv_plain_pack(const kernel_set *ks, const conv_shape *s, const float *w, float *packed, pool *p);

/* Bytes of scratch (64-byte aligned) that one call needs with a pool of so many threads. */
size_t conv_plain_scratch_bytes(const kernel_set *ks, const conv_shape *s, int threads);

/* y = f(conv(x, w) + bias + residual); all images are contiguous and plain. e may be NULL (its residual_pitch is not
 * looked at); y must not overlap x or the residual. */
void conv_plain_forward(const kernel_set *ks, const conv_shape *s, const float *x, const float *packed, float *y,
                        const epilogue *e, void *scratch, pool *p);

#endif
