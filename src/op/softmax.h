/* Softmax's geometry, for rules and backends. */
#ifndef OP_SOFTMAX_H
#define OP_SOFTMAX_H

#include "op/shape.h" /* axis_attributes */

/* Element (o, c, r) of x is at (o·classes + c)·inner + r; sums run over c. */
typedef struct softmax_geometry {
    int64_t outer, classes, inner;
} softmax_geometry;

/* Of Softmax, LogSoftmax or their gradients, once the shapes are inferred. */
softmax_geometry softmax_geometry_of(const node *n);

#endif
