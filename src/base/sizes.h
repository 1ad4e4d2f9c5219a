/* Arithmetic of sizes. Only size_mul and size_add check for overflow: shapes are checked where they are made. */
#ifndef BASE_SIZES_H
#define BASE_SIZES_H

#include <stdint.h>

static inline int64_t int64_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t int64_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* a ≥ 0, b > 0 */
static inline int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static inline int64_t round_up(int64_t a, int64_t multiple) {
    return ceil_div(a, multiple) * multiple;
}

/* Rounds up to an odd number of cache lines: rows this far apart do not fall into the same sets of the cache. */
static inline int64_t odd_lines(int64_t floats) {
    return (ceil_div(floats, 16) | 1) * 16;
}

/* Where share i begins if n things are dealt to `shares` whose sizes differ by one at most; share i ends where share
 * i + 1 begins. */
static inline int64_t share_begin(int64_t n, int64_t shares, int64_t i) {
    return n * i / shares;
}

/* The largest tensor, in bytes: what a process can address (48 bits, half of them its own). Every value of a graph is
 * held to it when the value is made (graph_add_input, graph_add_node), so that later products of its size by the size
 * of an element or a small constant need no check. */
#define SIZE_BYTES_MAX ((int64_t)1 << 47)

/* a · b and a + b of a, b ≥ 0; INT64_MAX where the result is larger. For costs and other estimates. */
static inline int64_t size_mul(int64_t a, int64_t b) {
    int64_t c;
    return __builtin_mul_overflow(a, b, &c) ? INT64_MAX : c;
}
static inline int64_t size_add(int64_t a, int64_t b) {
    int64_t c;
    return __builtin_add_overflow(a, b, &c) ? INT64_MAX : c;
}

#endif
