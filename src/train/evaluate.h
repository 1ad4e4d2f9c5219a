/* Running a classifier over a dataset. */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include "run/session.h"
#include "train/classifier.h"
#include "train/score.h"

typedef struct evaluator evaluator;

/* Plans sessions for full batches and for a last one that is smaller. states: NULL, or those of a training. The graph
 * and the dataset must outlive it. */
stria_status evaluator_new(evaluator **out, graph *g, const dataset *d, int64_t batch, const session_config *config,
                           stria_error *err);
void evaluator_free(evaluator *e); /* accepts NULL */

/* All images once, in order, into s (score_init by the caller, for evaluator_classes and evaluator_multi_label).
 * progress may be NULL; false stops with STRIA_INTERRUPTED. */
stria_status evaluator_run(evaluator *e, score *s, bool (*progress)(int64_t done, int64_t of, void *context),
                           void *context, stria_error *err);
int64_t evaluator_classes(const evaluator *e);
bool evaluator_multi_label(const evaluator *e); /* for score.multi_label */

#endif
