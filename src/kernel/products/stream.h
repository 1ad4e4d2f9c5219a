/* Results that no cache keeps until they are read: stored past the caches, whole lines at a time, so that nothing is
 * read from memory before it is overwritten. The values are the same. */
#ifndef KERNEL_PRODUCTS_STREAM_H
#define KERNEL_PRODUCTS_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#define STREAM_FLOATS (3 << 20) /* of a result, at least: 12 MiB, a third of a common last-level cache */
#define STREAM_LINE   16        /* floats */

/* Whether a result of `floats`, whose pixels are `pixel` floats apart, is stored so. A task that does ends with the
 * kernel stream_end: other threads see what was stored before it. */
static inline bool stream_pays(const float *y, int64_t floats, int64_t pixel) {
    return floats >= STREAM_FLOATS && pixel % STREAM_LINE == 0 && (uintptr_t)y % (STREAM_LINE * sizeof *y) == 0;
}

#endif
