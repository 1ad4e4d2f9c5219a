/* A graph made ready to run: passes, implementations, memory plan and packed weights, settled once. It holds no tensor
 * that a run writes: sessions run it, each with a workspace and states of its own. Immutable once made, so that any
 * number of sessions may run it concurrently, each in its own thread. Counted: every session of it holds one
 * reference. */
#ifndef RUN_PROGRAM_H
#define RUN_PROGRAM_H

#include "backend/backend.h"
#include "graph/names.h"
#include "run/plan.h"

typedef struct program_config {
    const kernel_set *ks;
    int threads;    /* of the pools that its sessions may have: as many, or 1; 0 is 1 */
    bool optimize;  /* fold and fuse */
    bool reference; /* every node by its reference */
    bool shared;    /* its sessions' states are those of a state_set, which others change between runs */
    bool plan_only; /* settle everything but allocate no memory: for predictions; it has no sessions */
    int skip;       /* this many of the better implementations that accept a node are passed over: for tests */
} program_config;

/* One node as it will run. */
typedef struct program_node {
    const node *node;
    const op_impl *impl;
    const op_impl *const *list; /* that impl was chosen from */
    refusal *refusals;          /* of the implementations before it in `list` */
    int refusal_count;
    void *prepared;       /* by the implementation */
    bool alone;           /* too small for several threads */
    bool pack_always;     /* its weights change: they are packed before each run, into memory of the session */
    size_t packed_bytes;  /* 0: nothing is packed */
    size_t packed_offset; /* in the program's packed weights; with pack_always, in the session's */
} program_node;

typedef struct program {
    graph *g; /* after the passes; constants that are read in packed form only have no contents any more */
    program_config config;
    arena arena;
    plan plan;
    program_node *nodes;         /* [g->node_count], in schedule order */
    name_table *outputs;         /* the graph's outputs by the names that they have there */
    char *packed;                /* weights that do not change between runs */
    size_t packed_bytes;         /* of `packed` */
    size_t own_bytes;            /* of packed weights that each session has for itself */
    int references;              /* atomic */
    struct program_entry *entry; /* where others find it (programs.h); NULL: nowhere */
} program;

/* Copies g. Sentences name its layers. The pool (NULL: none) is used to pack weights, and not kept. */
stria_status program_new(program **out, graph *g, const program_config *config, pool *workers, stria_error *err);
program *program_retain(program *p);
/* The memory that each session writes: its own workspace and packed weights. */
size_t program_run_bytes(const program *p);
void program_release(program *p); /* accepts NULL */

/* The input, the output (by its output name) or the state that has this name; NULL if there is none. */
const value *program_value(const program *p, const char *name);
/* Packs the weights of one node as its implementation wants them. */
void program_pack(const program *p, int position, void *weights, void *packed, pool *workers);

#endif
