#include "report/png.h"

#include <string.h>

/* CRC-32 of PNG (ISO 3309), continued from `crc`. */
static uint32_t crc_add(uint32_t crc, const uint8_t *bytes, size_t length) {
    crc = ~crc;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static void put32(uint8_t *to, uint32_t x) {
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(x >> (24 - 8 * i));
}

/* A chunk's length, type, data and checksum; data stands in `o` from `begin` on, after room for the first two. */
static void chunk_end(out *o, size_t begin, const char *type) {
    uint8_t crc[4];
    if (o->failed) return;
    uint8_t *at = (uint8_t *)o->data + begin;
    size_t length = o->length - begin - 8;
    put32(at, (uint32_t)length);
    memcpy(at + 4, type, 4);
    put32(crc, crc_add(0, at + 4, length + 4));
    out_bytes(o, (const char *)crc, 4);
}

static size_t chunk_begin(out *o) {
    size_t begin = o->length;
    out_bytes(o, "\0\0\0\0\0\0\0\0", 8);
    return begin;
}

/* Row y: no filter, then pixels interleaved. */
static void row_bytes(out *o, int channels, int height, int width, int y, const uint8_t *pixels) {
    out_bytes(o, "\0", 1);
    for (int x = 0; x < width; x++)
        for (int c = 0; c < channels; c++)
            out_bytes(o, (const char *)&pixels[((size_t)c * (size_t)height + (size_t)y) * (size_t)width + (size_t)x],
                      1);
}

/* zlib's frame around stored blocks (RFC 1950, 1951), a row each; then Adler-32. */
static void image_data(out *o, int channels, int height, int width, const uint8_t *pixels) {
    uint32_t a = 1, b = 0;
    size_t length = (size_t)width * (size_t)channels + 1;
    out_bytes(o, "\x78\x01", 2);
    for (int y = 0; y < height; y++) {
        uint8_t block[5] = {y == height - 1, (uint8_t)length, (uint8_t)(length >> 8), (uint8_t)~length,
                            (uint8_t)(~length >> 8)};
        out_bytes(o, (const char *)block, 5);
        row_bytes(o, channels, height, width, y, pixels);
        if (o->failed) return;
        const uint8_t *row = (const uint8_t *)o->data + o->length - length;
        for (size_t i = 0; i < length; i++) a = (a + row[i]) % 65521, b = (b + a) % 65521;
    }
    uint8_t sum[4];
    put32(sum, b << 16 | a);
    out_bytes(o, (const char *)sum, 4);
}

void png_bytes(out *o, int channels, int height, int width, const uint8_t *pixels) {
    uint8_t header[13] = {[8] = 8, [9] = channels == 3 ? 2 : 0};
    if (height < 1 || width < 1 || (size_t)width * (size_t)channels + 1 > 65535) return;
    out_bytes(o, "\x89PNG\r\n\x1a\n", 8);
    put32(header, (uint32_t)width);
    put32(header + 4, (uint32_t)height);
    size_t begin = chunk_begin(o);
    out_bytes(o, (const char *)header, sizeof header);
    chunk_end(o, begin, "IHDR");
    begin = chunk_begin(o);
    image_data(o, channels, height, width, pixels);
    chunk_end(o, begin, "IDAT");
    begin = chunk_begin(o);
    chunk_end(o, begin, "IEND");
}

void png_uri(out *o, int channels, int height, int width, const uint8_t *pixels) {
    out file = {0};
    png_bytes(&file, channels, height, width, pixels);
    out_raw(o, "data:image/png;base64,");
    if (file.failed) o->failed = true;
    else out_base64(o, (const uint8_t *)file.data, file.length);
    out_release(&file);
}
