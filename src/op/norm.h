/* Shared by the normalisations: attributes, geometry, and their formulas in float64.
 *
 * Each divides x by the deviation of a set of its elements: x̂ = (x − mean) / √(variance + ε), y = x̂ · scale + bias,
 * where mean and variance (the population's) are the set's own, or running ones. What differs is which elements are a
 * set and which share a scale. */
#ifndef OP_NORM_H
#define OP_NORM_H

#include "op/op.h"

typedef struct norm_attributes {
    float epsilon, momentum; /* momentum weighs the old running value */
    int64_t training_mode, axis, num_groups, stash_type;
} norm_attributes;

/* x is [batch][groups][channels][inner] in ONNX's order. A set is one group of one image, or of all images (across).
 * Element (n, g, c, i) has the scale and bias number g·channels + c, or c if all groups share them. */
typedef struct norm_geometry {
    int64_t batch, groups, channels, inner;
    bool across, shared;
    bool centred; /* else the mean counts as 0: root mean squares */
    double epsilon;
} norm_geometry;

/* Of a normalisation (x is input 0) or of its gradient (x is input 1), once the shapes are inferred. */
norm_geometry norm_geometry_of(const node *n);
int64_t norm_sets(const norm_geometry *g);
int64_t norm_channels(const shape *x);         /* of [batch, channels, …]; 1 of [batch] */
int64_t norm_set_size(const norm_geometry *g); /* elements of one set */
int64_t norm_parameters(const norm_geometry *g);
/* Batch normalisation whose mean and variance are not x's own but inputs (evaluation, or frozen when training). */
bool norm_given_statistics(const node *n);

/* ---- shape rules ---- */

/* Input i is float and [channels], or absent where it may be. */
stria_status norm_vector_check(const node *n, int i, const char *what, int64_t channels, stria_error *err);
/* Of the gradients (dy, x, scale, …): dx like x, dscale and dbias like scale. */
stria_status norm_gradient_infer(node *n, stria_error *err);
op_cost norm_cost(const node *n);

/* ---- gradient rules ---- */

/* op's node over (dy, x, scale, mean, variance), the last two as they are there: dx[0…2]. */
void norm_build_gradient(builder *b, const node *n, const op_def *op, value *const *in, int count, const bool *wanted,
                         value **dx);
/* dx + (dmean + 2·dvariance·(x − mean)) / m: what reaches x through its moments (over m elements, of shapes that
 * broadcast over x). NULL: zero. */
value *norm_build_through_moments(builder *b, value *dx, value *x, value *mean, value *dmean, value *dvariance,
                                  int64_t m);

/* ---- references: arrays as the geometry says; scale NULL: 1, bias NULL: 0 ---- */

void norm_ref_moments(const norm_geometry *g, const double *x, double *mean, double *variance);
void norm_ref_apply(const norm_geometry *g, double *y, const double *x, const double *mean, const double *variance,
                    const double *scale, const double *bias);
/* dx, dscale, dbias may be NULL. given: mean and variance do not depend on x. */
stria_status norm_ref_backward(const norm_geometry *g, bool given, const double *dy, const double *x,
                               const double *mean, const double *variance, const double *scale, double *dx,
                               double *dscale, double *dbias, stria_error *err);
/* The moments in memory of their own: mean [sets], then variance [sets]. */
stria_status norm_ref_moments_new(const norm_geometry *g, const double *x, double **mean, stria_error *err);
/* y of instance and group normalisation, and of the gradients of all but batch normalisation. */
op_reference norm_reference, norm_gradient_reference;

#endif
