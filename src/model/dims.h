/* Sizes that a user gives to open dimensions: "height=320,width=480", "image:2=320". */
#ifndef MODEL_DIMS_H
#define MODEL_DIMS_H

#include "graph/graph.h"

#define DIMS_MAX 32 /* sizes in one text */

/* Which of them something was found for. */
typedef uint32_t dims_used;

/* The text is well-formed; NULL is. */
stria_status dims_check(const char *dims, stria_error *err);
/* The size of dimension `axis` of an input, whose symbol is `symbol` (NULL: it has none). */
bool dims_find(const char *dims, const char *symbol, const char *input, int axis, int64_t *size, dims_used *used);
/* Fails for the first that nothing was found for, with what the model leaves open. */
stria_status dims_check_used(const char *dims, dims_used used, const graph *g, stria_error *err);

#endif
