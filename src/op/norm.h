/* Normalisation's attributes, for rules and backends. */
#ifndef OP_NORM_H
#define OP_NORM_H

#include "op/op.h"

typedef struct norm_attributes {
    float epsilon, momentum;
    int64_t training_mode;
} norm_attributes;

#endif
