/* Resize's attributes and its weights along each dimension, for rules and backends. */
#ifndef OP_RESIZE_H
#define OP_RESIZE_H

#include "op/op.h"

/* Of Resize and its gradient. */
typedef struct resize_attributes {
    int64_t antialias, exclude_outside;
    ints axes; /* none: all */
    const char *coordinate_transformation_mode, *mode, *nearest_mode, *keep_aspect_ratio_policy;
    float cubic_coeff_a, extrapolation_value;
} resize_attributes;

typedef enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC } resize_mode;

/* Where in x position q of y lies. */
typedef enum resize_coordinates {
    RESIZE_HALF_PIXEL,           /* (q + ½) / scale − ½ */
    RESIZE_HALF_PIXEL_SYMMETRIC, /* the same, and the centres of x and of the in · scale elements are one */
    RESIZE_PYTORCH_HALF_PIXEL,   /* the same as half_pixel, but 0 if y has one element */
    RESIZE_TF_HALF_PIXEL_FOR_NN, /* (q + ½) / scale */
    RESIZE_ALIGN_CORNERS,        /* q · (in − 1) / (out − 1) */
    RESIZE_ASYMMETRIC,           /* q / scale */
    RESIZE_TF_CROP_AND_RESIZE    /* align_corners from `from` to `to` of x; outside of x is the extrapolation value */
} resize_coordinates;

typedef enum resize_rounding {
    RESIZE_ROUND_PREFER_FLOOR,
    RESIZE_ROUND_PREFER_CEIL,
    RESIZE_FLOOR,
    RESIZE_CEIL
} resize_rounding;

typedef struct resize_axis {
    int64_t in, out;
    double scale, from, to;
} resize_axis;

typedef struct resize_geometry {
    int rank;
    resize_axis axis[RANK_MAX];
    resize_mode mode;
    resize_coordinates coordinates;
    resize_rounding rounding;
    double cubic, outside;
    bool antialias, exclude_outside;
} resize_geometry;

/* Of a Resize or its gradient, from x to y, once its shapes are inferred. */
resize_geometry resize_geometry_of(const node *n);

/* The dimension stays as it is. */
bool resize_keeps(const resize_geometry *g, int d);
/* Elements of x that one of y may read along dimension d, at most. */
int64_t resize_taps_most(const resize_geometry *g, int d);
/* Position q of y is outside of the crop: the extrapolation value, of no taps. */
bool resize_outside(const resize_geometry *g, int d, int64_t q);
/* Along dimension d, y[q] = Σ weight[t] · x[index[t]], t < the result. */
int64_t resize_taps(const resize_geometry *g, int d, int64_t q, int64_t *index, double *weight);

#endif
