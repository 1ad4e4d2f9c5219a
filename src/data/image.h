/* Pictures from files: PNG, JPEG, WebP, TIFF, BMP, PNM (P2, P3, P5, P6). Whoever made the file may be hostile: memory
 * and work are bounded by the number of pixels and by the size of the file. */
#ifndef DATA_IMAGE_H
#define DATA_IMAGE_H

#include "base/error.h"

#define IMAGE_MAX_SIDE   65535
#define IMAGE_MAX_PIXELS ((int64_t)1 << 28) /* the most that can be asked for */
#define IMAGE_PIXELS     ((int64_t)1 << 26) /* the most by default */

/* 8-bit samples, interleaved: pixels[(row·width + column)·channels + channel]. Zero-initialise. */
typedef struct image {
    int channels; /* 1 grey, 3 RGB. Transparency is dropped, 16 bits become 8, CMYK becomes RGB */
    int height, width;
    uint8_t *pixels; /* owned (mem_free) */
} image;

/* How files are read; zeros, or NULL where it is passed: whole, as EXIF says, within the default limits. */
typedef struct image_reading {
    int64_t max_pixels;
    bool no_exif;   /* pixels stay as they are stored, whatever orientation the file gives */
    int least_side; /* a JPEG is decoded at 1/2, 1/4 or 1/8 of its size, the smallest of them whose shorter side has so
                       many pixels at least; 0: whole */
} image_reading;

/* Reads and decodes; the format is known by its first bytes, not by the name. The orientation that EXIF data in a JPEG,
 * PNG or WebP file, or a tag of a TIFF file give is applied. Thread-safe.
 *
 * max_pixels 0: at most IMAGE_PIXELS pixels, and at most 16 MiB and 4,096 times the file's size in memory. Otherwise at
 * most that many pixels (at most IMAGE_MAX_PIXELS), whatever the file's size. A JPEG may have as many scans as make 16
 * passes over the most pixels that are allowed, at most 200. Memory: height · width · channels bytes, twice that where
 * an orientation is applied, three times that for a progressive JPEG.
 *
 * STRIA_UNSUPPORTED beyond these limits and for formats that are not read, STRIA_BAD_FILE for damaged files,
 * STRIA_NO_FILE, STRIA_IO, STRIA_NO_MEMORY. */
stria_status image_load(const char *path, const image_reading *how, image *out, stria_error *err);
stria_status image_decode(const uint8_t *data, size_t size, const image_reading *how, image *out, stria_error *err);
/* The same for a path that the user typed, which may also be a pipe, or "-" for standard input. */
stria_status image_load_named(const char *path, const image_reading *how, image *out, stria_error *err);
/* A picture as its header has it: channels 1 or 3; height and width as they are shown, 0 where not known.
 * Zeros: not a picture that is read. */
typedef struct image_facts {
    int channels, height, width;
} image_facts;
/* The size of the picture in this file; no_exif: as stored. Thread-safe. */
image_facts image_look(const char *path, bool no_exif);
void image_release(image *m); /* accepts a zeroed image; leaves it zeroed */

/* Writes a picture of 1 or 3 channels atomically, as its name ends: .png, .pgm (grey), .ppm (colour) or .pnm. */
stria_status image_write(const char *path, const image *m, stria_error *err);

/* True for the names that image_load may read: .png .jpg .jpeg .webp .tif .tiff .bmp .pgm .ppm .pnm, any case. */
bool image_name(const char *name);

#endif
