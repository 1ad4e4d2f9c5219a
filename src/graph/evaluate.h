/* Runs one node by its reference rule on dense tensors in ONNX order. */
#ifndef GRAPH_EVALUATE_H
#define GRAPH_EVALUATE_H

#include "graph/op_def.h"

typedef struct evaluate_random {
    uint64_t seed, step;
} evaluate_random;

/* in[i], out[i]: dense contents of the node's own inputs and outputs, of their types (NULL where absent). Epilogues are
 * not run. Allocates double or int64 copies while it runs; the only failures are STRIA_NO_MEMORY and the rule's own. */
stria_status node_evaluate(const node *n, const void *const *in, void *const *out, evaluate_random random,
                           stria_error *err);

/* The same with new tensors, named like the outputs, for results[out_count]; on failure all are NULL. */
stria_status node_evaluate_new(const node *n, const void *const *in, tensor **results, stria_error *err);

#endif
