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

/* The shape of any pooling operator or pooling gradient, once its shapes are inferred. A global pooling has one window
 * over the image. */
pool_shape pool_shape_of(const node *n);

#endif
