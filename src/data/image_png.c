/* PNG by libpng. Its errors arrive by longjmp, so everything that must survive one lives in the job. */
#include "data/image_format.h"

#ifdef STRIA_HAVE_PNG
#include <png.h>
#include <string.h>

#include "base/memory.h"

typedef struct png_job {
    const image_file *file;
    size_t at; /* bytes of it that are read */
    image *out;
    png_structp png;
    png_infop info;
    bool no_memory;
    char message[160];
} png_job;

static void on_error(png_structp png, png_const_charp message) {
    png_job *job = png_get_error_ptr(png);
    size_t n = strlen(message);
    if (n >= sizeof job->message) n = sizeof job->message - 1;
    memcpy(job->message, message, n);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {}

static void *take_memory(png_structp png, png_alloc_size_t bytes) {
    png_job *job = png_get_mem_ptr(png);
    void *p = mem_alloc(bytes);
    if (!p) job->no_memory = true;
    return p;
}

static void give_memory(png_structp png, void *p) {
    mem_free(p);
}

static void read_bytes(png_structp png, png_bytep out, size_t n) {
    png_job *job = png_get_io_ptr(png);
    if (n > job->file->size - job->at) png_error(png, "truncated");
    memcpy(out, job->file->data + job->at, n);
    job->at += n;
}

/* Nothing but pixels, palette and transparency is read: texts could be thousands, each of megabytes when inflated. */
static void ignore_the_rest(png_structp png) {
#ifdef PNG_HANDLE_AS_UNKNOWN_SUPPORTED
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
#endif
    png_set_chunk_malloc_max(png, 8 << 20);
    png_set_chunk_cache_max(png, 16);
}

static stria_status decode_header(png_job *job, stria_error *err) {
    png_set_user_limits(job->png, IMAGE_MAX_SIDE, IMAGE_MAX_SIDE);
    ignore_the_rest(job->png);
    png_set_read_fn(job->png, job, read_bytes);
    png_read_info(job->png, job->info);
    uint64_t rows = png_get_image_height(job->png, job->info);
    uint64_t encoded = rows * (png_get_rowbytes(job->png, job->info) + 1); /* a filter byte a row */
    png_set_expand(job->png);
    png_set_scale_16(job->png);
    png_set_strip_alpha(job->png);
    int passes = png_set_interlace_handling(job->png);
    if (passes > 1) encoded /= 2; /* rows of the early passes are shorter, and there may be fewer of them */
    png_read_update_info(job->png, job->info);
    int channels = png_get_channels(job->png, job->info);
    if (channels != 1 && channels != 3) FAIL(err, STRIA_UNSUPPORTED, "a PNG of %d channels", channels);
    return image_new(job->file, job->out, channels, (int64_t)rows, png_get_image_width(job->png, job->info), encoded,
                     (uint64_t)job->file->size * 1032, 0, err); /* deflate shrinks 1,032 times at most */
}

static stria_status decode(png_job *job, stria_error *err) {
    if (setjmp(png_jmpbuf(job->png))) {
        if (job->no_memory) FAIL(err, STRIA_NO_MEMORY, "not enough memory to decode a PNG");
        FAIL(err, STRIA_BAD_FILE, "a damaged PNG: %s", job->message);
    }
    TRY(decode_header(job, err));
    size_t row = (size_t)job->out->width * (size_t)job->out->channels;
    for (int pass = png_get_interlace_type(job->png, job->info) == PNG_INTERLACE_ADAM7 ? 7 : 1; pass > 0; pass--) {
        for (int y = 0; y < job->out->height; y++) png_read_row(job->png, job->out->pixels + (size_t)y * row, NULL);
    }
    png_read_end(job->png, NULL);
    return STRIA_OK;
}

stria_status image_decode_png(const image_file *f, image *out, stria_error *err) {
    png_job job = {.file = f, .out = out};
    size_t length;
    if (image_png_chunk(f->data, f->size, "acTL", true, &length))
        FAIL(err, STRIA_UNSUPPORTED, "an animated PNG: only still pictures are read");
    job.png =
        png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning, &job, take_memory, give_memory);
    if (job.png) job.info = png_create_info_struct(job.png);
    stria_status status = STRIA_NO_MEMORY;
    if (job.info) status = decode(&job, err);
    else error_set(err, status, "not enough memory to decode a PNG");
    png_destroy_read_struct(&job.png, &job.info, NULL);
    return status;
}

#else

stria_status image_decode_png(const image_file *f, image *out, stria_error *err) {
    FAIL(err, STRIA_UNSUPPORTED, "this build has no libpng, so it reads no PNG");
}

#endif
