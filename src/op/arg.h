/* Attributes of the operators that search along one dimension, for rules and backends. */
#ifndef OP_ARG_H
#define OP_ARG_H

#include "op/op.h"

/* The geometry of ArgMax and ArgMin. */
typedef struct arg_attributes {
    int64_t axis, keepdims, select_last_index;
} arg_attributes;

/* The geometry of TopK and its gradient; k is input 1. */
typedef struct topk_attributes {
    int64_t axis, largest, sorted;
} topk_attributes;

/* The dimension that an ArgMax, ArgMin, Hardmax, TopK or TopKGradient searches, once its shapes are inferred. */
int arg_axis_of(const node *n);

#endif
