#include "cli/paint.h"

#include "cli/source.h"
#include "cli/term.h"

#include <math.h>
#include <stdlib.h>

enum { SIDE_WANTED = 256, SIDE_MAX = 16384 };

static stria_status picture_new(int64_t height, int64_t width, stria_array *out, stria_error *error) {
    if (height > SIDE_MAX || width > SIDE_MAX)
        return source_refuse(error, STRIA_BAD_SHAPE, "the picture would have %lld x %lld pixels, %d a side at most",
                             (long long)width, (long long)height, SIDE_MAX);
    *out = (stria_array){.type = STRIA_UINT8, .rank = 3, .shape = {3, height, width}};
    out->bytes = 3 * (size_t)height * (size_t)width;
    out->data = calloc(out->bytes, 1);
    return out->data ? STRIA_OK : source_refuse(error, STRIA_NO_MEMORY, "not enough memory for a picture");
}

static int64_t enlargement(int64_t height, int64_t width) {
    int64_t side = height > width ? height : width;
    return side >= SIDE_WANTED ? 1 : SIDE_WANTED / side;
}

static void range_of(const float *values, int64_t count, double *least, double *most) {
    *least = INFINITY, *most = -INFINITY;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) continue;
        *least = fmin(*least, (double)values[i]);
        *most = fmax(*most, (double)values[i]);
    }
}

/* 0…255 between least and most; what is not finite is black. */
static uint8_t shade(double value, double least, double most) {
    if (!isfinite(value) || !(most > least)) return 0;
    return (uint8_t)(255 * (value - least) / (most - least) + 0.5);
}

static void tile_paint(const float *maps, int64_t height, int64_t width, bool colour, int64_t scale, int64_t top,
                       int64_t left, stria_array *picture) {
    double least, most;
    uint8_t *pixels = picture->data;
    int64_t tall = picture->shape[1], wide = picture->shape[2], plane = height * width;
    range_of(maps, colour ? 3 * plane : plane, &least, &most);
    for (int64_t c = 0; c < 3; c++)
        for (int64_t y = 0; y < height * scale; y++)
            for (int64_t x = 0; x < width * scale; x++) {
                double value = (double)maps[(colour ? c * plane : 0) + y / scale * width + x / scale];
                pixels[(c * tall + top + y) * wide + left + x] = shade(value, least, most);
            }
}

stria_status paint_tiles(const float *maps, int64_t count, int64_t height, int64_t width, bool colour,
                         stria_array *picture, stria_error *error) {
    int64_t columns = (int64_t)ceil(sqrt((double)count)), rows = (count + columns - 1) / columns;
    int64_t scale = 1;
    while (columns * (width * (scale + 1) + 2) <= 1024 && scale < 32) scale++;
    int64_t tall = height * scale + 2, wide = width * scale + 2;
    stria_status status = picture_new(rows * tall, columns * wide, picture, error);
    if (status != STRIA_OK) return status;
    uint8_t *pixels = picture->data;
    for (size_t i = 0; i < picture->bytes; i++) pixels[i] = 96; /* lines between the tiles */
    for (int64_t i = 0; i < count; i++)
        tile_paint(maps + i * (colour ? 3 : 1) * height * width, height, width, colour, scale, i / columns * tall + 1,
                   i % columns * wide + 1, picture);
    return STRIA_OK;
}

/* heat at (y, x) of a picture of height × width, bilinear over pixel centres, the border continued. */
static double heat_at(const float *heat, int64_t oh, int64_t ow, int64_t height, int64_t width, int64_t y, int64_t x) {
    double v = ((double)y + 0.5) * (double)oh / (double)height - 0.5;
    double u = ((double)x + 0.5) * (double)ow / (double)width - 0.5;
    v = fmin(fmax(v, 0), (double)(oh - 1));
    u = fmin(fmax(u, 0), (double)(ow - 1));
    int64_t top = (int64_t)v, left = (int64_t)u;
    int64_t below = top + 1 < oh ? top + 1 : top, right = left + 1 < ow ? left + 1 : left;
    double fv = v - (double)top, fu = u - (double)left;
    return (1 - fv) * ((1 - fu) * (double)heat[top * ow + left] + fu * (double)heat[top * ow + right]) +
           fv * ((1 - fu) * (double)heat[below * ow + left] + fu * (double)heat[below * ow + right]);
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* The size that 99 of 100 values do not pass, so that a single peak does not hide the others. */
static double heat_size(const float *heat, int64_t count) {
    float *sizes = malloc((size_t)count * sizeof *sizes);
    if (!sizes) {
        term_lost();
        return 0;
    }
    for (int64_t i = 0; i < count; i++) sizes[i] = isfinite(heat[i]) ? fabsf(heat[i]) : 0;
    qsort(sizes, (size_t)count, sizeof *sizes, by_value);
    double most = (double)sizes[count - 1], usual = (double)sizes[(count - 1) * 99 / 100];
    free(sizes);
    return usual > 0 ? usual : most;
}

/* The picture in grey at one position. */
static double grey_at(const stria_array *x, int64_t at) {
    int64_t channels = x->shape[1], plane = x->shape[2] * x->shape[3];
    double sum = 0;
    for (int64_t c = 0; c < channels; c++) sum += (double)((const float *)x->data)[c * plane + at];
    return sum / (double)channels;
}

stria_status paint_heat(const stria_array *x, const float *heat, int64_t oh, int64_t ow, stria_array *picture,
                        stria_error *error) {
    static const double warm[] = {255, 120, 0}, cold[] = {30, 120, 255};
    int64_t height = x->shape[2], width = x->shape[3], scale = enlargement(height, width);
    double least = INFINITY, most = -INFINITY, size = heat_size(heat, oh * ow);
    stria_status status = picture_new(height * scale, width * scale, picture, error);
    if (status != STRIA_OK) return status;
    for (int64_t i = 0; i < height * width; i++) least = fmin(least, grey_at(x, i)), most = fmax(most, grey_at(x, i));
    uint8_t *pixels = picture->data;
    for (int64_t v = 0; v < height * scale; v++)
        for (int64_t u = 0; u < width * scale; u++) {
            double h = heat_at(heat, oh, ow, height * scale, width * scale, v, u) / (size > 0 ? size : 1);
            double share = isfinite(h) ? 0.8 * fmin(fabs(h), 1) : 0;
            double grey = 0.25 * 255 + 0.75 * shade(grey_at(x, v / scale * width + u / scale), least, most);
            for (int64_t c = 0; c < 3; c++)
                pixels[(c * height * scale + v) * width * scale + u] =
                    (uint8_t)((1 - share) * grey + share * (h < 0 ? cold : warm)[c] + 0.5);
        }
    return STRIA_OK;
}

stria_status paint_pixels(const stria_array *from, stria_array *picture, stria_error *error) {
    int64_t height = from->shape[1], width = from->shape[2], scale = enlargement(height, width);
    stria_status status = picture_new(height * scale, width * scale, picture, error);
    if (status != STRIA_OK) return status;
    const uint8_t *pixels = from->data;
    uint8_t *to = picture->data;
    for (int64_t c = 0; c < 3; c++)
        for (int64_t y = 0; y < height * scale; y++)
            for (int64_t x = 0; x < width * scale; x++)
                to[(c * height * scale + y) * width * scale + x] = pixels[(c * height + y / scale) * width + x / scale];
    return STRIA_OK;
}
