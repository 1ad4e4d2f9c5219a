/* The parts of image_decode: the decoders, which fill *out (zeroed before) and on failure leave what it took to the
 * caller, and the parts of a file that are not pixels. */
#ifndef DATA_IMAGE_FORMAT_H
#define DATA_IMAGE_FORMAT_H

#include "data/image.h"

/* A picture's file in memory. */
typedef struct image_file {
    const uint8_t *data;
    size_t size;
    image_reading how;
} image_file;

typedef stria_status image_decoder(const image_file *f, image *out, stria_error *err);

image_decoder image_decode_png, image_decode_jpeg, image_decode_webp, image_decode_tiff, image_decode_bmp,
    image_decode_pnm;

/* The destination of PNG bytes, in order. */
typedef struct file_writer file_writer;
stria_status image_encode_png(file_writer *w, const image *m, stria_error *err);

/* The pixels that the limits allow, at most. */
int64_t image_most_pixels(const image_file *f);

/* Checks that the sides are in range and the limits allow this many pixels; call it before products that could
 * overflow. */
stria_status image_check(const image_file *f, int64_t height, int64_t width, stria_error *err);

/* Checks sizes and takes memory for a picture of `channels`. encoded_bytes: the least that a file must spend on it,
 * available: what is there; work_bytes: what decoding takes in addition to the picture. */
stria_status image_new(const image_file *f, image *out, int channels, int64_t height, int64_t width,
                       uint64_t encoded_bytes, uint64_t available, uint64_t work_bytes, stria_error *err);

/* ---- headers (image_header.c) ---- */

/* EXIF's orientation of a JPEG or PNG file, 1…8: 1 where it gives none, or one that is damaged. Reads no further than
 * `size` and takes no memory. */
int image_orientation(const uint8_t *data, size_t size);

/* The result's shape, from the header in these first bytes of a file; channels 0 if they do not show it. */
image_facts image_header_facts(const uint8_t *data, size_t size, bool no_exif);

/* Turns and mirrors the pixels so that orientation 1 is what they have. STRIA_NO_MEMORY. */
stria_status image_orient(image *m, int orientation, stria_error *err);

/* The contents of a PNG file's first chunk of this name, before its pixels or anywhere; NULL if there is none. */
const uint8_t *image_png_chunk(const uint8_t *data, size_t size, const char *name, bool before_pixels, size_t *length);

#endif
