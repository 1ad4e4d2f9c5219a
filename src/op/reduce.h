/* The reductions' attributes, for rules and backends. */
#ifndef OP_REDUCE_H
#define OP_REDUCE_H

#include "op/op.h"

/* Of every Reduce…; the axes are input 1. */
typedef struct reduce_attributes {
    int64_t keepdims, noop_with_empty_axes;
} reduce_attributes;

/* The axes that a reduction is over, once its shapes are inferred. */
void reduce_axes_of(const node *n, bool axis[RANK_MAX]);

#endif
