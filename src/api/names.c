/* The version, names of what the public header numbers, and the nearest of several names. */
#include "base/text.h"
#include "graph/tensor.h"
#include <stria/stria.h>

#define TEXT(x)   #x
#define DIGITS(x) TEXT(x)

const char *stria_version(void) {
    return DIGITS(STRIA_VERSION_MAJOR) "." DIGITS(STRIA_VERSION_MINOR) "." DIGITS(STRIA_VERSION_PATCH);
}
int stria_version_number(void) {
    return STRIA_VERSION_NUMBER;
}

const char *stria_status_name(stria_status status) {
    switch (status) {
    case STRIA_OK:
        return "ok";
    case STRIA_BAD_ARGUMENT:
        return "bad argument";
    case STRIA_BAD_SHAPE:
        return "bad shape";
    case STRIA_BAD_FILE:
        return "bad file";
    case STRIA_NO_FILE:
        return "no file";
    case STRIA_IO:
        return "input/output error";
    case STRIA_NO_MEMORY:
        return "no memory";
    case STRIA_UNSUPPORTED:
        return "unsupported";
    case STRIA_NOT_FINITE:
        return "not finite";
    case STRIA_BUSY:
        return "busy";
    case STRIA_INTERRUPTED:
        return "interrupted";
    case STRIA_BAD_VALUE:
        return "bad value";
    }
    return "unknown status";
}

const char *stria_nearest(const char *name, const char *const *names, int count) {
    return text_nearest(name, names, count);
}

const char *stria_type_name(stria_type type) {
    return dtype_bytes(type) ? dtype_name(type) : "unknown type";
}

size_t stria_type_bytes(stria_type type) {
    return dtype_bytes(type);
}
