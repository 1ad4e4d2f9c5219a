/* The properties that passes may assume about the backend that a graph is prepared for: which storage orders pay off
 * there and what fuses. Each backend has one (backend/cpu/target.c); the passes hold no numbers of a machine. */
#ifndef GRAPH_TARGET_H
#define GRAPH_TARGET_H

#include "graph/graph.h"

/* The storage order of a value that holds images. */
typedef enum order { PLAIN, CHANNELS_LAST, BATCH_LAST, ORDERS } order;

typedef struct target {
    const char *name;
    /* The storage order for all images of the graph; PLAIN: product_order chooses for each product. *batch: images per
     * run, 0 if there are none. */
    order (*graph_order)(const graph *g, int64_t *batch);
    /* For a product on images, where graph_order left it open. */
    order (*product_order)(const node *n);
    /* Returns true if a product on images gains more than the two Reorder nodes for it cost. */
    bool (*repays)(const node *n);
    /* Returns true if a kernel of node n applies this activation when it stores; otherwise every implementation but the
     * reference may refuse the node. */
    bool (*fuses)(const node *n, const op_def *activation);
} target;

#endif
