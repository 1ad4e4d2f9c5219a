/* Option structs that callers fill: their `size` says which fields the caller's version of the struct has. */
#ifndef API_OPTIONS_H
#define API_OPTIONS_H

#include "base/error.h"

/* own: the defaults, own_bytes of them; given: the caller's struct of the same kind, or NULL. Both begin with a size_t,
 * their size. Copies as many bytes as both have, so that fields a caller does not know keep their default; refuses a
 * size that holds no field. */
stria_status options_take(void *own, size_t own_bytes, const void *given, const char *kind, stria_error *err);

#endif
