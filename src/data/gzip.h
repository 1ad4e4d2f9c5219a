/* Bytes of a file that may be gzipped (of one member or several), given out in order and never past the end. */
#ifndef DATA_GZIP_H
#define DATA_GZIP_H

#include "base/error.h"

typedef struct gzip_reader {
    const uint8_t *bytes; /* the file; the caller's, outlives the reader */
    size_t size, at;
    void *stream; /* NULL: the file is plain */
    bool ended;   /* the last compressed member is at its end */
} gzip_reader;

/* Recognises gzip by its magic. Without zlib in the build a gzipped file is refused. */
stria_status gzip_open(gzip_reader *r, const uint8_t *bytes, size_t size, stria_error *err);

/* The same of deflated bytes without gzip's wrapper, as zip archives hold them. */
stria_status gzip_open_raw(gzip_reader *r, const uint8_t *bytes, size_t size, stria_error *err);

/* Returns true if the checksum of zip and gzip is this one; true where the build cannot tell, without zlib. */
bool gzip_crc_is(uint32_t crc, const uint8_t *bytes, size_t size);

/* The checksum of bytes that follow those that have the checksum `crc` (0: none before); 0 without zlib. */
uint32_t gzip_crc(uint32_t crc, const void *bytes, size_t size);

/* The most that the rest of the file can hold: deflate never shrinks more than 1,032 times. */
uint64_t gzip_limit(const gzip_reader *r);

/* The next n bytes; fails on truncated or corrupt input, and says how many there were. */
stria_status gzip_take(gzip_reader *r, uint8_t *out, size_t n, stria_error *err);

/* Fails unless the file ends here, checksum right. */
stria_status gzip_finish(gzip_reader *r, stria_error *err);

void gzip_close(gzip_reader *r);

#endif
