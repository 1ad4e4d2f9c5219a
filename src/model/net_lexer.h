/* Statements of a .net file: lines cut into a call, its results and its arguments, before anything is looked up. */
#ifndef MODEL_NET_LEXER_H
#define MODEL_NET_LEXER_H

#include "base/memory.h"

/* More of either is refused, when a line is read as when it would be written. */
#define NET_LINE_BYTES_MAX (4 << 20)
#define NET_ITEMS_MAX      65536 /* results of a line, or arguments */

typedef enum net_kind { NET_WORD, NET_STRING, NET_LIST, NET_SHAPE } net_kind;

/* One argument or name. Of a shape or list, `text` has its parts with commas between. */
typedef struct net_item {
    net_kind kind;
    const char *text;
    const char *key; /* NULL: positional */
    int column;      /* from 1 */
} net_item;

typedef struct net_statement {
    net_item call; /* text NULL: the line is empty */
    net_item *results, *arguments;
    int result_count, argument_count;
} net_statement;

typedef struct net_lexer {
    const char *data, *end, *at, *line_start;
    int line; /* from 1 */
    arena *arena;
} net_lexer;

/* The next line; false at the end of the file. Everything of the statement lives in the lexer's arena. Sentences have
 * no place in front: *column says where in the line it went wrong. */
stria_status net_next(net_lexer *x, net_statement *s, bool *more, int *column, stria_error *err);

bool net_is_number(const char *word);

#endif
