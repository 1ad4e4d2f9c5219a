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

static size_t size_of(const void *given) {
    size_t bytes;
    memcpy(&bytes, given, sizeof bytes);
    return bytes;
}

stria_status struct_check(const void *out, const char *type, stria_error *err) {
    if (size_of(out) > sizeof(size_t)) return STRIA_OK;
    FAIL(err, STRIA_BAD_ARGUMENT, "a %s needs its size, not %zu: begin with {.size = sizeof(%s)}", type, size_of(out),
         type);
}

bool output_give(void *out, const void *own, size_t own_bytes) {
    size_t bytes = size_of(out), first = sizeof bytes;
    if (bytes <= first) return false;
    memcpy((char *)out + first, (const char *)own + first, (bytes < own_bytes ? bytes : own_bytes) - first);
    return true;
}
