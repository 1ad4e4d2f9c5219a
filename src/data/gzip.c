#include "data/gzip.h"

#include <string.h>

#include "base/memory.h"

static stria_status plain_take(gzip_reader *r, uint8_t *out, size_t n, stria_error *err) {
    if (n > r->size - r->at) FAIL(err, STRIA_BAD_FILE, "truncated: %zu of %zu bytes are there", r->size - r->at, n);
    if (n) memcpy(out, r->bytes + r->at, n);
    r->at += n;
    return STRIA_OK;
}

static stria_status plain_finish(const gzip_reader *r, stria_error *err) {
    if (r->at != r->size) FAIL(err, STRIA_BAD_FILE, "%zu bytes too many at its end", r->size - r->at);
    return STRIA_OK;
}

static bool is_gzip(const uint8_t *bytes, size_t size) {
    return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

#ifdef STRIA_HAVE_ZLIB
#include <limits.h>
#include <zlib.h>

static void *take_memory(void *opaque, uInt count, uInt size) {
    return mem_zalloc(count, size);
}

static void give_memory(void *opaque, void *p) {
    mem_free(p);
}

/* window_bits: 15 for windows of 32 KiB, + 16 with gzip's wrapper and checksum, negative without any. */
static stria_status stream_open(gzip_reader *r, int window_bits, stria_error *err) {
    z_stream *z = NULL;
    TRY(mem_new(&z, 1, sizeof *z, "a gzip stream", err));
    z->zalloc = take_memory;
    z->zfree = give_memory;
    if (inflateInit2(z, window_bits) != Z_OK) {
        mem_free(z);
        FAIL(err, STRIA_NO_MEMORY, "not enough memory for a gzip stream");
    }
    r->stream = z;
    return STRIA_OK;
}

stria_status gzip_open(gzip_reader *r, const uint8_t *bytes, size_t size, stria_error *err) {
    *r = (gzip_reader){.bytes = bytes, .size = size};
    return is_gzip(bytes, size) ? stream_open(r, 15 + 16, err) : STRIA_OK;
}

stria_status gzip_open_raw(gzip_reader *r, const uint8_t *bytes, size_t size, stria_error *err) {
    *r = (gzip_reader){.bytes = bytes, .size = size};
    return stream_open(r, -15, err);
}

uint64_t gzip_limit(const gzip_reader *r) {
    uint64_t left = r->size - r->at;
    return r->stream ? left * 1032 + 65536 : left; /* what zlib still holds inside is below its window */
}

static uInt piece(size_t n) {
    return n < INT_MAX ? (uInt)n : (uInt)INT_MAX;
}

uint32_t gzip_crc(uint32_t crc, const void *bytes, size_t size) {
    const uint8_t *from = bytes;
    uLong found = crc;
    for (size_t at = 0; at < size; at += piece(size - at)) found = crc32(found, from + at, piece(size - at));
    return (uint32_t)found;
}

bool gzip_crc_is(uint32_t crc, const uint8_t *bytes, size_t size) {
    return gzip_crc(0, bytes, size) == crc;
}

/* A gzip file may be several, one after the other, and is then their concatenation (RFC 1952). */
static stria_status next_member(gzip_reader *r, stria_error *err) {
    r->ended = !is_gzip(r->bytes + r->at, r->size - r->at);
    if (!r->ended && inflateReset(r->stream) != Z_OK) FAIL(err, STRIA_BAD_FILE, "its gzip stream is corrupt");
    return STRIA_OK;
}

/* Inflates up to n bytes; *got is how many came before the end. */
static stria_status inflate_some(gzip_reader *r, uint8_t *out, size_t n, size_t *got, stria_error *err) {
    z_stream *z = r->stream;
    *got = 0;
    while (*got < n && !r->ended) {
        uInt in = piece(r->size - r->at), room = piece(n - *got);
        z->next_in = (Bytef *)(uintptr_t)(r->bytes + r->at); /* zlib only reads it */
        z->avail_in = in;
        z->next_out = out + *got;
        z->avail_out = room;
        int code = inflate(z, Z_NO_FLUSH);
        r->at += in - z->avail_in;
        *got += room - z->avail_out;
        if (code == Z_MEM_ERROR) FAIL(err, STRIA_NO_MEMORY, "not enough memory to decompress");
        if (code == Z_BUF_ERROR) FAIL(err, STRIA_BAD_FILE, "its gzip stream is truncated at byte %zu", r->at);
        if (code != Z_OK && code != Z_STREAM_END) {
            FAIL(err, STRIA_BAD_FILE, "its gzip stream is corrupt near byte %zu (%s)", r->at, z->msg ? z->msg : "zlib");
        }
        if (code == Z_STREAM_END) TRY(next_member(r, err));
    }
    return STRIA_OK;
}

stria_status gzip_take(gzip_reader *r, uint8_t *out, size_t n, stria_error *err) {
    if (!r->stream) return plain_take(r, out, n, err);
    size_t got;
    TRY(inflate_some(r, out, n, &got, err));
    if (got < n) FAIL(err, STRIA_BAD_FILE, "truncated: %zu of %zu decompressed bytes are there", got, n);
    return STRIA_OK;
}

stria_status gzip_finish(gzip_reader *r, stria_error *err) {
    if (!r->stream) return plain_finish(r, err);
    uint8_t extra;
    size_t got;
    TRY(inflate_some(r, &extra, 1, &got, err)); /* reaches the end of the stream, where zlib compares the checksum */
    if (got) FAIL(err, STRIA_BAD_FILE, "more decompressed bytes than it should have");
    return plain_finish(r, err);
}

void gzip_close(gzip_reader *r) {
    if (r->stream) inflateEnd(r->stream);
    mem_free(r->stream);
    r->stream = NULL;
}

#else

stria_status gzip_open(gzip_reader *r, const uint8_t *bytes, size_t size, stria_error *err) {
    *r = (gzip_reader){.bytes = bytes, .size = size};
    if (is_gzip(bytes, size)) FAIL(err, STRIA_UNSUPPORTED, "it is gzipped and this build has no zlib: gunzip it first");
    return STRIA_OK;
}

stria_status gzip_open_raw(gzip_reader *r, const uint8_t *bytes, size_t size, stria_error *err) {
    *r = (gzip_reader){.bytes = bytes, .size = size};
    FAIL(err, STRIA_UNSUPPORTED, "it is compressed and this build has no zlib");
}

uint32_t gzip_crc(uint32_t crc, const void *bytes, size_t size) {
    return 0;
}

bool gzip_crc_is(uint32_t crc, const uint8_t *bytes, size_t size) {
    return true;
}

uint64_t gzip_limit(const gzip_reader *r) {
    return r->size - r->at;
}

stria_status gzip_take(gzip_reader *r, uint8_t *out, size_t n, stria_error *err) {
    return plain_take(r, out, n, err);
}

stria_status gzip_finish(gzip_reader *r, stria_error *err) {
    return plain_finish(r, err);
}

void gzip_close(gzip_reader *r) {}

#endif
