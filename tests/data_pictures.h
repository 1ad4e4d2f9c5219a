/* What the tests of pictures share: files made by libpng and libjpeg, chunks and segments put in and taken out. */
#ifndef TESTS_DATA_PICTURES_H
#define TESTS_DATA_PICTURES_H

#include "data_support.h"

#include "data/image.h"

#ifdef STRIA_HAVE_PNG
#include <png.h>
#endif
#ifdef STRIA_HAVE_JPEG
#include <jpeglib.h>
#endif

static inline image decode(const void *data, size_t size) {
    image m = {0};
    stria_error err = {0};
    if (image_decode(data, size, NULL, &m, &err) != STRIA_OK) fail_msg("%s", err.text);
    return m;
}

static inline void check(image m, int channels, int height, int width, const uint8_t *pixels) {
    assert_int_equal(m.channels, channels);
    assert_int_equal(m.height, height);
    assert_int_equal(m.width, width);
    assert_memory_equal(m.pixels, pixels, (size_t)(channels * height * width));
    image_release(&m);
}

static inline void refuse(const void *data, size_t size, stria_status status, const char *words) {
    image m = {0};
    stria_error err = {0};
    size_t before = mem_bytes_now();
    assert_int_equal(image_decode(data, size, NULL, &m, &err), status);
    assert_true(says(&err, words));
    assert_null(m.pixels);
    assert_int_equal(mem_bytes_now(), before);
}

/* EXIF data: a TIFF header, a directory of two entries of which the second is the orientation. */
static inline size_t make_exif(uint8_t *out, bool big, int type, int orientation) {
    static const uint8_t intel[] = {'I', 'I', 42, 0, 8, 0, 0, 0, 2, 0},
                         motorola[] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 2};
    memset(out, 0, 38);
    memcpy(out, big ? motorola : intel, 10);
    for (int i = 0; i < 2; i++) {
        uint8_t *entry = out + 10 + 12 * i;
        int tag = i ? 0x112 : 0x10f, bytes = type == 3 ? 2 : 4;
        entry[big ? 0 : 1] = (uint8_t)(tag >> 8);
        entry[big ? 1 : 0] = (uint8_t)tag;
        entry[big ? 3 : 2] = (uint8_t)type;
        entry[big ? 7 : 4] = 1;
        entry[8 + (big ? bytes - 1 : 0)] = (uint8_t)orientation;
    }
    return 38;
}

#ifdef STRIA_HAVE_PNG
/* Through libpng's simplified writer. */
static inline size_t make_png(uint8_t *out, size_t room, uint32_t format, int width, int height, const void *pixels,
                              const void *map) {
    png_image p = {
        .version = PNG_IMAGE_VERSION, .width = (uint32_t)width, .height = (uint32_t)height, .format = format};
    if (map) p.colormap_entries = 2;
    assert_true(png_image_write_to_memory(&p, out, &room, 0, pixels, 0, map));
    return room;
}

/* Puts a chunk after the header; returns the file's new size. */
static inline size_t png_insert(uint8_t *file, size_t size, const char *name, const uint8_t *data, size_t n) {
    uint8_t *chunk = file + 33;
    memmove(chunk + n + 12, chunk, size - 33);
    for (int i = 0; i < 4; i++) chunk[i] = (uint8_t)(n >> (24 - 8 * i));
    memcpy(chunk + 4, name, 4);
    memcpy(chunk + 8, data, n);
    uLong crc = crc32(0, chunk + 4, (uInt)n + 4);
    for (int i = 0; i < 4; i++) chunk[8 + n + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    return size + n + 12;
}
#endif

#ifdef STRIA_HAVE_JPEG
static inline size_t make_jpeg(uint8_t **out, J_COLOR_SPACE space, int channels, bool progressive,
                               const uint8_t *pixel) {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    uint8_t row[64 * 4];
    unsigned long size = 0;
    *out = NULL;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, out, &size);
    c.image_width = 40;
    c.image_height = 30;
    c.input_components = channels;
    c.in_color_space = space == JCS_YCCK ? JCS_CMYK : space;
    jpeg_set_defaults(&c);
    if (space == JCS_YCCK) jpeg_set_colorspace(&c, space);
    jpeg_set_quality(&c, 95, TRUE);
    if (progressive) jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    for (int x = 0; x < 40 * channels; x++) row[x] = pixel[x % channels];
    JSAMPROW rows[] = {row};
    while (c.next_scanline < c.image_height) jpeg_write_scanlines(&c, rows, 1);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return size;
}

/* Takes the first segment with this marker out; returns the file's new size. */
static inline size_t jpeg_strip(uint8_t *file, size_t size, int marker) {
    for (size_t at = 2; at + 4 < size && file[at] == 0xff;) {
        size_t n = 2 + ((size_t)file[at + 2] << 8 | file[at + 3]);
        if (file[at + 1] == marker) {
            memmove(file + at, file + at + n, size - at - n);
            return size - n;
        }
        at += n;
    }
    fail_msg("no marker %d", marker);
    return 0;
}

/* Puts a segment after the first two bytes, into out[size + n + 4]; returns the new size. */
static inline size_t jpeg_insert(uint8_t *out, const uint8_t *file, size_t size, int marker, const uint8_t *data,
                                 size_t n) {
    memcpy(out, file, 2);
    out[2] = 0xff;
    out[3] = (uint8_t)marker;
    out[4] = (uint8_t)((n + 2) >> 8);
    out[5] = (uint8_t)(n + 2);
    memcpy(out + 6, data, n);
    memcpy(out + 6 + n, file + 2, size - 2);
    return size + n + 4;
}
#endif

#endif
