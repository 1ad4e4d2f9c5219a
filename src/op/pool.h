/* The poolings' attributes and geometry, for rules and backends. */
#ifndef OP_POOL_H
#define OP_POOL_H

#include "op/window.h"

/* Of MaxPool, AveragePool, LpPool, GlobalLpPool and their gradients. */
typedef struct pool_attributes {
    window_attributes window;
    int64_t storage_order;     /* MaxPool */
    int64_t count_include_pad; /* AveragePool */
    int64_t p;                 /* of the norm */
    int64_t sum;               /* AveragePoolGradient: it adds up and doesn't divide */
} pool_attributes;

/* x[batch, channels, ih, iw] → y[batch, channels, oh, ow]. One-dimensional ones have ih = kh = oh = 1; a global pooling
 * has one window over the image. */
typedef struct pool_geometry {
    int64_t batch, channels, ih, iw, oh, ow, kh, kw, sh, sw, pt, pl, pb, pr, dh, dw;
    int64_t p;        /* of norms, and 1 for gradients that add up; else 0 */
    bool include_pad; /* averages divide by the padding that a window covers, too */
} pool_geometry;

/* Of any pooling operator or pooling gradient, once its shapes are inferred. */
pool_geometry pool_geometry_of(const node *n);

#endif
