/* NumPy's .npy files, versions 1 to 3: numbers of either byte order and booleans, C and Fortran order, rank up
 * to 8, dimensions of 0 too. */
#ifndef DATA_NPY_H
#define DATA_NPY_H

#include "base/text.h"

#define NPY_MAX_RANK 8

typedef struct npy_array {
    int type; /* stria_type: STRIA_FLOAT32, … */
    int rank; /* 0: a scalar */
    int64_t shape[NPY_MAX_RANK];
    int64_t count; /* elements */
    size_t bytes;
    void *data; /* C order, 64-byte or malloc alignment; owned (mem_free) */
} npy_array;

/* Reads a whole file, which may be a pipe (file_read_named); what the header claims must be exactly what the file
 * holds. */
stria_status npy_read(const char *path, npy_array *out, stria_error *err);
/* The same for a path that the user typed, which may also be a pipe, or "-" for standard input. */
stria_status npy_read_named(const char *path, npy_array *out, stria_error *err);

/* The same from memory; the bytes are copied and stay the caller's. */
stria_status npy_parse(const uint8_t *bytes, size_t size, npy_array *out, stria_error *err);

/* Writes type, rank, shape and data (count and bytes are ignored) atomically, as version 1.
 * STRIA_UNSUPPORTED for types that NumPy lacks (bfloat16). */
stria_status npy_write(const char *path, const npy_array *a, stria_error *err);
/* Appends what stands before the data in such a file; *bytes: of the data. */
stria_status npy_header(const npy_array *a, text *out, size_t *bytes, stria_error *err);

/* Turns any numeric array into float32, in the same memory where it fits. Integers beyond 2²⁴ are rounded. */
stria_status npy_to_float(npy_array *a, stria_error *err);

/* [n, height, width, channels] into [n, channels, height, width]. STRIA_BAD_SHAPE for another rank. */
stria_status npy_channels_first(npy_array *a, stria_error *err);

/* Element i of an integer or boolean array; false if the type is another or the value leaves int64. */
bool npy_integer(const npy_array *a, int64_t i, int64_t *out);

void npy_release(npy_array *a); /* accepts a zeroed array; leaves it zeroed */

#endif
