/* Attributes of the operators that move, pick or convert elements, for rules and backends. */
#ifndef OP_SHAPE_H
#define OP_SHAPE_H

#include "op/op.h"

typedef struct flatten_attributes {
    int64_t axis;
} flatten_attributes;

typedef struct reshape_attributes {
    int64_t allowzero;
} reshape_attributes;

typedef struct transpose_attributes {
    ints perm; /* none: reversed */
} transpose_attributes;

typedef struct axis_attributes { /* Concat, Gather, Softmax, LogSoftmax */
    int64_t axis;
} axis_attributes;

typedef struct shape_attributes {
    int64_t start, end;
} shape_attributes;

typedef struct cast_attributes {
    int64_t to;       /* a dtype */
    int64_t saturate; /* of 8-bit floats, which are refused */
} cast_attributes;

typedef struct constant_attributes { /* the first that is set is the contents */
    tensor *value;
    ints value_ints;
    floats value_floats;
    int64_t value_int; /* INT64_MIN: not set */
    float value_float;
} constant_attributes;

typedef struct expand_attributes { /* ExpandTo */
    int64_t mean;                  /* divides by how often an element is repeated: the gradient of a mean */
} expand_attributes;

/* Along each dimension of a Slice's input: where it starts, how far it steps. */
typedef struct slice_geometry {
    int64_t start[RANK_MAX], step[RANK_MAX];
} slice_geometry;
slice_geometry slice_geometry_of(const node *n);

#endif
