/* A program that runs, as often as needed, allocating nothing: with a workspace of its own, and states of its own where
 * it changes them. Sessions of one program share its packed weights, constants and unchanged states. One thread at a
 * time uses a session; different sessions of a program may run concurrently. */
#ifndef RUN_SESSION_H
#define RUN_SESSION_H

#include "run/program.h"
#include "run/states.h"

typedef struct session_config {
    pool *pool;        /* retained; NULL: one thread. Has at most the program's threads */
    state_set *states; /* with a program whose states are shared: where they are; must outlive the session. NULL: the
                          graph's own contents; those that are updated or written are copied */
    uint64_t seed;     /* of random operators */
    bool profile;      /* time every node */
} session_config;

typedef struct session session;

/* Retains the program. config NULL: one thread, the graph's states, seed 0. */
stria_status session_new(session **out, program *p, const session_config *config, stria_error *err);
void session_free(session *s); /* accepts NULL */

stria_status session_run(session *s, stria_error *err);
/* The same, but after each node `watch` sees its results, memory[value.id] of each, which the next node may overwrite.
 * Its failure ends the run before any state that is copied has changed. */
typedef stria_status session_watch(void *context, const node *n, void *const *memory, stria_error *err);
stria_status session_run_watched(session *s, session_watch *watch, void *context, stria_error *err);
void session_step_set(session *s, uint64_t step); /* for random operators */

/* Copies `bytes` of dense data in ONNX order into the input or state of this name. A state whose contents others see
 * too is the session's own from then on, and the weights packed from it with it. STRIA_BAD_ARGUMENT if there is none,
 * STRIA_BAD_SHAPE if it has another size; STRIA_NO_MEMORY leaves it as it was. */
stria_status session_write(session *s, const char *name, const void *data, size_t bytes, stria_error *err);
/* Copies the input, the output (by its output name), as the last run left it, or the state into data. Errors as
 * above. */
stria_status session_read(const session *s, const char *name, void *data, size_t bytes, stria_error *err);
/* Where the host sees it, dense and in ONNX order, to spare a copy: an input may be filled there before a run, an
 * output read after one; a state is read only. NULL if there is none of this name, or no memory that the host sees. */
void *session_host(const session *s, const char *name);

const program *session_program(const session *s);
uint64_t session_nanoseconds(const session *s, int index); /* of a node's last run, when profiling */

#endif
