/* Where every value of a program lives: one workspace, laid out by lifetimes. */
#ifndef RUN_PLAN_H
#define RUN_PLAN_H

#include "graph/op_def.h"

#define PLAN_FOREVER INT32_MAX

typedef struct interval {
    int first, last; /* positions in the schedule, both included */
    size_t bytes, offset;
} interval;

typedef struct plan {
    const graph *g;
    const node **order; /* [g->node_count], the schedule */
    int *root;          /* by value: the value whose memory it is */
    interval *values;   /* by value; those of roots that live in the workspace have bytes */
    interval *scratch;  /* by position */
    interval *staging;  /* by update: where next waits until all states may change; bytes 0: not needed */
    bool *copied;       /* by update: state must be copied from next after the run */
    size_t workspace_bytes;
} plan;

/* The order of running: as the graph says, but each update follows as soon as all other readers of its state have run.
 */
stria_status plan_schedule(plan *p, const graph *g, stria_error *err);
/* Decides which values share memory: views, results that overwrite an operand, states that are updated in place. */
stria_status plan_alias(plan *p, stria_error *err);
/* Offsets of all intervals, after scratch bytes were filled in; 64-byte aligned. Largest first, lowest fitting offset.
 */
stria_status plan_place(plan *p, stria_error *err);
void plan_release(plan *p);

#endif
