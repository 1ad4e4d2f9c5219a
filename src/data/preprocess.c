#include "data/preprocess.h"

#include "data/image.h"
#include "data/resize.h"

#include <math.h>

image_view image_view_of(const image *m) {
    return (image_view){.bytes = m->pixels,
                        .channels = m->channels,
                        .height = m->height,
                        .width = m->width,
                        .channel_step = 1,
                        .row_step = (int64_t)m->width * m->channels,
                        .pixel_step = m->channels};
}

preprocess preprocess_default(void) {
    return (preprocess){.scale = 1.0 / 255, .range = {0, 255}};
}

/* ---- shapes ---- */

/* What the picture is resized to, before the crop. Sides of 0 stay 0 (unknown). */
static void resized(const preprocess *p, int height, int width, int *rh, int *rw) {
    *rh = height;
    *rw = width;
    if (p->resize_height && p->resize_width) {
        *rh = p->resize_height;
        *rw = p->resize_width;
    } else if (p->resize_height && height && width) {
        int shorter = height < width ? height : width;
        *rh = (int)((int64_t)height * p->resize_height / shorter);
        *rw = (int)((int64_t)width * p->resize_height / shorter);
    }
}

static int channels_out(const preprocess *p, int channels) {
    return p->order == PREPROCESS_KEEP ? channels : p->order == PREPROCESS_GREY ? 1 : 3;
}

static stria_status check_channels(const preprocess *p, int channels, stria_error *err) {
    if (p->order != PREPROCESS_KEEP && channels != 1 && channels != 3) {
        FAIL(err, STRIA_BAD_SHAPE,
             "the pictures have %d channel%s; colours can be reordered or turned grey where there are 3", channels,
             text_s(channels));
    }
    int oc = channels_out(p, channels);
    if ((p->means > 1 && p->means != oc) || (p->stds > 1 && p->stds != oc)) {
        FAIL(err, STRIA_BAD_SHAPE, "preprocessing has %d mean%s and %d deviation%s for pictures of %d channel%s",
             p->means, text_s(p->means), p->stds, text_s(p->stds), oc, text_s(oc));
    }
    return STRIA_OK;
}

stria_status preprocess_shape(const preprocess *p, int channels, int height, int width, int shape[3],
                              stria_error *err) {
    int rh, rw;
    TRY(check_channels(p, channels, err));
    resized(p, height, width, &rh, &rw);
    if (rh > IMAGE_MAX_SIDE || rw > IMAGE_MAX_SIDE) {
        FAIL(err, STRIA_BAD_SHAPE, "a picture of %d x %d would be resized to %d x %d", width, height, rw, rh);
    }
    if ((rh && p->crop_height > rh) || (rw && p->crop_width > rw)) {
        FAIL(err, STRIA_BAD_SHAPE, "a crop of %d x %d does not fit into a picture of %d x %d: resize it first",
             p->crop_width, p->crop_height, rw, rh);
    }
    shape[0] = channels_out(p, channels);
    shape[1] = p->crop_height ? p->crop_height : rh;
    shape[2] = p->crop_width ? p->crop_width : rw;
    if (!shape[1] || !shape[2]) {
        FAIL(err, STRIA_BAD_SHAPE, "the pictures differ in size: say how to resize or crop them");
    }
    return STRIA_OK;
}

/* ---- ranges ---- */

static bool in_unit(value_range r) {
    return r.least >= 0 && r.most <= 1;
}

static bool is_range(const preprocess *p, double least, double most) {
    return p->range[0] == least && p->range[1] == most;
}

void preprocess_set_range(preprocess *p, value_range r) {
    bool unit = in_unit(r), pixels = r.whole && r.least >= 0 && r.most <= 255;
    p->ranged = true;
    p->range[0] = unit || pixels ? 0 : r.least;
    p->range[1] = unit ? 1 : pixels ? 255 : r.most;
}

/* Returns true if values can be of the range that p was made for: about as wide, and not far outside. */
static bool plausible(const preprocess *p, value_range r) {
    double width = p->range[1] - p->range[0], have = r.most - r.least;
    return r.least >= p->range[0] - width / 2 && r.most <= p->range[1] + width / 2 && have >= width / 8;
}

double preprocess_factor(const preprocess *p, value_range r, bool *doubtful) {
    preprocess data = {0};
    bool raw = !p->ranged && p->scale == 1 && !p->means && !p->stds, nothing = r.least == 0 && r.most == 0;
    *doubtful = false;
    if (raw || nothing) return 1;
    preprocess_set_range(&data, r);
    if (is_range(p, data.range[0], data.range[1])) return 1;
    if (is_range(p, 0, 255) && is_range(&data, 0, 1)) return 255;
    if (is_range(p, 0, 1) && is_range(&data, 0, 255)) return 1.0 / 255;
    *doubtful = is_range(&data, 0, 1) || is_range(&data, 0, 255) || !plausible(p, r);
    return 1;
}

preprocess preprocess_fit(const preprocess *p, const image_view *view, const int shape[3]) {
    preprocess q = *p;
    bool sized = q.resize_height || q.crop_height || view->values, doubtful;
    q.scale *= preprocess_factor(p, view->values ? view->range : RANGE_OF_PIXELS, &doubtful);
    bool grey = shape[0] == 1 && (view->channels == 0 || view->channels == 3);
    bool colour = shape[0] == 3 && view->channels <= 1;
    if (q.order == PREPROCESS_KEEP && grey) q.order = PREPROCESS_GREY;
    if (q.order == PREPROCESS_KEEP && colour) q.order = PREPROCESS_RGB;
    if (!sized && (view->height != shape[1] || view->width != shape[2])) {
        q.resize_height = shape[1];
        q.resize_width = shape[2];
    }
    return q;
}

int preprocess_least_side(const preprocess *p, const int shape[3]) {
    if (p->resize_height) return p->resize_height > p->resize_width ? p->resize_height : p->resize_width;
    return p->crop_height ? 0 : shape[1] > shape[2] ? shape[1] : shape[2];
}

/* ---- pixels ---- */

static float sample(const image_view *v, int c, int64_t at) {
    at += c * v->channel_step;
    return v->bytes ? (float)v->bytes[at] : v->values[at];
}

/* Row y of one output channel, before scaling. */
static void gather_row(const preprocess *p, const image_view *v, int channel, int y, float *to) {
    bool grey = p->order == PREPROCESS_GREY && v->channels == 3;
    int from = v->channels == 1 ? 0 : p->order == PREPROCESS_BGR ? 2 - channel : channel;
    int64_t at = y * v->row_step;
    for (int x = 0; x < v->width; x++, at += v->pixel_step) {
        if (grey) to[x] = 0.299f * sample(v, 0, at) + 0.587f * sample(v, 1, at) + 0.114f * sample(v, 2, at);
        else to[x] = sample(v, from, at);
    }
}

/* What resize_plane asks for a channel's rows. */
typedef struct row_job {
    const preprocess *p;
    const image_view *v;
    int channel;
} row_job;

static void row_gather(const void *context, int y, float *row) {
    const row_job *job = context;
    gather_row(job->p, job->v, job->channel, y, row);
}

/* (pixel·scale − mean) / std, as one multiplication and one addition in double. */
typedef struct affine {
    double factor, offset;
} affine;

static affine affine_of(const preprocess *p, int channel) {
    double mean = p->means ? p->mean[p->means > 1 ? channel : 0] : 0;
    double std = p->stds ? p->std[p->stds > 1 ? channel : 0] : 1;
    return (affine){p->scale / std, -mean / std};
}

static void scale_plane(float *x, int64_t n, affine a) {
    if (a.factor == 1 && a.offset == 0) return;
    for (int64_t i = 0; i < n; i++) x[i] = (float)(x[i] * a.factor + a.offset);
}

preprocess preprocess_unscaled(const preprocess *p) {
    preprocess q = *p;
    q.scale = 1;
    q.means = q.stds = 0;
    return q;
}

void preprocess_scale(const preprocess *p, const int shape[3], float *x) {
    int64_t area = (int64_t)shape[1] * shape[2];
    for (int c = 0; c < shape[0]; c++) scale_plane(x + c * area, area, affine_of(p, c));
}

void preprocess_span(const preprocess *p, int channel, double *least, double *most) {
    affine a = affine_of(p, channel);
    *least = (p->ranged ? p->range[0] : 0) * a.factor + a.offset;
    *most = (p->ranged ? p->range[1] : 255) * a.factor + a.offset;
}

float preprocess_black(const preprocess *p, int channel, bool measured) {
    affine a = affine_of(p, channel);
    double x = -a.offset / a.factor;
    if (measured) return isfinite(x) ? (float)x : 0;
    return (float)(x > 0 ? x < 255 ? x : 255 : 0); /* 0 also where a factor of 0 makes it no number */
}

void preprocess_tabulate(const preprocess *p, int channels_out, pixel_table *table) {
    for (int c = 0; c < channels_out && c < PREPROCESS_CHANNELS; c++) {
        affine a = affine_of(p, c);
        for (int i = 0; i < 256; i++) table->value[c][i] = (float)(i * a.factor + a.offset);
    }
}

/* Dense byte planes that keep their size, as MNIST's and CIFAR's: one pass. */
static void scale_bytes(const uint8_t *from, int64_t n, affine a, const float *table, float *x) {
    if (table) {
        for (int64_t i = 0; i < n; i++) x[i] = table[from[i]];
    } else {
        for (int64_t i = 0; i < n; i++) x[i] = (float)(from[i] * a.factor + a.offset);
    }
}

static bool is_dense(const image_view *v) {
    return v->bytes && v->pixel_step == 1 && v->row_step == v->width;
}

/* Colours as decoders leave them: three bytes a pixel. */
static bool is_interleaved(const preprocess *p, const image_view *v) {
    return v->bytes && v->channels == 3 && v->channel_step == 1 && p->order != PREPROCESS_GREY;
}

static void row_interleaved(const void *context, int y, float *row) {
    const row_job *job = context;
    const image_view *v = job->v;
    const uint8_t *from = v->bytes + y * v->row_step;
    int red = job->p->order == PREPROCESS_BGR ? 2 : 0, blue = 2 - red;
    for (int x = 0; x < v->width; x++, from += v->pixel_step, row += RESIZE_LANES) {
        row[0] = (float)from[red];
        row[1] = (float)from[1];
        row[2] = (float)from[blue];
        row[3] = 0;
    }
}

static stria_status apply_resized(const preprocess *p, const image_view *v, const int shape[3],
                                  const resize_window *window, float *x, stria_error *err) {
    int64_t area = (int64_t)shape[1] * shape[2];
    bool together = is_interleaved(p, v);
    if (together) TRY(resize_planes(row_interleaved, &(row_job){p, v, 0}, 3, v->height, v->width, window, x, err));
    for (int c = 0; c < shape[0]; c++) {
        row_job job = {p, v, c};
        if (!together) TRY(resize_plane(row_gather, &job, v->height, v->width, window, x + c * area, err));
        scale_plane(x + c * area, area, affine_of(p, c));
    }
    return STRIA_OK;
}

static void apply_direct(const preprocess *p, const pixel_table *table, const image_view *v, const int shape[3],
                         float *x) {
    int64_t area = (int64_t)shape[1] * shape[2];
    bool straight =
        is_dense(v) && (p->order == PREPROCESS_KEEP || (p->order != PREPROCESS_BGR && v->channels == shape[0]));
    for (int c = 0; c < shape[0]; c++) {
        affine a = affine_of(p, c);
        if (straight) {
            /* Over four channels there is one mean and one deviation at most: all the tables are the first. */
            const float *values = table ? table->value[c < PREPROCESS_CHANNELS ? c : 0] : NULL;
            scale_bytes(v->bytes + c * v->channel_step, area, a, values, x + c * area);
        } else {
            for (int y = 0; y < shape[1]; y++) gather_row(p, v, c, y, x + c * area + (int64_t)y * shape[2]);
            scale_plane(x + c * area, area, a);
        }
    }
}

/* Half of what a crop leaves out, half to even as in torchvision: 3 gives 2, 5 gives 2; or none or all of it before. */
static int crop_begin(int left_out, bool before, bool after) {
    return before ? 0 : after ? left_out : left_out / 2 + (left_out % 4 == 3);
}

stria_status preprocess_apply(const preprocess *p, const pixel_table *table, const image_view *view, float *x,
                              stria_error *err) {
    int shape[3], rh, rw;
    image_view v = *view;
    TRY(preprocess_shape(p, v.channels, v.height, v.width, shape, err));
    resized(p, v.height, v.width, &rh, &rw);
    int at = p->corner, top = crop_begin(rh - shape[1], at == 1 || at == 2, at > 2);
    int left = crop_begin(rw - shape[2], at == 1 || at == 3, at == 2 || at == 4);
    if (rh != v.height || rw != v.width) {
        resize_window window = {rh, rw, top, left, shape[1], shape[2]};
        return apply_resized(p, &v, shape, &window, x, err);
    }
    int64_t skip = top * v.row_step + left * v.pixel_step;
    if (v.bytes) v.bytes += skip;
    else v.values += skip;
    v.height = shape[1];
    v.width = shape[2];
    apply_direct(p, table, &v, shape, x);
    return STRIA_OK;
}
