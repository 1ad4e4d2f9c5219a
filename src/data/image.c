#include "data/image.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/image_format.h"

#define FILE_MAX ((size_t)5 << 28) /* the largest picture that is accepted, uncompressed, and its header */

#define HEADER_BYTES 8192 /* enough for most headers */

/* Without max_pixels, a picture takes at most this many bytes, and as many more for each byte of its file. */
#define FREE_BYTES     ((uint64_t)16 << 20)
#define BYTES_PER_BYTE 4096 /* a page in one colour: PNG shrinks a bit per pixel 1,032 times */

typedef struct format_row {
    const char *magic;
    size_t length;
    image_decoder *decode; /* NULL: known, but not read */
    const char *name;
} format_row;

static const format_row formats[] = {
    {"\x89PNG\r\n\x1a\n", 8, image_decode_png, "PNG"},
    {"\xff\xd8\xff", 3, image_decode_jpeg, "JPEG"},
    {"BM", 2, image_decode_bmp, "BMP"},
    {"P2", 2, image_decode_pnm, "PNM"},
    {"P3", 2, image_decode_pnm, "PNM"},
    {"P5", 2, image_decode_pnm, "PNM"},
    {"P6", 2, image_decode_pnm, "PNM"},
    {"GIF8", 4, NULL, "GIF"},
    {"RIFF", 4, image_decode_webp, "WebP"},
    {"II*\0", 4, image_decode_tiff, "TIFF"},
    {"MM\0*", 4, image_decode_tiff, "TIFF"},
    {"P1", 2, NULL, "PBM"},
    {"P4", 2, NULL, "PBM"},
    {"P7", 2, NULL, "PAM"},
};
enum { FORMATS = sizeof formats / sizeof *formats };

int64_t image_most_pixels(const image_file *f) {
    if (!f->how.max_pixels) return IMAGE_PIXELS;
    return f->how.max_pixels < IMAGE_MAX_PIXELS ? f->how.max_pixels : IMAGE_MAX_PIXELS;
}

stria_status image_check(const image_file *f, int64_t height, int64_t width, stria_error *err) {
    int64_t most = image_most_pixels(f);
    if (height < 1 || width < 1) FAIL(err, STRIA_BAD_FILE, "a picture without pixels");
    if (height > IMAGE_MAX_SIDE || width > IMAGE_MAX_SIDE || height * width > IMAGE_MAX_PIXELS) {
        FAIL(err, STRIA_UNSUPPORTED, "a picture of %lld x %lld pixels is too large", (long long)width,
             (long long)height);
    }
    if (height * width > most) {
        FAIL(err, STRIA_UNSUPPORTED,
             "a picture of %lld x %lld pixels is larger than the limit of %lld; a larger --max-pixels reads it",
             (long long)width, (long long)height, (long long)most);
    }
    return STRIA_OK;
}

/* Many pixels in a tiny file: more likely made to exhaust memory than a picture. */
static stria_status check_budget(const image_file *f, const image *m, uint64_t bytes, stria_error *err) {
    if (f->how.max_pixels || bytes <= FREE_BYTES + BYTES_PER_BYTE * (uint64_t)f->size) return STRIA_OK;
    FAIL(err, STRIA_UNSUPPORTED,
         "a picture of %d x %d pixels in a file of %zu bytes would take %llu bytes of memory; --max-pixels reads it",
         m->width, m->height, f->size, (unsigned long long)bytes);
}

stria_status image_new(const image_file *f, image *out, int channels, int64_t height, int64_t width,
                       uint64_t encoded_bytes, uint64_t available, uint64_t work_bytes, stria_error *err) {
    TRY(image_check(f, height, width, err));
    if (encoded_bytes > available) {
        FAIL(err, STRIA_BAD_FILE, "truncated: %lld x %lld pixels do not fit into its bytes", (long long)width,
             (long long)height);
    }
    image m = {channels, (int)height, (int)width, NULL};
    size_t bytes = (size_t)height * (size_t)width * (size_t)channels;
    TRY(check_budget(f, &m, bytes + work_bytes, err));
    m.pixels = mem_alloc(bytes);
    if (!m.pixels) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a picture (%zu bytes)", bytes);
    *out = m;
    return STRIA_OK;
}

static stria_status decode_as(const format_row *format, const image_file *f, image *out, stria_error *err) {
    if (!format->decode)
        FAIL(err, STRIA_UNSUPPORTED, "%s pictures are not read: convert it to PNG or JPEG", format->name);
    image m = {0};
    stria_status status = format->decode(f, &m, err);
    if (status == STRIA_OK && !f->how.no_exif) status = image_orient(&m, image_orientation(f->data, f->size), err);
    if (status == STRIA_OK) *out = m;
    else image_release(&m);
    return status;
}

stria_status image_decode(const uint8_t *data, size_t size, const image_reading *how, image *out, stria_error *err) {
    image_file f = {data, size, how ? *how : (image_reading){0}};
    if (size == 0) FAIL(err, STRIA_BAD_FILE, "an empty file");
    for (int i = 0; i < FORMATS; i++) {
        const format_row *row = &formats[i];
        if (size >= row->length && memcmp(data, row->magic, row->length) == 0) return decode_as(row, &f, out, err);
    }
    FAIL(err, STRIA_BAD_FILE, "not a PNG, JPEG, WebP, TIFF, BMP or PNM picture");
}

/* Decodes a file's bytes and frees them. */
static stria_status decode_owned(const char *name, uint8_t *data, size_t size, const image_reading *how, image *out,
                                 stria_error *err) {
    stria_status status = image_decode(data, size, how, out, err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", name);
    mem_free(data);
    return status;
}

stria_status image_load(const char *path, const image_reading *how, image *out, stria_error *err) {
    uint8_t *data = NULL;
    size_t size = 0;
    TRY(file_read(path, FILE_MAX, &data, &size, err));
    return decode_owned(path, data, size, how, out, err);
}

stria_status image_load_named(const char *path, const image_reading *how, image *out, stria_error *err) {
    uint8_t *data = NULL;
    size_t size = 0;
    TRY(file_read_named(path, FILE_MAX, &data, &size, err));
    return decode_owned(file_name_shown(path), data, size, how, out, err);
}

image_facts image_look(const char *path, bool no_exif) {
    uint8_t begin[HEADER_BYTES], *data = NULL;
    size_t size = file_begin(path, begin, sizeof begin);
    image_facts f = image_header_facts(begin, size, no_exif);
    if (f.channels || size < sizeof begin || file_read(path, FILE_MAX, &data, &size, NULL) != STRIA_OK) return f;
    f = image_header_facts(data, size, no_exif);
    mem_free(data);
    return f;
}

void image_release(image *m) {
    mem_free(m->pixels);
    *m = (image){0};
}

bool image_name(const char *name) {
    static const char *const ends[] = {".png",  ".jpg", ".jpeg", ".webp", ".tif",
                                       ".tiff", ".bmp", ".pgm",  ".ppm",  ".pnm"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof ends / sizeof *ends; i++) {
        if (strcasecmp(dot, ends[i]) == 0) return true;
    }
    return false;
}
