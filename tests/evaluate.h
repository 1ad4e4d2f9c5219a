/* Runs a graph node by node by the reference rules. */
#ifndef TESTS_EVALUATE_H
#define TESTS_EVALUATE_H

#include "graph/graph.h"

/* contents[id of a value] is set by the caller for graph inputs, and for whatever else shall not be computed; the
 * others are filled: constants and states retained, nodes' outputs new. Runs the nodes 0…last (last −1: all). */
stria_status graph_evaluate(const graph *g, tensor **contents, int last, stria_error *err);

/* g->value_count NULLs, and their release. */
tensor **contents_new(const graph *g);
void contents_free(const graph *g, tensor **contents);

#endif
