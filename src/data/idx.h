/* IDX, the format of MNIST (Y. LeCun's page, 1998): 0 0 TYPE RANK, RANK big-endian 32-bit sizes, the elements.
 * Bytes only (type 8), plain or gzipped. */
#ifndef DATA_IDX_H
#define DATA_IDX_H

#include "base/error.h"

#define IDX_MAX_RANK 4

typedef struct idx_array {
    int rank;
    int64_t shape[IDX_MAX_RANK];
    size_t bytes;
    uint8_t *data; /* owned (mem_free) */
} idx_array;

/* A whole file, which must have exactly this rank (1: labels, 3: grey images) and exactly the bytes that its header
 * says. */
stria_status idx_read(const char *path, int rank, idx_array *out, stria_error *err);
stria_status idx_parse(const uint8_t *bytes, size_t size, int rank, idx_array *out, stria_error *err);

void idx_release(idx_array *a); /* accepts a zeroed array; leaves it zeroed */

#endif
