/* Transfer: a trained network's weights, its frozen part, and a new classifier in place of its own. */
#ifndef TRAIN_TRANSFER_H
#define TRAIN_TRANSFER_H

#include "base/text.h"
#include "graph/graph.h"

/* The classifier's last product with weights: a Conv, Gemm or MatMul. */
typedef struct last_product {
    node *product;
    bool maximum; /* positions are joined after it by their maximum, not by their mean */
} last_product;

/* STRIA_UNSUPPORTED where the way from the output back leads to no product of one value. */
stria_status last_product_find(graph *g, last_product *out, stria_error *err);

/* A copy whose last product is a new one for `classes` classes, named head.weight (normal, 0.01, by the
 * seed) and head.bias; what came after it is gone but for the pooling of positions: output 0, "logits", is [batch,
 * classes]. Auxiliary heads, other outputs and the old classes' names go too. */
stria_status head_replace(graph *g, int64_t classes, uint64_t seed, graph **out, stria_error *err);

/* Freezes parameters and statistics in place:
 *   all-but-head   all but those of the last product and of what is after it
 *   until:NAME     those that the layer or value NAME is computed from, with its own
 *   none           nothing is frozen any more
 *   GLOB[,GLOB…]   those whose name, or the name of a layer that reads them, matches: "conv*", "layer?.*.bn*"
 * STRIA_BAD_ARGUMENT where nothing is meant. *count: parameters that are frozen now. */
stria_status weights_freeze(graph *g, const char *what, int64_t *count, stria_error *err);

/* Marks the weights whose name, or the name of a layer that reads them, matches the pattern ("conv*");
 * marked[value_count]. Whether there are any. */
bool weights_match(const graph *g, const char *pattern, bool *marked);

/* Contents of g's parameters, statistics and other float variables become those of `from` that have their name and
 * shape; the preprocessing comes along where g says nothing of its own. A sentence about what was taken, and what not,
 * is appended to `report`. STRIA_BAD_ARGUMENT where nothing fits. */
stria_status weights_take(graph *g, const graph *from, text *report, stria_error *err);

#endif
