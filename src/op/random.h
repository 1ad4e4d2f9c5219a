/* The random operators' attributes and where their numbers come from, for rules and backends. */
#ifndef OP_RANDOM_H
#define OP_RANDOM_H

#include "base/random.h"
#include "op/op.h"

typedef struct random_attributes {
    ints shape;
    int64_t dtype; /* ONNX's number; 0: as the input's, or float32 */
    float seed, mean, scale, low, high;
} random_attributes;

typedef enum random_kind { RANDOM_NORMAL, RANDOM_UNIFORM, RANDOM_TRUNCATED, RANDOM_BERNOULLI } random_kind;
random_kind random_kind_of(const node *n);

/* Of one run, with the attribute `seed` mixed in. */
random_key random_key_of(const node *n, uint64_t seed, uint64_t step);

#endif
