/* Shared by the losses, for rules and backends. Losses of scores against labels: SoftmaxCrossEntropyLoss (loss.c),
 * NegativeLogLikelihoodLoss (loss_nll.c), and in domain "stria" CrossEntropyLoss (loss_soft.c) and HingeLoss
 * (loss_margin.c). Losses of two tensors, elementwise, stand in loss_regression.c. */
#ifndef OP_LOSS_H
#define OP_LOSS_H

#include "op/op.h"

#define NO_IGNORE_INDEX INT64_MIN
#define NO_IGNORE_TEXT  "-9223372036854775808"

/* The beginning of the attributes of every loss of scores. */
typedef struct loss_attributes {
    int64_t ignore_index;  /* NO_IGNORE_INDEX: none */
    const char *reduction; /* none, mean, sum */
} loss_attributes;

typedef struct cross_entropy_attributes {
    loss_attributes labels;
    float label_smoothing;
} cross_entropy_attributes;

typedef struct hinge_attributes {
    loss_attributes labels;
    float margin;
    int64_t squared;  /* of the violation: 0 or 1 */
    const char *over; /* the wrong classes: "sum" (Weston–Watkins) or "max" (Crammer–Singer) */
} hinge_attributes;

/* scores[batch, classes, inner…]: element (b, c, r) is at (b·classes + c)·inner + r, its label at b·inner + r. */
typedef struct loss_geometry {
    int64_t batch, classes, inner;
    bool mean, none;
} loss_geometry;

/* Of a loss of scores or its gradient, once the shapes are inferred. */
loss_geometry loss_geometry_of(const node *n);
/* Which input holds the scores: 0, of a gradient 1. Labels and class weights follow. */
int loss_scores_of(const node *n);

/* ---- rules ---- */

stria_status loss_reduction_check(const char *reduction, bool batchmean, stria_error *err);
/* Of (scores, labels, weights?) → loss, and of the gradients (dloss, scores, labels, weights?) → dscores. */
op_infer loss_infer;
op_cost_rule loss_cost;
/* dscores by the operator `op`, which takes dloss and then the loss's own inputs; labels and class weights are data. */
stria_status loss_gradient_by(const op_def *op, graph *g, const node *n, value *const *dy, const bool *wanted,
                              value **dx, stria_error *err);

/* One position as a reference sees it: scores and targets are `inner` apart. */
typedef struct loss_row {
    const double *scores, *targets, *weights; /* targets: of soft labels, else NULL; weights: of classes, or NULL */
    int64_t classes, inner, label;
    bool ignored;
    double weight; /* of the label; 1 for soft labels, 0 if it is ignored */
    const void *attributes;
} loss_row;
/* The loss of one position and, if ds is given, its derivatives by the scores (`inner` apart, zero before). */
typedef double loss_row_rule(const loss_row *r, double *ds);

stria_status loss_reference_by(loss_row_rule *rule, const ref_call *c, stria_error *err);
stria_status loss_reference_gradient_by(loss_row_rule *rule, const ref_call *c, stria_error *err);

/* max + log Σ exp(s − max) over the classes of one position. */
double loss_log_sum(const double *s, int64_t classes, int64_t inner);

/* ---- losses of two tensors ---- */

typedef struct pair_attributes {
    const char *reduction; /* none, mean, sum, batchmean (Σ / the first dimension) */
    float scale;           /* the loss times it */
    float delta;           /* of Huber */
    int64_t smooth;        /* Huber / delta: smooth L1 */
    int64_t log_target;    /* of Kullback–Leibler: the target is a logarithm too */
    int64_t of;            /* of gradients: by input 0 or 1 */
} pair_attributes;

typedef enum pair_kind { PAIR_SQUARED, PAIR_ABSOLUTE, PAIR_HUBER, PAIR_BINARY, PAIR_KL, PAIR_KL_LOG } pair_kind;

/* The computation of a node of loss_regression.c: kind, whether it is the gradient, the factor of its sum. */
typedef struct pair_geometry {
    pair_kind kind;
    bool gradient, none;
    double factor; /* scale, over how many elements the mean is */
    double delta;
} pair_geometry;
pair_geometry pair_geometry_of(const node *n);

#endif
