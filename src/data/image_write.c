/* Pictures into files: PNG by libpng, PNM by a line of header. */
#include "data/image_format.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"

#ifdef STRIA_HAVE_PNG
#include <png.h>

#include "base/memory.h"

/* libpng's errors arrive by longjmp, so what must survive one lives here. */
typedef struct png_job {
    file_writer *file;
    stria_error *err;
    stria_status status;
    png_structp png;
    png_infop info;
} png_job;

static void on_error(png_structp png, png_const_charp message) {
    png_job *job = png_get_error_ptr(png);
    if (job->status == STRIA_OK) job->status = error_set(job->err, STRIA_IO, "a PNG cannot be written: %s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {}

static void *take_memory(png_structp png, png_alloc_size_t bytes) {
    png_job *job = png_get_mem_ptr(png);
    void *p = mem_alloc(bytes);
    if (!p) job->status = error_set(job->err, STRIA_NO_MEMORY, "not enough memory to write a PNG");
    return p;
}

static void give_memory(png_structp png, void *p) {
    mem_free(p);
}

static void write_bytes(png_structp png, png_bytep data, size_t n) {
    png_job *job = png_get_io_ptr(png);
    job->status = file_writer_write(job->file, data, n, job->err);
    if (job->status != STRIA_OK) png_longjmp(png, 1);
}

static void encode(png_job *job, const image *m) {
    if (setjmp(png_jmpbuf(job->png))) return;
    png_set_write_fn(job->png, job, write_bytes, NULL);
    png_set_IHDR(job->png, job->info, (png_uint_32)m->width, (png_uint_32)m->height, 8,
                 m->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(job->png, job->info);
    size_t row = (size_t)m->width * (size_t)m->channels;
    for (int y = 0; y < m->height; y++) png_write_row(job->png, m->pixels + (size_t)y * row);
    png_write_end(job->png, NULL);
}

stria_status image_encode_png(file_writer *w, const image *m, stria_error *err) {
    png_job job = {.file = w, .err = err};
    job.png =
        png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning, &job, take_memory, give_memory);
    if (job.png) job.info = png_create_info_struct(job.png);
    if (job.info) encode(&job, m);
    else if (job.status == STRIA_OK) job.status = error_set(err, STRIA_NO_MEMORY, "not enough memory to write a PNG");
    png_destroy_write_struct(&job.png, &job.info);
    return job.status;
}

#else

stria_status image_encode_png(file_writer *w, const image *m, stria_error *err) {
    FAIL(err, STRIA_UNSUPPORTED, "this build has no libpng, so it writes no PNG; .pgm and .ppm it does");
}

#endif

static stria_status encode_pnm(file_writer *w, const image *m, stria_error *err) {
    TRY(file_writer_printf(w, err, "P%d\n%d %d\n255\n", m->channels == 3 ? 6 : 5, m->width, m->height));
    return file_writer_write(w, m->pixels, (size_t)m->height * (size_t)m->width * (size_t)m->channels, err);
}

typedef stria_status image_encoder(file_writer *w, const image *m, stria_error *err);

static stria_status encoder_find(const char *path, int channels, image_encoder **out, stria_error *err) {
    const char *dot = strrchr(path, '.'), *end = dot ? dot : "";
    bool png = strcasecmp(end, ".png") == 0, pnm = strcasecmp(end, ".pnm") == 0;
    bool grey = strcasecmp(end, ".pgm") == 0, colour = strcasecmp(end, ".ppm") == 0;
    if (!png && !pnm && !grey && !colour)
        FAIL(err, STRIA_BAD_ARGUMENT, "'%s' does not end in .png, .pgm, .ppm or .pnm, so its format is not known",
             path);
    if (grey && channels == 3)
        FAIL(err, STRIA_BAD_ARGUMENT, "'%s': a picture in colour does not fit into a .pgm; .ppm and .png hold it",
             path);
    if (colour && channels == 1)
        FAIL(err, STRIA_BAD_ARGUMENT, "'%s': a grey picture does not fit into a .ppm; .pgm and .png hold it", path);
    *out = png ? image_encode_png : encode_pnm;
    return STRIA_OK;
}

stria_status image_write(const char *path, const image *m, stria_error *err) {
    image_encoder *encode_as;
    file_writer *w;
    TRY(encoder_find(path, m->channels, &encode_as, err));
    TRY(file_writer_open(&w, path, err));
    stria_status status = encode_as(w, m, err);
    if (status == STRIA_OK) return file_writer_commit(w, err);
    file_writer_abort(w);
    return status;
}
