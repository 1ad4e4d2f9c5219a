/* Which implementation runs each node of a program, and why better ones declined. */
#ifndef API_EXPLAIN_H
#define API_EXPLAIN_H

#include "base/memory.h"
#include "run/program.h"
#include <stria/stria.h>

/* A row for each node, in the arena; strings are the program's, but for operators that others are fused into. NULL when
 * there is no memory. */
stria_explained_node *explain_program(const program *p, arena *a);

#endif
