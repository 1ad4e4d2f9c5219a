/* Which contents of a graph that are known before a run follow from the batch. Where an If is decided by some, its
 * branch is right for one batch only. Dimensions are compared between graphs of several batches; from there on the flow
 * of data decides, since a comparison may come out alike for all of these and otherwise for another. */
#ifndef MODEL_BATCH_TRACE_H
#define MODEL_BATCH_TRACE_H

#include "graph/graph.h"

typedef struct batch_trace {
    const graph *g;
    arena arena;
    uint8_t **mask; /* by value: of each known element, whether it follows from the batch; NULL: none does */
} batch_trace;

/* Begins with nothing that follows from it; g must live as long. */
stria_status batch_trace_new(batch_trace *out, const graph *g, stria_error *err);
/* `other` is the same graph for another batch: what differs follows from it. */
stria_status batch_trace_note(batch_trace *t, const graph *other, stria_error *err);
/* What is computed of such contents follows from the batch, too. */
stria_status batch_trace_spread(batch_trace *t, stria_error *err);
bool batch_trace_depends(const batch_trace *t, const value *v);
void batch_trace_release(batch_trace *t);

/* Metadata of a model of a fixed batch: the conditions by which its Ifs were decided, a line each. */
#define KEY_CONDITIONS "stria.conditions"

#endif
