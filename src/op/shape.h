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
    int64_t to;             /* a dtype */
    int64_t saturate;       /* the rest is of 8-bit floats (graph/float8.h) */
    const char *round_mode; /* "up", "down", "nearest"; NULL: "up" */
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

typedef struct split_attributes {
    int64_t axis, num_outputs; /* 0: as many as the node has */
} split_attributes;

/* How long output i of a Split is along the axis, whether it is there or not, once its shapes are inferred. */
int64_t split_size(const node *n, int i);

typedef struct pad_attributes { /* Pad, PadGradient */
    const char *mode;           /* constant, reflect, edge, wrap */
} pad_attributes;

typedef struct filled_attributes { /* ConstantOfShape */
    tensor *value;                 /* one element; none: the float32 0 */
} filled_attributes;

typedef struct depth_attributes { /* DepthToSpace, SpaceToDepth */
    int64_t blocksize;
    const char *mode; /* DCR: the block stands before the channels, CRD: after them */
} depth_attributes;

/* Along each dimension of a Slice's input: where it starts, how far it steps. */
typedef struct slice_geometry {
    int64_t start[RANK_MAX], step[RANK_MAX];
} slice_geometry;
slice_geometry slice_geometry_of(const node *n);

typedef enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP } pad_mode;

/* Along dimension d of a Pad: y[i] is x[pad_source(…)], or the value where that is −1. Negative pads crop. */
typedef struct pad_geometry {
    pad_mode mode;
    int64_t before[RANK_MAX], after[RANK_MAX];
} pad_geometry;
/* Of a Pad or PadGradient, once its shapes are inferred. */
pad_geometry pad_geometry_of(const node *n);
/* Which of the `size` entries of x's dimension d is entry i of y's; −1: none. */
int64_t pad_source(const pad_geometry *g, int d, int64_t size, int64_t i);
/* How many entries of y from i on come from x's entries `step` (−1, 0 or 1) apart, or all from the value; 1 or more,
 * and may reach beyond y. Takes the same time for any size. */
int64_t pad_run(const pad_geometry *g, int d, int64_t size, int64_t i, int64_t *step);

#endif
