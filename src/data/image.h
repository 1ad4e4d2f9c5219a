/* Pictures from files: PNG, JPEG, BMP, PNM (P2, P3, P5, P6). Whoever made the file may be hostile: what is decoded is
 * bounded by what the file can hold, at most 65,535 a side and 2²⁸ pixels. */
#ifndef DATA_IMAGE_H
#define DATA_IMAGE_H

#include "base/error.h"

#define IMAGE_MAX_SIDE   65535
#define IMAGE_MAX_PIXELS ((int64_t)1 << 28)

/* 8-bit samples, interleaved: pixels[(row·width + column)·channels + channel]. Zero-initialise. */
typedef struct image {
    int channels; /* 1 grey, 3 RGB. Transparency is dropped, 16 bits become 8, CMYK becomes RGB */
    int height, width;
    uint8_t *pixels; /* owned (mem_free) */
} image;

/* Reads and decodes; the format is known by its first bytes, not by the name. Thread-safe. */
stria_status image_load(const char *path, image *out, stria_error *err);
/* The same for a path that the user typed, which may also be a pipe, or "-" for standard input. */
stria_status image_load_named(const char *path, image *out, stria_error *err);
stria_status image_decode(const uint8_t *data, size_t size, image *out, stria_error *err);
void image_release(image *m); /* accepts a zeroed image; leaves it zeroed */

/* Writes a picture of 1 or 3 channels atomically, as its name ends: .png, .pgm (grey), .ppm (colour) or .pnm. */
stria_status image_write(const char *path, const image *m, stria_error *err);

/* True for the names that image_load may read: .png .jpg .jpeg .bmp .pgm .ppm .pnm, any case. */
bool image_name(const char *name);

#endif
