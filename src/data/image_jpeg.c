/* JPEG by libjpeg. Its errors arrive by longjmp, so everything that must survive one lives in the job. */
#include "data/image_format.h"

#ifdef STRIA_HAVE_JPEG
#include <setjmp.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>

#include "base/memory.h"

/* A progressive file has about ten scans, each of which is a pass over all coefficients; thousands of empty ones would
 * take minutes. */
#define SCANS_MAX  200
#define PASSES_MAX 16 /* over the most pixels that are allowed */

typedef struct jpeg_job {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    const image_file *file;
    image *out;
    uint8_t *row; /* CMYK */
    char message[JMSG_LENGTH_MAX];
} jpeg_job;

static void on_error(j_common_ptr common) {
    jpeg_job *job = common->client_data;
    common->err->format_message(common, job->message);
    longjmp(job->back, 1);
}

/* libjpeg warns and goes on with grey where data are missing or broken: that picture is not what was photographed. */
static void on_message(j_common_ptr common, int level) {
    int code = common->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) on_error(common);
}

static void no_output(j_common_ptr common) {}

static void count_scans(j_common_ptr common) {
    jpeg_job *job = common->client_data;
    int64_t pixels = (int64_t)job->jpeg.image_height * job->jpeg.image_width, scans = job->jpeg.input_scan_number;
    if (scans > SCANS_MAX || scans * pixels > PASSES_MAX * image_most_pixels(job->file)) {
        snprintf(job->message, sizeof job->message, "%lld scans are too many for %lld pixels", (long long)scans,
                 (long long)pixels);
        longjmp(job->back, 1);
    }
}

/* CMYK is stored inverted, as Adobe does it: 255 is no ink, so a product is the light that is left. Files without
 * Adobe's marker are read in the same way by Pillow, OpenCV and browsers. */
static void cmyk_to_rgb(const uint8_t *from, uint8_t *to, int width) {
    for (int x = 0; x < width; x++)
        for (int c = 0; c < 3; c++) to[3 * x + c] = (uint8_t)((from[4 * x + c] * from[4 * x + 3] + 127) / 255);
}

/* Files of several scans are kept whole, two bytes a coefficient. */
static uint64_t coefficient_bytes(jpeg_job *job) {
    uint64_t pixels = (uint64_t)job->jpeg.image_height * job->jpeg.image_width;
    return jpeg_has_multiple_scans(&job->jpeg) ? 2 * pixels * (uint64_t)job->jpeg.num_components : 0;
}

/* The size that pixels come out in: by how many of a block's 8x8 coefficients are used. */
static void reduce(jpeg_job *job) {
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    unsigned shorter = jpeg->image_height < jpeg->image_width ? jpeg->image_height : jpeg->image_width;
    unsigned least = job->file->how.least_side > 0 ? (unsigned)job->file->how.least_side : shorter;
    jpeg->scale_num = 1;
    jpeg->scale_denom = 1;
    while (jpeg->scale_denom < 8 && shorter / (2 * jpeg->scale_denom) >= least) jpeg->scale_denom *= 2;
    jpeg_calc_output_dimensions(jpeg);
}

static stria_status decode_header(jpeg_job *job, stria_error *err) {
    const image_file *f = job->file;
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &job->progress;
    jpeg_mem_src(jpeg, f->data, (unsigned long)f->size);
    jpeg_read_header(jpeg, TRUE);
    if (jpeg->arith_code) FAIL(err, STRIA_UNSUPPORTED, "a JPEG with arithmetic coding: convert it to an ordinary one");
    int channels = jpeg->num_components;
    if (channels != 1 && channels != 3 && channels != 4)
        FAIL(err, STRIA_UNSUPPORTED, "a JPEG of %d channels", channels);
    jpeg->out_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    reduce(job);
    /* A block of 8x8 pixels takes at least a bit. Checked before libjpeg takes memory for coefficients. */
    uint64_t encoded = (uint64_t)jpeg->image_height * jpeg->image_width / (64 * 8);
    TRY(image_check(f, jpeg->image_height, jpeg->image_width, err));
    TRY(image_new(f, job->out, channels == 1 ? 1 : 3, jpeg->output_height, jpeg->output_width, encoded, f->size,
                  coefficient_bytes(job), err));
    if (channels == 4) TRY(mem_new(&job->row, jpeg->output_width, 4, "a row of a picture", err));
    return STRIA_OK;
}

static stria_status decode(jpeg_job *job, stria_error *err) {
    if (setjmp(job->back)) {
        if (job->errors.msg_code == JERR_OUT_OF_MEMORY)
            FAIL(err, STRIA_NO_MEMORY, "not enough memory to decode a JPEG");
        FAIL(err, STRIA_BAD_FILE, "a damaged JPEG: %s", job->message);
    }
    TRY(decode_header(job, err));
    jpeg_start_decompress(&job->jpeg);
    while (job->jpeg.output_scanline < job->jpeg.output_height) {
        uint8_t *to = job->out->pixels;
        to += (size_t)job->jpeg.output_scanline * (size_t)job->out->width * (size_t)job->out->channels;
        JSAMPROW row = job->row ? job->row : to;
        jpeg_read_scanlines(&job->jpeg, &row, 1);
        if (job->row) cmyk_to_rgb(job->row, to, job->out->width);
    }
    jpeg_finish_decompress(&job->jpeg);
    return STRIA_OK;
}

stria_status image_decode_jpeg(const image_file *f, image *out, stria_error *err) {
    jpeg_job job = {.file = f, .out = out};
    job.jpeg.err = jpeg_std_error(&job.errors);
    job.jpeg.client_data = &job;
    job.errors.error_exit = on_error;
    job.errors.emit_message = on_message;
    job.errors.output_message = no_output;
    job.progress.progress_monitor = count_scans;
    stria_status status = decode(&job, err);
    jpeg_destroy_decompress(&job.jpeg);
    mem_free(job.row);
    return status;
}

#else

stria_status image_decode_jpeg(const image_file *f, image *out, stria_error *err) {
    FAIL(err, STRIA_UNSUPPORTED, "this build has no libjpeg, so it reads no JPEG");
}

#endif
