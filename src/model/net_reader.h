/* Shared by the parts of the .net reader: net_read.c (the file, and calls that are not operators), net_layer.c (layers
 * and operators), net_tensors.c (constants in a file next to the text). */
#ifndef MODEL_NET_READER_H
#define MODEL_NET_READER_H

#include "graph/names.h"
#include "model/net.h"
#include "model/net_lexer.h"
#include "model/safetensors.h"
#include "op/build.h"

typedef struct net_reader {
    net_lexer lexer;
    arena arena;
    graph *g;
    name_table *names; /* of values, as the file calls them */
    const char *path;  /* of the text, NULL: files next to it are not allowed */
    uint64_t seed;
    int64_t parameters; /* elements so far */
    value *last;
    safetensors tensors; /* of the file beside the text */
    bool has_tensors;
    int looked_up; /* of these, so far */
    int column;    /* of what is being looked at, for sentences */
} net_reader;

/* A failure of the statement, at one of its items. */
#define FAIL_AT(r, item, ...)                                                                                          \
    do {                                                                                                               \
        (r)->column = (item)->column;                                                                                  \
        FAIL(err, STRIA_BAD_FILE, __VA_ARGS__);                                                                        \
    } while (0)

/* net_read.c: the value that an item names; NULL for "-". */
stria_status net_value_find(net_reader *r, const net_item *item, value **out, stria_error *err);
/* From now on the item names v. */
stria_status net_value_name(net_reader *r, const net_item *item, value *v, stria_error *err);
const net_item *net_option_find(const net_statement *s, const char *key); /* NULL if it is not given */
/* Counts what a statement is about to make as parameters, and refuses too many. */
stria_status net_budget_take(net_reader *r, const net_item *item, int64_t elements, stria_error *err);

/* net_layer.c */
const layer_def *net_layer_find(const char *name); /* NULL if there is none */
stria_status net_call_layer(net_reader *r, const net_statement *s, const layer_def *l, stria_error *err);
stria_status net_call_operator(net_reader *r, const net_statement *s, const op_def *op, stria_error *err);

/* net_tensors.c: tensors(FILE), and the contents of a constant that the file has. */
stria_status net_call_tensors(net_reader *r, const net_statement *s, stria_error *err);
stria_status net_tensor_find(net_reader *r, const net_statement *s, dtype type, const shape *dims, tensor **out,
                             stria_error *err);

#endif
