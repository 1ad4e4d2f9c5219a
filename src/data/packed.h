/* Files inside of an archive, read in place: tar and zip, and one file alone, each plain or compressed by gzip, xz,
 * bzip2 or zstd. Nothing is written anywhere. What is wanted is kept in memory, unpacked. Archives come from strangers:
 * names that lead out of the archive, links and devices are passed over and counted, and unpacked bytes are bounded. */
#ifndef DATA_PACKED_H
#define DATA_PACKED_H

#include "base/error.h"

typedef struct packed_files packed_files;

/* Returns true if the regular file begins as an archive or a compressed file does. */
bool packed_is(const char *path);

/* Returns true if a file of this name is wanted. */
typedef bool packed_wanted(const char *name, void *context);

/* All files, ordered by name, those that are not wanted (NULL: all are) without their contents. A compressed file
 * without an archive in it is one file, named as the path without its last ending. STRIA_UNSUPPORTED without libarchive
 * in the build and beyond the limits: unpacked bytes may be 2,000 times the file's size and 64 MiB, and at most half of
 * the machine's memory. STRIA_BAD_FILE for damaged archives, with the file that was read at that time. */
stria_status packed_read(packed_files **out, const char *path, packed_wanted *wanted, void *context, stria_error *err);
/* The same of several archives, as if each were unpacked into a folder of its own, called as the archive's file, with
 * the folders in front from the first one in which the paths differ: paths that differ never share a folder. */
stria_status packed_read_all(packed_files **out, const char *const *paths, int count, packed_wanted *wanted,
                             void *context, stria_error *err);
void packed_free(packed_files *a); /* accepts NULL */

int packed_count(const packed_files *a);
/* Without "./" in front. As long as the archive. */
const char *packed_name(const packed_files *a, int i);
/* NULL of what was not wanted. */
const uint8_t *packed_bytes(const packed_files *a, int i, size_t *size);
/* The index of the file of this name; −1: there is none. */
int packed_find(const packed_files *a, const char *name);
/* Files and links that were passed over because they lead out of the archive or are not regular files, and the first of
 * them (NULL: none). Folders do not count. */
int packed_passed_over(const packed_files *a, const char **first);

#endif
