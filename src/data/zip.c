#include "data/zip.h"

#include <string.h>

#include "base/memory.h"
#include "data/gzip.h"

/* PKWARE's APPNOTE: an archive ends with a record that says where its directory lies; each entry of the directory says
 * where a member lies. All numbers are little-endian. */
enum { END_BYTES = 22, LOCATOR_BYTES = 20, END64_BYTES = 56, ENTRY_BYTES = 46, LOCAL_BYTES = 30, COMMENT_MAX = 65535 };
enum { END_MAGIC = 0x06054b50, LOCATOR_MAGIC = 0x07064b50, END64_MAGIC = 0x06064b50, ENTRY_MAGIC = 0x02014b50 };
enum { LOCAL_MAGIC = 0x04034b50, STORED = 0, DEFLATED = 8, MEMBERS_MAX = 65535 };

static uint64_t number(const uint8_t *p, int bytes) {
    uint64_t x = 0;
    for (int i = bytes - 1; i >= 0; i--) x = x << 8 | p[i];
    return x;
}

static bool holds(const zip_archive *a, uint64_t at, uint64_t bytes) {
    return at <= a->size && bytes <= a->size - at;
}

/* ---- the directory ---- */

/* Where the directory begins and how many members it lists. */
static stria_status directory_find(const zip_archive *a, uint64_t *at, uint64_t *count, stria_error *err) {
    size_t lowest = a->size > END_BYTES + COMMENT_MAX ? a->size - END_BYTES - COMMENT_MAX : 0;
    for (size_t i = a->size < END_BYTES ? 0 : a->size - END_BYTES + 1; i-- > lowest;) {
        const uint8_t *end = a->bytes + i;
        if (number(end, 4) != END_MAGIC) continue;
        *count = number(end + 10, 2);
        *at = number(end + 16, 4);
        if (i < LOCATOR_BYTES || number(end - LOCATOR_BYTES, 4) != LOCATOR_MAGIC) return STRIA_OK;
        uint64_t wide = number(end - LOCATOR_BYTES + 8, 8);
        if (!holds(a, wide, END64_BYTES) || number(a->bytes + wide, 4) != END64_MAGIC) break;
        *count = number(a->bytes + wide + 32, 8);
        *at = number(a->bytes + wide + 48, 8);
        return STRIA_OK;
    }
    FAIL(err, STRIA_BAD_FILE, "not a zip archive, or truncated: it has no directory");
}

/* Sizes that need more than 32 bits stand in an extra field, in this order, each only where the entry says "see there".
 */
static stria_status entry_widen(zip_entry *e, const uint8_t *extra, size_t length, stria_error *err) {
    uint64_t *wide[3] = {&e->unpacked, &e->packed, &e->local};
    for (size_t at = 0; at + 4 <= length;) {
        size_t bytes = number(extra + at + 2, 2), from = at + 4;
        if (bytes > length - from) break;
        if (number(extra + at, 2) == 1)
            for (int i = 0; i < 3; i++) {
                if (*wide[i] != UINT32_MAX) continue;
                if (from + 8 > at + 4 + bytes) FAIL(err, STRIA_BAD_FILE, "a member's size is missing");
                *wide[i] = number(extra + from, 8);
                from += 8;
            }
        at += 4 + bytes;
    }
    return STRIA_OK;
}

/* Reads the entry at *at and moves past it. */
static stria_status entry_read(const zip_archive *a, uint64_t *at, zip_entry *e, stria_error *err) {
    if (!holds(a, *at, ENTRY_BYTES) || number(a->bytes + *at, 4) != ENTRY_MAGIC)
        FAIL(err, STRIA_BAD_FILE, "its directory is corrupt at byte %llu", (unsigned long long)*at);
    const uint8_t *p = a->bytes + *at;
    size_t name = number(p + 28, 2), extra = number(p + 30, 2), comment = number(p + 32, 2);
    uint64_t bytes = ENTRY_BYTES + name + extra + comment;
    if (!holds(a, *at, bytes)) FAIL(err, STRIA_BAD_FILE, "its directory is truncated");
    *e = (zip_entry){.name = p + ENTRY_BYTES,
                     .name_length = name,
                     .method = (int)number(p + 10, 2),
                     .crc = (uint32_t)number(p + 16, 4),
                     .packed = number(p + 20, 4),
                     .unpacked = number(p + 24, 4),
                     .local = number(p + 42, 4)};
    *at += bytes;
    return entry_widen(e, e->name + name, extra, err);
}

stria_status zip_open(zip_archive *a, const uint8_t *bytes, size_t size, stria_error *err) {
    zip_archive found = {.bytes = bytes, .size = size};
    TRY(directory_find(&found, &found.at, &found.members, err));
    if (found.members > MEMBERS_MAX || found.members > size / ENTRY_BYTES)
        FAIL(err, STRIA_BAD_FILE, "%llu members cannot be in it", (unsigned long long)found.members);
    found.left = found.members;
    *a = found;
    return STRIA_OK;
}

stria_status zip_next(zip_archive *a, zip_entry *e, stria_error *err) {
    TRY(entry_read(a, &a->at, e, err));
    a->left--;
    if (e->packed > a->size - a->packed) /* or a few bytes, listed often, would become any number */
        FAIL(err, STRIA_BAD_FILE, "its members overlap or are truncated: together they are larger than it");
    a->packed += e->packed;
    return STRIA_OK;
}

/* ---- members ---- */

static stria_status member_inflate(const zip_entry *e, const uint8_t *packed, uint8_t **out, stria_error *err) {
    gzip_reader r;
    uint8_t *bytes = NULL;
    TRY(gzip_open_raw(&r, packed, e->packed, err));
    stria_status status = STRIA_OK;
    if (e->unpacked > gzip_limit(&r)) /* before so much is allocated */
        TRY_DONE(error_set(err, STRIA_BAD_FILE, "%llu bytes cannot be %llu", (unsigned long long)e->packed,
                           (unsigned long long)e->unpacked));
    TRY_DONE(mem_new(&bytes, e->unpacked + 1, 1, "a member of an archive", err));
    TRY_DONE(gzip_take(&r, bytes, e->unpacked, err));
    TRY_DONE(gzip_finish(&r, err));
    if (!gzip_crc_is(e->crc, bytes, e->unpacked)) TRY_DONE(error_set(err, STRIA_BAD_FILE, "its checksum is wrong"));
    *out = bytes;
    bytes = NULL;
done:
    gzip_close(&r);
    mem_free(bytes);
    return status;
}

stria_status zip_member(const zip_archive *a, const zip_entry *e, const uint8_t **data, uint8_t **owned,
                        stria_error *err) {
    if (!holds(a, e->local, LOCAL_BYTES) || number(a->bytes + e->local, 4) != LOCAL_MAGIC)
        FAIL(err, STRIA_BAD_FILE, "it is not where the directory says");
    const uint8_t *header = a->bytes + e->local;
    uint64_t at = e->local + LOCAL_BYTES + number(header + 26, 2) + number(header + 28, 2);
    if (!holds(a, at, e->packed)) FAIL(err, STRIA_BAD_FILE, "it is truncated");
    if (number(header + 6, 2) & 1) FAIL(err, STRIA_UNSUPPORTED, "it is encrypted");
    *owned = NULL;
    *data = a->bytes + at;
    if (e->method == DEFLATED) {
        TRY(member_inflate(e, a->bytes + at, owned, err));
        *data = *owned;
        return STRIA_OK;
    }
    if (e->method != STORED) FAIL(err, STRIA_UNSUPPORTED, "it is compressed by method %d", e->method);
    if (e->packed != e->unpacked)
        FAIL(err, STRIA_BAD_FILE, "it is stored, yet %llu bytes are %llu", (unsigned long long)e->packed,
             (unsigned long long)e->unpacked);
    if (!gzip_crc_is(e->crc, a->bytes + at, e->packed)) FAIL(err, STRIA_BAD_FILE, "its checksum is wrong");
    return STRIA_OK;
}
