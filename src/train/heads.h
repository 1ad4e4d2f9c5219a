/* Auxiliary heads: outputs that only training has, as GoogLeNet's two classifiers on the way. */
#ifndef TRAIN_HEADS_H
#define TRAIN_HEADS_H

#include "graph/graph.h"

/* Metadata: the names of these outputs with commas between. */
#define HEADS_KEY "stria.auxiliary"

/* A copy without them, without what only they need, and without the loss of its recipe, which speaks of them. A graph
 * that has none is copied as it is. */
stria_status heads_drop(graph *g, graph **out, stria_error *err);

#endif
