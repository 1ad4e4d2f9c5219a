/* Values and nodes of a graph by name: an open-addressing hash table. Values and nodes are separate name spaces. */
#ifndef GRAPH_NAMES_H
#define GRAPH_NAMES_H

#include "graph/graph.h"

typedef struct name_table name_table;

stria_status name_table_new(name_table **out, stria_error *err);
void name_table_free(name_table *t); /* accepts NULL */
value *name_table_value(const name_table *t, const char *name);
node *name_table_node(const name_table *t, const char *name);
/* The name must outlive the table. */
stria_status name_table_put_value(name_table *t, const char *name, value *v, stria_error *err);
stria_status name_table_put_node(name_table *t, const char *name, node *n, stria_error *err);
void name_table_drop_value(name_table *t, const char *name);
/* A counter that belongs to this prefix of names, 0 at first: the caller's, until the next put. The prefix is copied to
 * the arena. NULL without memory. */
int *name_table_count(name_table *t, arena *a, const char *prefix);

#endif
