/* Results as text, JSON, NumPy arrays and pictures. */
#include "cli/filter.h"
#include "cli/picture.h"
#include "cli/source.h"
#include "cli/term.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *number_text(double value, char text[32]) {
    bool whole = value == nearbyint(value) && fabs(value) < 1e15;
    snprintf(text, 32, whole ? "%.0f" : "%.6g", value == 0 ? 0 : show_real(value)); /* never "-0" */
    return text;
}

/* Columns are aligned where there are several rows. */
static void map_print(FILE *stream, const double *values, int64_t height, int64_t width) {
    char text[32];
    int wide = 0;
    for (int64_t i = 0; i < height * width; i++) {
        int length = (int)strlen(number_text(values[i], text));
        if (length > wide) wide = length;
    }
    for (int64_t i = 0; i < height; i++)
        for (int64_t j = 0; j < width; j++)
            fprintf(stream, "%*s%c", height > 1 ? wide : 0, number_text(values[i * width + j], text),
                    j + 1 < width ? ' ' : '\n');
}

void grid_print(FILE *stream, const grid *g) {
    for (int64_t m = 0; m < g->maps; m++) {
        if (g->maps > 1) fprintf(stream, "%smap %lld:\n", m ? "\n" : "", (long long)m);
        map_print(stream, g->values + m * g->height * g->width, g->height, g->width);
    }
}

static json_t *row_json(const double *values, int64_t width) {
    json_t *row = json_array();
    for (int64_t j = 0; j < width; j++) json_array_append_new(row, json_number(values[j]));
    return row;
}

json_t *grid_json(const grid *g) {
    json_t *maps = json_array();
    for (int64_t m = 0; m < g->maps; m++) {
        const double *values = g->values + m * g->height * g->width;
        json_t *rows = g->rank == 1 ? row_json(values, g->width) : json_array();
        for (int64_t i = 0; g->rank == 2 && i < g->height; i++)
            json_array_append_new(rows, row_json(values + i * g->width, g->width));
        json_array_append_new(maps, rows);
    }
    if (g->maps > 1) return maps;
    json_t *only = json_incref(json_array_get(maps, 0));
    json_decref(maps);
    return only;
}

/* ---- pixels ---- */

static void grid_pixels(const double *values, int64_t count, filter_show show, uint8_t *pixels) {
    double least = INFINITY, most = -INFINITY;
    for (int64_t i = 0; show == SHOW_SCALE && i < count; i++) {
        if (values[i] < least) least = values[i];
        if (values[i] > most) most = values[i];
    }
    for (int64_t i = 0; i < count; i++) {
        double v = values[i];
        if (show == SHOW_ABS) v = fabs(v);
        if (show == SHOW_OFFSET) v += 128;
        if (show == SHOW_SCALE) v = most > least ? (v - least) / (most - least) * 255 : 0;
        pixels[i] = v >= 255 ? 255 : v > 0 ? (uint8_t)lround(v) : 0; /* NaN is black */
    }
}

filter_show show_read(const options *given, const bank *b) {
    const char *show = option_text(given, "show");
    if (!show) {
        double sum = 0, size = 0;
        for (int64_t i = 0; i < b->w.maps * b->w.height * b->w.width; i++) {
            sum += b->w.values[i];
            size += fabs(b->w.values[i]);
        }
        return fabs(sum) <= 1e-9 * size ? SHOW_ABS : SHOW_CLIP;
    }
    return strcmp(show, "abs") == 0      ? SHOW_ABS
           : strcmp(show, "scale") == 0  ? SHOW_SCALE
           : strcmp(show, "offset") == 0 ? SHOW_OFFSET
                                         : SHOW_CLIP;
}

/* ---- files ---- */

static stria_status picture_write(const char *path, const double *values, int64_t maps, int64_t height, int64_t width,
                                  filter_show show, stria_error *error) {
    if (maps != 1 && maps != 3)
        return source_refuse(error, STRIA_BAD_SHAPE,
                             "'%s': a picture has 1 or 3 channels, the result has %lld; .npy holds it", path,
                             (long long)maps);
    stria_array a = {.type = STRIA_UINT8, .rank = 3, .shape = {maps, height, width}};
    a.bytes = (size_t)(maps * height * width);
    a.data = malloc(a.bytes + 1);
    if (!a.data) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for a picture");
    grid_pixels(values, maps * height * width, show, a.data);
    stria_status status = stria_picture_write(path, &a, error);
    free(a.data);
    return status;
}

stria_status grid_write(const char *path, const grid *g, int64_t first, int64_t maps, filter_show show,
                        stria_error *error) {
    double *values = g->values + first * g->height * g->width;
    if (!word_is_array_file(path)) return picture_write(path, values, maps, g->height, g->width, show, error);
    stria_array a = {.type = STRIA_FLOAT64, .data = values};
    a.bytes = (size_t)(maps * g->height * g->width) * sizeof *values;
    if (maps > 1) a.shape[a.rank++] = maps;
    if (g->rank == 2) a.shape[a.rank++] = g->height;
    a.shape[a.rank++] = g->width;
    return stria_array_write(path, &a, error);
}

void output_name(char *path, size_t size, const char *out, const char *input, const char *kernel, int number) {
    const char *slash = strrchr(input, '/');
    const char *base = out ? out : slash ? slash + 1 : input;
    const char *dot = strrchr(base, '.');
    if (dot && (dot == base || strchr(dot, '/'))) dot = NULL;
    char suffix[16] = "";
    if (number) snprintf(suffix, sizeof suffix, "-%d", number);
    int stem = dot ? (int)(dot - base) : (int)strlen(base);
    if (out) snprintf(path, size, "%.*s%s%s", stem, base, suffix, dot ? dot : "");
    else snprintf(path, size, "%.*s-%s%s.png", stem, base, kernel, suffix);
}

/* ---- the terminal ---- */

static void picture_fill(picture *p, const grid *g, int64_t maps, filter_show show, const char *line) {
    *p = (picture){.channels = (int)maps, .height = (int)g->height, .width = (int)g->width};
    p->pixels = malloc((size_t)(maps * g->height * g->width) + 1);
    if (p->pixels) grid_pixels(g->values, maps * g->height * g->width, show, p->pixels);
    picture_line(p, 0, "%s", line);
    picture_line(p, 1, "%lld%s%lld", (long long)g->width, term_times(), (long long)g->height);
}

void grid_draw(const grid *x, const grid *y, int64_t maps, filter_show show, const char *name) {
    picture pictures[2];
    bool alike = x->height == y->height && x->width == y->width; /* those of a row have one shape */
    if (!isatty(STDOUT_FILENO) || y->height > 65535 || y->width > 65535) return;
    picture_fill(&pictures[0], x, x->maps, SHOW_CLIP, "input");
    picture_fill(&pictures[1], y, maps, show, name);
    if (pictures[0].pixels && pictures[1].pixels)
        pictures_print(stdout, alike ? pictures : pictures + 1, alike ? 2 : 1);
    picture_release(&pictures[0]);
    picture_release(&pictures[1]);
}
