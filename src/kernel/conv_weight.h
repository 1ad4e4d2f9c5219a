/* Scratch of conv_dw (conv_weight.c). */
#ifndef KERNEL_CONV_WEIGHT_H
#define KERNEL_CONV_WEIGHT_H

#include "kernel/conv.h"

size_t conv_weight_scratch_bytes(const kernel_set *ks, const conv_shape *s, int threads);

#endif
