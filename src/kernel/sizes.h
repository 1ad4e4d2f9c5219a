/* Arithmetic of sizes that the drivers share. */
#ifndef KERNEL_SIZES_H
#define KERNEL_SIZES_H

#include <stdint.h>

static inline int64_t int64_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t int64_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static inline int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* Rounds up to an odd number of cache lines: rows this far apart do not fall into the same sets of the cache. */
static inline int64_t odd_lines(int64_t floats) {
    return (ceil_div(floats, 16) | 1) * 16;
}

#endif
