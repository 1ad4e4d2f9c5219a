/* Where the first value that is not finite appears in a training step, in the user's own names. */
#ifndef TRAIN_DIVERGENCE_H
#define TRAIN_DIVERGENCE_H

#include "base/error.h"
#include "graph/graph.h"

/* A session_watch's context, for one run. */
typedef struct divergence {
    const graph *model, *step; /* the user's, and the step's program that runs */
    bool backward;             /* the first gradient has been computed */
} divergence;

/* Fails with STRIA_NOT_FINITE and a sentence about the user's layer, the loss, or a parameter's gradient or update.
 * What is only computed from gradients, such as their norms, may overflow where they are finite; it is passed over. */
stria_status divergence_watch(void *context, const node *n, void *const *memory, stria_error *err);

#endif
