/* The contents of a classifier's output: logits or probabilities, of classes that exclude each other or not. It is
 * found by following the graph backwards from the output, through every operator that keeps what is asked. */
#ifndef TRAIN_OUTPUT_KIND_H
#define TRAIN_OUTPUT_KIND_H

#include "graph/graph.h"

#define KEY_OUTPUT "stria.output" /* metadata: logits or probabilities, of output 0 */

typedef enum output_relation {
    OUTPUT_EXCLUSIVE,  /* one class is right: probabilities sum to 1, softmax makes them of logits */
    OUTPUT_BINARY,     /* two classes, told apart by one number per picture: class 1's probability or its logit */
    OUTPUT_MULTI_LABEL /* each class has its own probability, the sigmoid of its logit */
} output_relation;

typedef struct output_kind {
    bool probabilities; /* the output holds probabilities; else logits */
    output_relation relation;
    bool certain;  /* false: neither the graph nor the metadata says it; of probabilities: how classes relate */
    value *logits; /* of the graph: as many elements as the output, in its order; NULL: none is seen */
} output_kind;

/* The kind of an output [batch, classes, 1, …]. The metadata of the first output takes precedence over the graph;
 * STRIA_BAD_ARGUMENT where it is neither logits nor probabilities. */
stria_status output_kind_of(const graph *g, value *scores, output_kind *out, stria_error *err);

/* ---- following (output_trace.c) ---- */

typedef enum output_holds {
    HOLDS_UNKNOWN,
    HOLDS_NUMBERS,     /* any real numbers: a product, or what a product became */
    HOLDS_SOFTMAX,     /* probabilities that sum to 1 over a picture's classes, or a part of such */
    HOLDS_HEADS,       /* probabilities, of which several groups sum to 1 each, or some do */
    HOLDS_SIGMOID,     /* probabilities, each by itself */
    HOLDS_LOG_SOFTMAX, /* their logarithms */
    HOLDS_LOG_SIGMOID
} output_holds;

typedef struct output_finding {
    output_holds holds;
    value *logits; /* as in output_kind */
} output_finding;

/* classes: elements of v per picture. Looks at no more than OUTPUT_TRACE_MAX nodes. */
#define OUTPUT_TRACE_MAX 1000
output_finding output_trace(value *v, int64_t classes);

#endif
