/* The optimisers' attributes, for rules and backends. */
#ifndef OP_OPTIMIZER_H
#define OP_OPTIMIZER_H

#include "op/op.h"

typedef struct momentum_attributes {
    float alpha;            /* momentum: weight of the old velocity */
    float beta;             /* weight of the gradient after the first step (1 − PyTorch's dampening) */
    float norm_coefficient; /* weight decay */
    const char *mode;       /* standard, nesterov */
} momentum_attributes;

#endif
