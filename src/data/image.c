#include "data/image.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/image_format.h"

#define FILE_MAX ((size_t)5 << 28) /* the largest picture that is accepted, uncompressed, and its header */

typedef stria_status image_decoder(const uint8_t *data, size_t size, image *out, stria_error *err);

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
    {"RIFF", 4, NULL, "WebP"},
    {"II*\0", 4, NULL, "TIFF"},
    {"MM\0*", 4, NULL, "TIFF"},
    {"P1", 2, NULL, "PBM"},
    {"P4", 2, NULL, "PBM"},
    {"P7", 2, NULL, "PAM"},
};
enum { FORMATS = sizeof formats / sizeof *formats };

stria_status image_check(int64_t height, int64_t width, uint64_t encoded_bytes, uint64_t available, stria_error *err) {
    if (height < 1 || width < 1) FAIL(err, STRIA_BAD_FILE, "a picture without pixels");
    if (height > IMAGE_MAX_SIDE || width > IMAGE_MAX_SIDE || height * width > IMAGE_MAX_PIXELS) {
        FAIL(err, STRIA_UNSUPPORTED, "a picture of %lld x %lld pixels is too large", (long long)width,
             (long long)height);
    }
    if (encoded_bytes > available) {
        FAIL(err, STRIA_BAD_FILE, "truncated: %lld x %lld pixels do not fit into its bytes", (long long)width,
             (long long)height);
    }
    return STRIA_OK;
}

stria_status image_new(image *out, int channels, int64_t height, int64_t width, uint64_t encoded_bytes,
                       uint64_t available, stria_error *err) {
    TRY(image_check(height, width, encoded_bytes, available, err));
    size_t bytes = (size_t)height * (size_t)width * (size_t)channels;
    out->pixels = mem_alloc(bytes);
    if (!out->pixels) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a picture (%zu bytes)", bytes);
    out->channels = channels;
    out->height = (int)height;
    out->width = (int)width;
    return STRIA_OK;
}

stria_status image_decode(const uint8_t *data, size_t size, image *out, stria_error *err) {
    if (size == 0) FAIL(err, STRIA_BAD_FILE, "an empty file");
    for (int i = 0; i < FORMATS; i++) {
        const format_row *f = &formats[i];
        if (size < f->length || memcmp(data, f->magic, f->length) != 0) continue;
        if (!f->decode) FAIL(err, STRIA_UNSUPPORTED, "%s pictures are not read: convert it to PNG or JPEG", f->name);
        image m = {0};
        stria_status status = f->decode(data, size, &m, err);
        if (status == STRIA_OK) *out = m;
        else image_release(&m);
        return status;
    }
    FAIL(err, STRIA_BAD_FILE, "not a picture that is read (PNG, JPEG, BMP, PGM, PPM)");
}

/* Decodes a file's bytes and frees them. */
static stria_status decode_owned(const char *name, uint8_t *data, size_t size, image *out, stria_error *err) {
    stria_status status = image_decode(data, size, out, err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", name);
    mem_free(data);
    return status;
}

stria_status image_load(const char *path, image *out, stria_error *err) {
    uint8_t *data = NULL;
    size_t size = 0;
    TRY(file_read(path, FILE_MAX, &data, &size, err));
    return decode_owned(path, data, size, out, err);
}

stria_status image_load_named(const char *path, image *out, stria_error *err) {
    uint8_t *data = NULL;
    size_t size = 0;
    TRY(file_read_named(path, FILE_MAX, &data, &size, err));
    return decode_owned(file_name_shown(path), data, size, out, err);
}

void image_release(image *m) {
    mem_free(m->pixels);
    *m = (image){0};
}

bool image_name(const char *name) {
    static const char *const ends[] = {".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm", ".pnm"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof ends / sizeof *ends; i++) {
        if (strcasecmp(dot, ends[i]) == 0) return true;
    }
    return false;
}
