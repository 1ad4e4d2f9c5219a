/* The loss operators' attributes, for rules and backends. */
#ifndef OP_LOSS_H
#define OP_LOSS_H

#include "op/op.h"

#define NO_IGNORE_INDEX INT64_MIN

typedef struct loss_attributes {
    int64_t ignore_index;  /* NO_IGNORE_INDEX: none */
    const char *reduction; /* none, mean, sum */
} loss_attributes;

/* scores[batch, classes, inner…]: element (b, c, r) is at (b·classes + c)·inner + r, its label at b·inner + r. */
typedef struct loss_geometry {
    int64_t batch, classes, inner;
    bool mean, none;
} loss_geometry;

/* Of SoftmaxCrossEntropyLoss or its gradient, once the shapes are inferred. */
loss_geometry loss_geometry_of(const node *n);

#endif
