/* TIFF, through libtiff: the first picture of a file. Its orientation is applied, transparency is dropped, 16 bits
 * become 8; bilevel, palette, CMYK, YCbCr and separate planes become grey or colours. */
#include "data/image_format.h"

#ifdef STRIA_HAVE_TIFF
#include <stdio.h>
#include <string.h>
#include <tiffio.h>

#include "base/library.h"
#include "base/memory.h"

#define TIFF_SYMBOLS(X)                                                                                                \
    X(TIFFClientOpenExt)                                                                                               \
    X(TIFFClose)                                                                                                       \
    X(TIFFGetField)                                                                                                    \
    X(TIFFGetFieldDefaulted)                                                                                           \
    X(TIFFOpenOptionsAlloc)                                                                                            \
    X(TIFFOpenOptionsFree)                                                                                             \
    X(TIFFOpenOptionsSetErrorHandlerExtR)                                                                              \
    X(TIFFOpenOptionsSetMaxSingleMemAlloc) X(TIFFOpenOptionsSetWarningHandlerExtR) X(TIFFReadRGBAImageOriented)
LIBRARY(libtiff, STRIA_TIFF_FILE, TIFF_SYMBOLS)

/* What libtiff reads from. */
typedef struct tiff_source {
    const image_file *file;
    uint64_t at;
    char message[160]; /* the first */
} tiff_source;

static tmsize_t source_read(thandle_t handle, void *to, tmsize_t n) {
    tiff_source *s = (tiff_source *)handle;
    uint64_t left = s->at < s->file->size ? s->file->size - s->at : 0;
    uint64_t take = n < 0 ? 0 : (uint64_t)n < left ? (uint64_t)n : left;
    memcpy(to, s->file->data + (take ? s->at : 0), take);
    s->at += take;
    return (tmsize_t)take;
}

static tmsize_t source_write(thandle_t handle, void *from, tmsize_t n) {
    return 0;
}

static toff_t source_seek(thandle_t handle, toff_t to, int from) {
    tiff_source *s = (tiff_source *)handle;
    s->at = from == SEEK_CUR ? s->at + to : from == SEEK_END ? s->file->size + to : to;
    return s->at;
}

static int source_close(thandle_t handle) {
    return 0;
}

static toff_t source_size(thandle_t handle) {
    return ((tiff_source *)handle)->file->size;
}

__attribute__((format(printf, 4, 0))) static int on_error(TIFF *t, void *context, const char *module,
                                                          const char *format, va_list arguments) {
    tiff_source *s = context;
    if (!*s->message) vsnprintf(s->message, sizeof s->message, format, arguments);
    return 1;
}

__attribute__((format(printf, 4, 0))) static int on_warning(TIFF *t, void *context, const char *module,
                                                            const char *format, va_list arguments) {
    return 1;
}

static bool is_grey(TIFF *t) {
    uint16_t kind = 0, samples = 1;
    libtiff.TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &kind);
    libtiff.TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLESPERPIXEL, &samples);
    return (kind == PHOTOMETRIC_MINISBLACK || kind == PHOTOMETRIC_MINISWHITE) && samples <= 2;
}

/* Words of red, green, blue and alpha, the first in the lowest byte. */
static void words_take(const uint32_t *words, image *m) {
    uint8_t *to = m->pixels;
    for (int64_t i = 0; i < (int64_t)m->height * m->width; i++) {
        *to++ = (uint8_t)TIFFGetR(words[i]);
        if (m->channels == 1) continue;
        *to++ = (uint8_t)TIFFGetG(words[i]);
        *to++ = (uint8_t)TIFFGetB(words[i]);
    }
}

static stria_status read_first(TIFF *t, const image_file *f, image *out, stria_error *err) {
    uint32_t width = 0, height = 0;
    uint16_t orientation = 1;
    libtiff.TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &width);
    libtiff.TIFFGetField(t, TIFFTAG_IMAGELENGTH, &height);
    libtiff.TIFFGetFieldDefaulted(t, TIFFTAG_ORIENTATION, &orientation);
    TRY(image_check(f, height, width, err));
    if (orientation < 1 || orientation > 8) orientation = 1;
    uint64_t pixels = (uint64_t)height * width;
    TRY(image_new(f, out, is_grey(t) ? 1 : 3, height, width, 0, f->size, 4 * pixels, err));
    uint32_t *words = NULL;
    TRY(mem_new(&words, pixels, sizeof *words, "a TIFF picture", err));
    int read = libtiff.TIFFReadRGBAImageOriented(t, width, height, words, orientation, 1);
    if (read) words_take(words, out);
    mem_free(words);
    /* As the rows lie: libtiff mirrors, but never makes columns of rows. */
    if (!read) FAIL(err, STRIA_BAD_FILE, "a damaged TIFF, or one of a kind that libtiff does not read");
    return f->how.no_exif ? STRIA_OK : image_orient(out, orientation, err);
}

stria_status image_decode_tiff(const image_file *f, image *out, stria_error *err) {
    tiff_source source = {.file = f};
    TRY(libtiff_load(err));
    TIFFOpenOptions *options = libtiff.TIFFOpenOptionsAlloc();
    if (!options) FAIL(err, STRIA_NO_MEMORY, "not enough memory to read a TIFF");
    libtiff.TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, &source);
    libtiff.TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, &source);
    libtiff.TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)(8 * image_most_pixels(f)));
    TIFF *t = libtiff.TIFFClientOpenExt("TIFF", "rm", (thandle_t)&source, source_read, source_write, source_seek,
                                        source_close, source_size, NULL, NULL, options);
    libtiff.TIFFOpenOptionsFree(options);
    stria_status status = t ? read_first(t, f, out, err) : error_set(err, STRIA_BAD_FILE, "a damaged TIFF");
    if (t) libtiff.TIFFClose(t);
    if (status == STRIA_BAD_FILE && *source.message && err) {
        stria_error why = *err;
        error_set(err, status, "%s: %s", why.text, source.message);
    }
    return status;
}

#else

stria_status image_decode_tiff(const image_file *f, image *out, stria_error *err) {
    FAIL(err, STRIA_UNSUPPORTED, "this build has no libtiff of version 4.5 or newer, so it reads no TIFF");
}

#endif
