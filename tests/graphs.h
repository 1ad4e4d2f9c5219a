/* Random graphs of images, matrices and vectors with views, states, updates and optimisers, and their meaning step by
 * step: what sessions and passes must keep. */
#ifndef TESTS_GRAPHS_H
#define TESTS_GRAPHS_H

#include "op/op.h"

/* A seed gives the same graph for ever. Numbers stay near 1, so float32 stays near the reference. */
stria_status random_graph(graph **out, uint64_t seed, stria_error *err);
/* Contents of input i of a graph for one step: what sessions get and the meaning is computed from. */
tensor *step_input(const value *input, uint64_t seed, int step);

/* A graph's meaning: node by node by the reference, updates at the end of each step. */
typedef struct meaning {
    const graph *g;
    tensor **states;   /* by value */
    tensor **contents; /* by value, of the last step */
} meaning;
stria_status meaning_init(meaning *m, const graph *g, stria_error *err);
stria_status meaning_step(meaning *m, uint64_t seed, int step, stria_error *err);
void meaning_release(meaning *m);

#endif
