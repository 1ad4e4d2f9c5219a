/* Shared by pickle.c and pickle_scalars.c: the virtual machine that runs a pickle. */
#ifndef MODEL_WEIGHTS_PICKLE_INSIDE_H
#define MODEL_WEIGHTS_PICKLE_INSIDE_H

#include "base/text.h"
#include "model/weights/pickle.h"

#include <string.h>

enum { VALUES_MAX = 1 << 20, WORD_MAX = 4096, GLOBAL_MAX = 256 };

typedef struct machine {
    const uint8_t *bytes;
    size_t size, at;
    arena *arena;
    const char *const *harmless;
    pickle_value **stack, **memo;
    int depth, stack_capacity, memo_count, memo_capacity;
    pickle_value *outside;
    int made;       /* values, and places in stacks and lists */
    uint64_t *room; /* bytes that may still be taken */
    bool stopped;
    stria_error *err;
} machine;

/* An instruction; x is what the table says with it. */
typedef stria_status pickle_instruction(machine *m, int x);

/* ---- pickle.c ---- */

stria_status pickle_cut(const machine *m); /* fails: the pickle is truncated */
/* The next bytes; a number of them, little-endian; text up to a line's end, which is not part of it. */
stria_status pickle_take(machine *m, size_t bytes, const uint8_t **out);
stria_status pickle_number(machine *m, int bytes, uint64_t *out);
stria_status pickle_line(machine *m, const char **out, size_t *length);
stria_status pickle_push(machine *m, pickle_value *v);
stria_status pickle_push_new(machine *m, pickle_value content);

/* ---- pickle_scalars.c: None, truth, integers, reals, texts ---- */

pickle_instruction do_none, do_bool, do_int, do_long, do_decimal, do_real, do_decimal_real, do_text, do_text_line;

#endif
