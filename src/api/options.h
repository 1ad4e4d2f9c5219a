/* Structs that callers own: their `size` says which fields the caller's version of the struct has. */
#ifndef API_OPTIONS_H
#define API_OPTIONS_H

#include "base/error.h"

/* own: the defaults, own_bytes of them; given: the caller's struct of the same kind, or NULL. Both begin with a size_t,
 * their size. Copies as many bytes as both have, so that fields a caller does not know keep their default; refuses a
 * size that holds no field. */
stria_status options_take(void *own, size_t own_bytes, const void *given, const char *kind, stria_error *err);

/* Refuses a struct without a function that gives its defaults (one to be filled, say) whose size holds no field. */
stria_status struct_check(const void *out, const char *type, stria_error *err);
/* Copies as many bytes of own as the caller's struct has, but for the size; own may be wholly zero. Nothing where
 * struct_check would refuse; false then. */
bool output_give(void *out, const void *own, size_t own_bytes);

#endif
