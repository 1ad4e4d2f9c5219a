/* States by name, shared by the sessions of one training. */
#ifndef RUN_STATES_H
#define RUN_STATES_H

#include "graph/graph.h"

/* Counted references; not thread-safe. */
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

#endif
