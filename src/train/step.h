/* A whole training step as one graph: forward, loss, backward, update. */
#ifndef TRAIN_STEP_H
#define TRAIN_STEP_H

#include "base/text.h"
#include "train/goal.h"
#include "train/optimizer.h"
#include "train/options.h"

/* Names of the step's inputs and outputs; the image keeps the model's own. */
#define STEP_TARGET                                                                                                    \
    "stria.target" /* what outputs should be, as the goal has it: of classes int64 [batch], or their shares float32    \
                      [batch, classes] */
#define STEP_LR     "stria.lr"     /* float32 scalar */
#define STEP_COUNT  "stria.step"   /* int64 scalar: steps done before this one */
#define STEP_LOSS   "stria.loss"   /* float32 scalar */
#define STEP_FINITE "stria.finite" /* bool scalar, an output: every gradient is finite */
#define STEP_APPLY  "stria.apply"  /* bool scalar: the gradients gathered so far become an update (recipe.accumulate) */

/* The loss of a step, and its optimisation. */
typedef struct recipe {
    const goal *goal;
    const double *class_weights; /* of the model's classes; NULL: all 1 */
    const char *loss;            /* train/loss.h */
    optimizer optimizer;
    const char *lr_factor; /* train/lr_factor.h; NULL: none */
    double weight_decay;   /* L2 */
    double clip_norm;      /* of all gradients together; 0: unlimited */
    double clip_value;     /* of each element of a gradient; 0: unlimited */
    double l1;             /* penalty: l1·Σ|w| over the weights */
    double max_norm;       /* of the weights of each unit after the update; 0: unlimited */
    int64_t accumulate;    /* runs whose gradients are averaged for one update; below 2: each makes its own */
    bool shares;           /* labels are shares of classes, not one class each */
    bool recompute;        /* results of the forward part, instead of keeping them for the gradients */
    bool norms;            /* the gradients' norms are outputs, too: train/norms.h */
    double average;        /* of the weights, kept beside them: weight of the old average; 0: none */
} recipe;

/* From checked options, whose texts the recipe points to. */
stria_status recipe_of(const stria_train_options *options, recipe *out, stria_error *err);
/* The recipe of the default options; model NULL: for a classifier. */
recipe recipe_standard(const graph *model);

/* From a model's graph: copies it for this batch, appends the loss, differentiates by every parameter that is not
 * frozen, lets the gradient steps change the gradients, and appends the optimiser's update for each. Outputs:
 * STEP_LOSS, goal.output and STEP_FINITE. With recipe.accumulate, parameters and the optimiser's states change in
 * runs with STEP_APPLY only, and STEP_COUNT counts those. */
stria_status step_graph(graph *g, int64_t batch, const recipe *r, graph **out, stria_error *err);

/* "state/PARAMETER/average": the moving average of its values. */
void step_average_name(text *out, const char *parameter);

typedef struct step_memory {
    int64_t parameters, frozen, buffers;                       /* elements */
    uint64_t parameter_bytes, optimizer_bytes, gradient_bytes; /* gradients: of parameters, if all were held together */
} step_memory;

step_memory step_memory_of(const graph *step);

#endif
