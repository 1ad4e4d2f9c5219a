/* The convolutions' attributes and geometry, for rules and backends. */
#ifndef OP_CONV_H
#define OP_CONV_H

#include "op/window.h"

/* Of Conv, ConvDataGradient and ConvWeightGradient. */
typedef struct conv_attributes {
    window_attributes window;
    int64_t group;
} conv_attributes;

/* x[batch, ic, ih, iw], w[oc, ic/groups, kh, kw], y[batch, oc, oh, ow]. One-dimensional ones have ih = kh = oh = 1. */
typedef struct conv_geometry {
    int64_t batch, ic, ih, iw, oc, oh, ow, kh, kw, sh, sw, pt, pl, pb, pr, dh, dw, groups;
} conv_geometry;

/* Of any of the three operators, once its shapes are inferred. */
conv_geometry conv_geometry_of(const node *n);

#endif
