/* NumPy's .npz: a zip archive of .npy files, stored or deflated (RFC 1951), also beyond 4 GiB. */
#ifndef DATA_NPZ_H
#define DATA_NPZ_H

#include "base/file.h"
#include "data/npy.h"
#include "data/zip.h"

typedef struct npz_member {
    char *name; /* without ".npy"; owned (mem_free) */
    npy_array array;
} npz_member;

/* Every array of the archive, in its order. *out is mem_free's, after each member's name and array. */
stria_status npz_read(const char *path, npz_member **out, int *count, stria_error *err);

/* The same from memory. */
stria_status npz_parse(const uint8_t *bytes, size_t size, npz_member **out, int *count, stria_error *err);

/* The next array of an archive that zip_open opened, while members are left; the caller's to npy_release and mem_free.
 * room: bytes that arrays may still take in all; a member's unpacked size is taken from it before it is unpacked. NULL:
 * any number. */
stria_status npz_next(zip_archive *a, uint64_t *room, npz_member *out, stria_error *err);

/* Writes the arrays (members' names and arrays stay the caller's), stored and not deflated, atomically; "NAME.npy"
 * each. STRIA_UNSUPPORTED for types that NumPy lacks, for 4 GiB and more, and in a build without zlib.
 * judge: see file_writer_ask. */
stria_status npz_write(const char *path, const npz_member *members, int count, const file_judge *judge,
                       stria_error *err);

void npz_release(npz_member *members, int count); /* accepts NULL */

#endif
