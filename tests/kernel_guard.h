/* Exact-size arrays between guard values: a kernel that writes outside is seen here, one that reads outside by the
 * address sanitizer (the block itself ends with the upper guard) or as a NaN in its result. */
#ifndef TESTS_KERNEL_GUARD_H
#define TESTS_KERNEL_GUARD_H

#include <stdint.h>
#include <string.h>

#include "base/memory.h"

enum { GUARD_FLOATS = 32 };
#define GUARD_BITS 0x7fc12345u /* a quiet NaN */

static inline void guard_fill(float *p) {
    for (int i = 0; i < GUARD_FLOATS; i++) memcpy(p + i, &(uint32_t){GUARD_BITS}, 4);
}

/* n floats, 64-byte aligned, uninitialised; *block is what to free. */
__attribute__((unused)) static float *guard_new(int64_t n, float **block) {
    *block = mem_zalloc((size_t)n + 2 * GUARD_FLOATS, sizeof(float));
    if (!*block) return NULL;
    guard_fill(*block);
    guard_fill(*block + GUARD_FLOATS + n);
    return *block + GUARD_FLOATS;
}

__attribute__((unused)) static bool guard_holds(const float *block, int64_t n) {
    for (int i = 0; i < GUARD_FLOATS; i++) {
        uint32_t below, above;
        memcpy(&below, block + i, 4);
        memcpy(&above, block + GUARD_FLOATS + n + i, 4);
        if (below != GUARD_BITS || above != GUARD_BITS) return false;
    }
    return true;
}

#endif
