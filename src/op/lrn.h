/* Local response normalisation's and Lp normalisation's attributes, for rules and backends. */
#ifndef OP_LRN_H
#define OP_LRN_H

#include "op/op.h"

typedef struct lrn_attributes {
    float alpha, beta, bias;
    int64_t size;
} lrn_attributes;

/* Channel c is divided by what channels c − before … c + after hold. */
typedef struct lrn_geometry {
    int64_t batch, channels, inner, before, after;
} lrn_geometry;
lrn_geometry lrn_geometry_of(const node *n);

typedef struct lp_attributes {
    int64_t axis, p;
} lp_attributes;

#endif
