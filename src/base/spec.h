/* Specs: what a person writes in one word to choose something of a table and set it up.
 *   NAME[:key=value,…]                a training option, a network, an initial value
 *   NAME[:key=value,…]+NAME[:…]…      a sum of them
 *   key=value key=value …             options of a layer, a recipe
 * Nothing is copied: words point into the text, which must outlive the spec. */
#ifndef BASE_SPEC_H
#define BASE_SPEC_H

#include "base/error.h"

/* Part of a text, without an end of its own. */
typedef struct spec_word {
    const char *at;
    size_t length;
} spec_word;

typedef struct spec {
    const char *what;     /* begins every sentence, as "--loss" does in "--loss: …"; "": nothing */
    const char *text;     /* all of it, for the sentences */
    const char *at, *end; /* what is still to be read of the term */
    bool list;            /* pairs stand between spaces, tabs and line ends; else after ':' and ',' */
    spec_word name;       /* of the term; of a list empty */
    spec_word key, value; /* of the last pair */
} spec;

/* Reads the name of the one term that the text is. */
spec spec_open(const char *what, const char *text);
/* Reads the name of the first term of a sum, and of the next: false after the last one. A '+' before a digit belongs to
 * a number (1e+3). */
spec spec_open_sum(const char *what, const char *text);
bool spec_next_term(spec *s);
/* Pairs without a name. */
spec spec_open_list(const char *what, const char *text);

/* Reads the next pair of the term; *more false: there is none. STRIA_BAD_ARGUMENT for what is not of the form
 * key=value, with its position. */
stria_status spec_next(spec *s, bool *more, stria_error *err);

bool spec_is(spec_word w, const char *text);
/* Copies a word with an end; false, and "" in the buffer, if it does not fit. */
bool spec_copy(spec_word w, char *buffer, size_t bytes);

/* The index of the row that a word names. A row begins with its name (const char *); the table ends after `count` rows
 * or at a NULL name. Fails with "there is no NOUN 'WORD'" and the nearest name, or all names where they are few. */
#define SPEC_ROWS(table) (table), sizeof *(table), (int)(sizeof(table) / sizeof *(table))
stria_status spec_choose(const spec *s, const char *noun, spec_word w, const void *rows, size_t row_bytes, int count,
                         int *index, stria_error *err);

/* The pair's value as a number from `low` to below `below` (INFINITY: no limit). */
stria_status spec_real(const spec *s, double low, double below, double *out, stria_error *err);
/* … above 0, up to `most`. */
stria_status spec_positive(const spec *s, double most, double *out, stria_error *err);
/* The pair's value as 0 or 1. */
stria_status spec_flag(const spec *s, bool *out, stria_error *err);

#endif
