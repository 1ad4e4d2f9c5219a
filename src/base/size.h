/* Sizes that come from files: their products and sums are made here, where they cannot wrap. */
#ifndef BASE_SIZE_H
#define BASE_SIZE_H

#include <stdbool.h>
#include <stdint.h>

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
