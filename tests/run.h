/* For tests: a graph as a session, with a program of its own. */
#ifndef TESTS_RUN_H
#define TESTS_RUN_H

#include "run/session.h"

typedef struct run_config {
    const kernel_set *ks;
    pool *pool;
    bool optimize, reference;
    uint64_t seed;
    state_set *states;
} run_config;

static inline stria_status run_new(session **out, graph *g, const run_config *c, stria_error *err) {
    program *p;
    program_config made = {.ks = c->ks,
                           .threads = pool_threads(c->pool),
                           .optimize = c->optimize,
                           .reference = c->reference,
                           .shared = c->states != NULL};
    TRY(program_new(&p, g, &made, c->pool, err));
    stria_status status =
        session_new(out, p, &(session_config){.pool = c->pool, .states = c->states, .seed = c->seed}, err);
    program_release(p);
    return status;
}

/* Its nodes, in the order in which they run. */
static inline int run_nodes(const session *s) {
    return session_program(s)->g->node_count;
}
static inline const program_node *run_node(const session *s, int index) {
    return &session_program(s)->nodes[index];
}

/* An input's, output's or state's memory, and what it is. */
static inline void *run_memory(const session *s, const char *name, const value **v) {
    *v = program_value(session_program(s), name);
    return session_host(s, name);
}

#endif
