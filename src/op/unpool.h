/* Max unpooling's geometry, for rules and backends. */
#ifndef OP_UNPOOL_H
#define OP_UNPOOL_H

#include "op/window.h"

/* Indices count in [planes, fh, fw]; the result is [planes, oh, ow] (one-dimensional ones have fh = oh = 1). */
typedef struct unpool_geometry {
    int64_t planes, fh, fw, oh, ow;
} unpool_geometry;

/* Of a MaxUnpool or its gradient, once its shapes are inferred. */
unpool_geometry unpool_geometry_of(const node *n);

/* Fails with STRIA_BAD_VALUE if one of the indices points nowhere. */
stria_status unpool_check(const int64_t *indices, int64_t count, const unpool_geometry *g, stria_error *err);

#endif
