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

static void blend_rows(const float *rows, const taps *t, int i, int width, float *y) {
    memset(y, 0, (size_t)width * sizeof *y);
    for (int j = 0; j < t->count[i]; j++) {
        float w = t->weight[(size_t)i * (size_t)t->most + (size_t)j];
        const float *row = rows + (size_t)j * (size_t)width;
        for (int x = 0; x < width; x++) y[x] += w * row[x];
    }
}

stria_status resize_plane(resize_source *source, const void *context, int height, int width,
                          const resize_window *window, float *y, stria_error *err) {
    taps across = {0}, down = {0};
    float *rows = NULL; /* the input rows that matter, at their new width */
    float *whole = NULL;
    stria_status status = STRIA_OK;
    TRY_DONE(taps_make(&across, width, window->full_width, window->left, window->width, err));
    TRY_DONE(taps_make(&down, height, window->full_height, window->top, window->height, err));
    int n = window->height, first = down.first[0], end = down.first[n - 1] + down.count[n - 1];
    TRY_DONE(mem_new(&rows, (size_t)(end - first) * (size_t)window->width, sizeof *rows, "resizing", err));
    TRY_DONE(mem_new(&whole, (size_t)width, sizeof *whole, "resizing", err));
    for (int i = first; i < end; i++) {
        source(context, i, whole);
        resize_row(whole, &across, window->width, rows + (size_t)(i - first) * (size_t)window->width);
    }
    for (int i = 0; i < n; i++) {
        const float *from = rows + (size_t)(down.first[i] - first) * (size_t)window->width;
        blend_rows(from, &down, i, window->width, y + (size_t)i * (size_t)window->width);
    }
done:
    mem_free(whole);
    mem_free(rows);
    taps_free(&across);
    taps_free(&down);
    return status;
}
