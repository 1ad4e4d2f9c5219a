/* A graph made ready to run: passes, kernels and memory settled once; then run as often as one likes, allocating
 * nothing. */
#ifndef RUN_SESSION_H
#define RUN_SESSION_H

#include "backend/backend.h"
#include "graph/graph.h"

/* States by name, shared by the programs of one training. Counted references; not thread-safe. */
typedef struct state_set {
    const char **names;
    tensor **tensors;
    int count, capacity, name_capacity;
    arena arena;
} state_set;

void state_set_release(state_set *s);
tensor *state_set_find(const state_set *s, const char *name); /* NULL if there is none */
/* Retains t; replaces one of the same name. */
stria_status state_set_put(state_set *s, const char *name, tensor *t, stria_error *err);
/* Copies of all states of g that the set does not have yet. */
stria_status state_set_add_graph(state_set *s, const graph *g, stria_error *err);

typedef struct session_config {
    const kernel_set *ks;
    pool *pool;        /* retained; NULL: one thread */
    bool optimize;     /* fold and fuse */
    bool reference;    /* every node by its reference */
    int skip;          /* of the implementations that accept a node, so many better ones are passed over: for tests */
    bool profile;      /* time every node */
    bool plan_only;    /* settle everything but allocate no memory: for predictions; it cannot run */
    uint64_t seed;     /* of random operators */
    state_set *states; /* NULL: the graph's own contents; those that the graph updates are copied */
} session_config;

typedef struct session session;

/* One node as it will run. */
typedef struct program_node {
    const node *node;
    const op_impl *impl;
    refusal *refusals; /* of the implementations before it in `list` */
    const op_impl *const *list;
    int refusal_count;
    impl_call call;
    bool pack_always;
    uint64_t nanoseconds; /* of the last run, when profiling */
} program_node;

/* Copies g. Sentences name its layers. */
stria_status session_new(session **out, graph *g, const session_config *config, stria_error *err);
void session_free(session *s); /* accepts NULL */

stria_status session_run(session *s, stria_error *err);
/* The same, looking at every node's results: fails with STRIA_NOT_FINITE and the first layer and tensor that hold a NaN
 * or an infinity. */
stria_status session_run_checked(session *s, stria_error *err);
void session_step_set(session *s, uint64_t step); /* for random operators */

/* The dense memory, in ONNX order, of an input, an output (by its output name) or a state; NULL if there is none of
 * this name. Inputs may be written before a run, outputs read after one. */
void *session_memory(const session *s, const char *name, const value **v);
/* A state's memory for writing: shared contents are copied first; packed weights are made anew before the next run. */
stria_status session_state_write(session *s, const char *name, void **data, const value **v, stria_error *err);

const graph *session_graph(const session *s); /* after the passes */
int session_node_count(const session *s);
const program_node *session_node(const session *s, int index); /* in the order in which they run */
size_t session_workspace_bytes(const session *s);
size_t session_packed_bytes(const session *s);

#endif
