/* The harmless part of Python's pickle format (protocols 0 to 5; python.org, Lib/pickletools.py): numbers, texts,
 * tuples, lists, dictionaries, and calls of functions that the caller names. Nothing is ever called: a call becomes a
 * value of its name and arguments. Everything else is refused by name. */
#ifndef MODEL_WEIGHTS_PICKLE_H
#define MODEL_WEIGHTS_PICKLE_H

#include "base/memory.h"

typedef enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_BIG, /* an integer beyond 64 bits: only that it is there */
    PICKLE_REAL,
    PICKLE_TEXT,   /* also bytes */
    PICKLE_GLOBAL, /* text: "torch.FloatStorage" */
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,       /* items: key, value, key, value, … */
    PICKLE_CALL,       /* items: the function (PICKLE_GLOBAL), its arguments (PICKLE_TUPLE) */
    PICKLE_PERSISTENT, /* items: what names an object outside the pickle */
    PICKLE_MARK        /* inside the reader only */
} pickle_kind;

typedef struct pickle_value {
    pickle_kind kind;
    int count, capacity; /* of items, or count bytes of text */
    union {
        int64_t integer;
        double real;
        const char *text; /* in the pickle's bytes or its arena, without a terminating 0 */
        struct pickle_value **items;
    };
} pickle_value;

/* Zero-initialise; values live as long as the arena and the bytes. */
typedef struct pickle {
    arena arena;
    pickle_value *root;
    pickle_value *outside; /* a list of all values of kind PICKLE_PERSISTENT; NULL: none */
} pickle;

/* Reads one pickle; *used: its bytes. `harmless`: names of functions that may stand in calls, NULL-terminated;
 * collections.OrderedDict() is a dictionary. Cycles are possible. At most 2²⁰ values, and no more memory than *room
 * bytes, from which it is taken. */
stria_status pickle_read(pickle *p, const uint8_t *bytes, size_t size, const char *const *harmless, uint64_t *room,
                         size_t *used, stria_error *err);
void pickle_release(pickle *p);

bool pickle_is(const pickle_value *v, pickle_kind kind, const char *text); /* v may be NULL */
/* Item i of a tuple, list, call or dictionary; NULL if there is none. */
pickle_value *pickle_item(const pickle_value *v, int i);
/* The value of a text key in a dictionary, NULL if there is none. */
pickle_value *pickle_find(const pickle_value *dict, const char *key);

#endif
