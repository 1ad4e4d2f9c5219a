/* Zip archives (PKWARE's APPNOTE), read from memory by their directory: members stored or deflated (RFC 1951), also
 * beyond 4 GiB. All members together take at most as many bytes as the archive has, before they are inflated. */
#ifndef DATA_ZIP_H
#define DATA_ZIP_H

#include "base/error.h"

typedef struct zip_archive {
    const uint8_t *bytes; /* the caller's, outlives the archive */
    size_t size;
    uint64_t members, left; /* in all; that zip_next has not given yet */
    uint64_t at, packed;    /* of the next entry; bytes of the members so far */
} zip_archive;

typedef struct zip_entry {
    const uint8_t *name; /* in the archive, without a terminating 0 */
    size_t name_length;
    int method;
    uint32_t crc;
    uint64_t packed, unpacked, local; /* bytes, bytes, place of the member's own header */
} zip_entry;

stria_status zip_open(zip_archive *a, const uint8_t *bytes, size_t size, stria_error *err);
/* The next entry of the directory; only while members are left. */
stria_status zip_next(zip_archive *a, zip_entry *e, stria_error *err);
/* A member's contents, e->unpacked bytes, its checksum right. They lie in the archive (*owned NULL) or are *owned, the
 * caller's to mem_free. */
stria_status zip_member(const zip_archive *a, const zip_entry *e, const uint8_t **data, uint8_t **owned,
                        stria_error *err);

#endif
