/* Depthwise convolution of channels-last images: a channel of the result sees one channel of the input
 * (groups = ic, oc = multiplier · ic). Channels are the lanes; nothing is gathered. Its functions are those of conv.h,
 * of the same form and meaning. */
#ifndef KERNEL_CONV_DEPTHWISE_H
#define KERNEL_CONV_DEPTHWISE_H

#include "kernel/conv.h"

/* ic / groups is 1, and there is more than one group. */
bool conv_is_depthwise(const conv_shape *s);

size_t depthwise_packed_floats(const kernel_set *ks, const conv_shape *s, enum conv_op op);
void depthwise_pack(const kernel_set *ks, const conv_shape *s, enum conv_op op, const float *w, float *packed);
size_t depthwise_scratch_bytes(const kernel_set *ks, const conv_shape *s, enum conv_op op);

void depthwise_forward(const kernel_set *ks, const conv_shape *s, const float *x, conv_pitch xp, const float *packed,
                       float *y, conv_pitch yp, const epilogue *e, void *scratch, pool *p);
void depthwise_dx(const kernel_set *ks, const conv_shape *s, const float *dy, conv_pitch yp, const float *packed,
                  float *dx, conv_pitch xp, const epilogue *e, void *scratch, pool *p);
/* dw is written. */
void depthwise_dw(const kernel_set *ks, const conv_shape *s, const float *x, conv_pitch xp, const float *dy,
                  conv_pitch yp, float *dw, void *scratch, pool *p);

#endif
