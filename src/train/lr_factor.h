/* Factors of the learning rate for some of the weights. */
#ifndef TRAIN_LR_FACTOR_H
#define TRAIN_LR_FACTOR_H

#include "graph/graph.h"

/* A spec is "" or PATTERN=X, several joined by commas; patterns as of weights_match, X above 0 and up to 1e6.
 * STRIA_BAD_ARGUMENT for what is not of that form. */
stria_status lr_factor_check(const char *spec, stria_error *err);
/* STRIA_BAD_ARGUMENT for a pattern that no trained weights of the model match. */
stria_status lr_factor_match(const char *spec, const graph *model, stria_error *err);
/* By value: the factor of the last pattern that matches it, 1 of none. factors[g->value_count]. */
stria_status lr_factors_of(const char *spec, const graph *g, double *factors, stria_error *err);

#endif
