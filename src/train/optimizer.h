/* Optimisers as rows of one table: an operator, the states that it keeps for each parameter, and the keys that a spec
 * may set, which are attributes of the operator. */
#ifndef TRAIN_OPTIMIZER_H
#define TRAIN_OPTIMIZER_H

#include "graph/graph.h"

#define OPTIMIZER_STANDARD "sgd:momentum=0.9"
#define OPTIMIZER_KEYS     5 /* at most, of one optimiser */

/* A parsed spec, for example "sgd:momentum=0.9,nesterov=1" or "adam:beta1=0.8". */
typedef struct optimizer {
    const struct optimizer_row *row;
    double setting[OPTIMIZER_KEYS]; /* parallel to the row's keys */
} optimizer;

/* STRIA_BAD_ARGUMENT for unknown names, with the nearest, and for numbers out of range. */
stria_status optimizer_parse(const char *spec, optimizer *out, stria_error *err);

/* The i-th optimiser's name; NULL past the last. */
const char *optimizer_name(int i);

/* Shared by all updates of a step. */
typedef struct update_inputs {
    value *rate;  /* float32 scalar */
    value *count; /* int64 scalar: steps done before this one */
} update_inputs;

/* Appends the update of the parameter x by its gradient dx: the optimiser's node, its states (zeros at first, or the
 * setting `initial`, named "state/PARAMETER/STATE") and the bindings of x and of the states. weight_decay applies to
 * tensors of two or more dimensions: neither biases nor scales decay. *finite: whether all of dx is finite, a bool. */
stria_status optimizer_append(graph *g, const optimizer *o, const update_inputs *inputs, value *x, value *dx,
                              double weight_decay, value **finite, stria_error *err);

#endif
