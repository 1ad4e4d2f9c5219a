/* First weights of a network that are others than its own. */
#ifndef TRAIN_INITIALIZE_H
#define TRAIN_INITIALIZE_H

#include "graph/graph.h"

/* The dimension that counts the units of a weight: that of the results of the first node that reads it. */
int weight_units(const graph *g, const value *w);

/* Draws the weights of convolutions and of products of matrices again, in place, by seed and name: init as of
 * op/init.h. Frozen ones, biases, and parameters of normalisations stay. STRIA_BAD_ARGUMENT for an unknown init, a
 * graph that was trained, or one without such weights. */
stria_status weights_initialize(graph *g, const char *init, uint64_t seed, stria_error *err);

#endif
