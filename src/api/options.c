#include "api/options.h"

#include <string.h>

stria_status options_take(void *own, size_t own_bytes, const void *given, const char *kind, stria_error *err) {
    size_t bytes;
    if (!given) return STRIA_OK;
    memcpy(&bytes, given, sizeof bytes);
    if (bytes <= sizeof bytes)
        FAIL(err, STRIA_BAD_ARGUMENT, "options need their size, not %zu: start from stria_%s_options_default()", bytes,
             kind);
    memcpy(own, given, bytes < own_bytes ? bytes : own_bytes);
    memcpy(own, &own_bytes, sizeof own_bytes);
    return STRIA_OK;
}
