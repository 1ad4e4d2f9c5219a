/* What passes may assume about the backend that a graph is made ready for: which storage orders pay there and what
 * fuses. Each backend has one (backend/cpu/target.c); the passes hold no numbers of a machine. */
#ifndef GRAPH_TARGET_H
#define GRAPH_TARGET_H

#include "graph/graph.h"

/* The storage order of a value that holds images. */
typedef enum order { PLAIN, CHANNELS_LAST, BATCH_LAST, ORDERS } order;

typedef struct target {
    const char *name;
    /* What all images of the graph get; PLAIN: product_order chooses for each product. *batch: images at once, 0 where
     * there are none. */
    order (*graph_order)(const graph *g, int64_t *batch);
    /* For a product on images, where graph_order left it open. */
    order (*product_order)(const node *n);
    /* Whether a product on images gains more than two Reorder nodes for it alone cost. */
    bool (*repays)(const node *n);
    /* Whether a kernel of node n applies this activation as it stores; every implementation but the reference may
     * decline otherwise. */
    bool (*fuses)(const node *n, const op_def *activation);
} target;

#endif
