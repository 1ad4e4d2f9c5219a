/* The programs of one model that are in use: a request for an existing program returns it, so that sessions of a model
 * share its packed weights. A program that nobody uses any more is freed; nothing is kept for later. */
#ifndef RUN_PROGRAMS_H
#define RUN_PROGRAMS_H

#include "run/program.h"

/* Counted: by the model, and by every program that is in it. Thread-safe. */
typedef struct programs programs;

/* From the model's graph to the one that is to run; must depend on nothing else. */
typedef stria_status graph_maker(graph *g, int64_t batch, graph **out, stria_error *err);

typedef struct program_wish {
    graph_maker *make;
    int64_t batch;
    program_config config;
} program_wish;

stria_status programs_new(programs **out, stria_error *err);
void programs_release(programs *list); /* accepts NULL */

/* The program of this wish, retained for the caller: the one that is in use, or a new one. Threads that want one at the
 * same time wait for the first to make it. The pool is as for program_new. */
stria_status programs_take(programs *list, graph *model, const program_wish *wish, pool *workers, program **out,
                           stria_error *err);
/* After the model has changed: the programs that there are stay with those who use them. */
void programs_forget(programs *list);

/* For program_release: true if the caller gave the last reference back, and the program is in no list any more. */
bool programs_leave(program *p);

#endif
