#include "data/resize.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

/* Which inputs make an output: weight[i·most + j] belongs to input first[i] + j, j < count[i]. */
typedef struct taps {
    int most, *first, *count;
    float *weight;
} taps;

/* Outputs offset…offset+n−1 of `to` that stretch over `from` inputs. */
static void taps_fill(taps *t, int from, int to, int offset, int n) {
    double ratio = (double)from / to, reach = ratio > 1 ? ratio : 1;
    for (int i = 0; i < n; i++) {
        double centre = (offset + i + 0.5) * ratio, sum = 0;
        int first = (int)fmax(centre - reach + 0.5, 0), end = (int)fmin(centre + reach + 0.5, from);
        float *w = t->weight + (size_t)i * (size_t)t->most;
        for (int j = first; j < end; j++) sum += fmax(1 - fabs(j + 0.5 - centre) / reach, 0);
        for (int j = first; j < end; j++) w[j - first] = (float)(fmax(1 - fabs(j + 0.5 - centre) / reach, 0) / sum);
        t->first[i] = first;
        t->count[i] = end - first;
    }
}

static void taps_free(taps *t) {
    mem_free(t->first);
    mem_free(t->count);
    mem_free(t->weight);
}

static stria_status taps_make(taps *t, int from, int to, int offset, int n, stria_error *err) {
    t->most = 2 * (int)ceil(fmax((double)from / to, 1)) + 2;
    TRY(mem_new(&t->first, (size_t)n, sizeof *t->first, "resizing", err));
    TRY(mem_new(&t->count, (size_t)n, sizeof *t->count, "resizing", err));
    TRY(mem_new(&t->weight, (size_t)n * (size_t)t->most, sizeof *t->weight, "resizing", err));
    taps_fill(t, from, to, offset, n);
    return STRIA_OK;
}

static void resize_row(const float *x, const taps *t, int n, float *y) {
    for (int i = 0; i < n; i++) {
        const float *w = t->weight + (size_t)i * (size_t)t->most, *from = x + t->first[i];
        float sum = 0;
        for (int j = 0; j < t->count[i]; j++) sum += w[j] * from[j];
        y[i] = sum;
    }
}

/* One pixel of interleaved planes; each lane is summed as resize_row sums. */
typedef float lanes __attribute__((vector_size(RESIZE_LANES * sizeof(float))));

/* Planes of y lie `step` floats apart. */
static void resize_row_lanes(const lanes *x, const taps *t, int n, int planes, size_t step, float *y) {
    for (int i = 0; i < n; i++) {
        const float *w = t->weight + (size_t)i * (size_t)t->most;
        const lanes *from = x + t->first[i];
        lanes sum = {0};
        for (int j = 0; j < t->count[i]; j++) sum += w[j] * from[j];
        for (int c = 0; c < planes; c++) y[(size_t)c * step + (size_t)i] = sum[c];
    }
}

static void blend_rows(const float *rows, const taps *t, int i, int width, float *y) {
    const float *weight = t->weight + (size_t)i * (size_t)t->most;
    for (int x = 0; x < width; x++) y[x] = 0 + weight[0] * rows[x];
    for (int j = 1; j < t->count[i]; j++) {
        const float *row = rows + (size_t)j * (size_t)width;
        for (int x = 0; x < width; x++) y[x] += weight[j] * row[x];
    }
}

/* Without the zeros of mem_new: all of it is written before it is read. */
static stria_status floats_new(float **out, size_t count, stria_error *err) {
    *out = count < SIZE_MAX / sizeof **out ? mem_alloc(count * sizeof **out) : NULL;
    if (!*out) FAIL(err, STRIA_NO_MEMORY, "not enough memory for resizing (%zu numbers)", count);
    return STRIA_OK;
}

/* lane_count 1: rows are of one plane. */
static stria_status resize(resize_source *source, const void *context, int planes, int lane_count, int height,
                           int width, const resize_window *window, float *y, stria_error *err) {
    taps across = {0}, down = {0};
    float *rows = NULL; /* the input rows that matter, at their new width: [planes][end − first][width] */
    float *whole = NULL;
    stria_status status = STRIA_OK;
    TRY_DONE(taps_make(&across, width, window->full_width, window->left, window->width, err));
    TRY_DONE(taps_make(&down, height, window->full_height, window->top, window->height, err));
    int n = window->height, first = down.first[0], end = down.first[n - 1] + down.count[n - 1];
    size_t wide = (size_t)window->width, step = (size_t)(end - first) * wide;
    TRY_DONE(floats_new(&rows, (size_t)planes * step, err));
    TRY_DONE(floats_new(&whole, (size_t)width * (size_t)lane_count, err));
    for (int i = first; i < end; i++) {
        float *to = rows + (size_t)(i - first) * wide;
        source(context, i, whole);
        if (lane_count == 1) resize_row(whole, &across, window->width, to);
        else resize_row_lanes((const lanes *)(const void *)whole, &across, window->width, planes, step, to);
    }
    for (int c = 0; c < planes; c++)
        for (int i = 0; i < n; i++) {
            const float *from = rows + (size_t)c * step + (size_t)(down.first[i] - first) * wide;
            blend_rows(from, &down, i, window->width, y + (size_t)(c * n + i) * wide);
        }
done:
    mem_free(whole);
    mem_free(rows);
    taps_free(&across);
    taps_free(&down);
    return status;
}

stria_status resize_plane(resize_source *source, const void *context, int height, int width,
                          const resize_window *window, float *y, stria_error *err) {
    return resize(source, context, 1, 1, height, width, window, y, err);
}

stria_status resize_planes(resize_source *source, const void *context, int planes, int height, int width,
                           const resize_window *window, float *y, stria_error *err) {
    return resize(source, context, planes, RESIZE_LANES, height, width, window, y, err);
}
