#include "cli/picture.h"

#include "cli/source.h"
#include "cli/term.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { ACROSS = 4, GAP = 2, NARROWEST = 16, WIDEST = 32 };

/* Mean of the pixels of channel c that cell (y, x) of a rows × columns drawing covers. */
static int cell_mean(const picture *p, int c, int y, int x, int rows, int columns) {
    int y0 = y * p->height / rows, y1 = (y + 1) * p->height / rows;
    int x0 = x * p->width / columns, x1 = (x + 1) * p->width / columns;
    if (y1 == y0) y1++;
    if (x1 == x0) x1++;
    const uint8_t *plane = p->pixels + (size_t)c * (size_t)p->height * (size_t)p->width;
    int64_t sum = 0;
    for (int i = y0; i < y1; i++)
        for (int j = x0; j < x1; j++) sum += plane[(size_t)i * (size_t)p->width + (size_t)j];
    return (int)(sum / ((int64_t)(y1 - y0) * (x1 - x0)));
}

static void cell_colour(const picture *p, int y, int x, int rows, int columns, int rgb[3]) {
    for (int c = 0; c < 3; c++) rgb[c] = cell_mean(p, p->channels >= 3 ? c : 0, y, x, rows, columns);
}

/* The nearest of the 256 colours: the grey ramp where red, green and blue agree, else the 6×6×6 cube. */
static int colour_number(const int rgb[3]) {
    if (rgb[0] == rgb[1] && rgb[1] == rgb[2]) {
        int level = (rgb[0] * 25 + 127) / 255;
        return level == 0 ? 16 : level == 25 ? 231 : 231 + level;
    }
    int index = 16;
    for (int c = 0, weight = 36; c < 3; c++, weight /= 6) index += weight * ((rgb[c] * 5 + 127) / 255);
    return index;
}

/* One line of text of a picture: two rows of cells. */
static void line_print(FILE *stream, const picture *p, int y, int rows, int columns) {
    bool colour = term_colour(stream) && term_utf8();
    for (int x = 0; x < columns; x++) {
        int upper[3], lower[3];
        cell_colour(p, y, x, rows, columns, upper);
        cell_colour(p, y + 1, x, rows, columns, lower);
        if (colour) {
            fprintf(stream, "\033[38;5;%d;48;5;%dm▀", colour_number(upper), colour_number(lower));
            continue;
        }
        int sum = 0;
        for (int c = 0; c < 3; c++) sum += upper[c] + lower[c];
        fputc(" .:-=+*#%@"[sum * 10 / (6 * 255 + 1)], stream);
    }
    if (colour) fputs("\033[0m", stream);
}

void picture_line(picture *p, int line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    free(p->lines[line]);
    p->lines[line] = text_format(format, arguments);
    va_end(arguments);
}

void picture_release(picture *p) {
    free(p->pixels);
    for (int i = 0; i < PICTURE_LINES; i++) free(p->lines[i]);
    *p = (picture){0};
}

static void caption_print(FILE *stream, const picture *p, int line, int width) {
    fputs(p->wrong ? term_begin(stream, STYLE_BAD) : "", stream);
    text_pad(stream, p->lines[line] ? p->lines[line] : "", width, false);
    fputs(p->wrong ? term_end(stream) : "", stream);
}

static bool line_of_any(const picture *pictures, int count, int line) {
    for (int i = 0; i < count; i++)
        if (pictures[i].lines[line]) return true;
    return false;
}

static void row_print(FILE *stream, const picture *pictures, int count, int rows, int columns, int width) {
    for (int y = 0; y < rows; y += 2) {
        for (int i = 0; i < count; i++) {
            line_print(stream, &pictures[i], y, rows, columns);
            fprintf(stream, "%*s", i + 1 < count ? width - columns + GAP : 0, "");
        }
        fputc('\n', stream);
    }
    for (int line = 0; line < PICTURE_LINES; line++) {
        if (!line_of_any(pictures, count, line)) continue;
        for (int i = 0; i < count; i++) {
            caption_print(stream, &pictures[i], line, width);
            if (i + 1 < count) fprintf(stream, "%*s", GAP, "");
        }
        fputc('\n', stream);
    }
    fputc('\n', stream);
}

void pictures_print(FILE *stream, const picture *pictures, int count) {
    if (count == 0 || pictures->width < 1 || pictures->height < 1) return;
    int width = (term_width(stream) - 1) / ACROSS - GAP; /* of a picture's place */
    if (width > WIDEST) width = WIDEST;
    if (width < NARROWEST) width = NARROWEST;
    int columns = pictures->width < width ? pictures->width : width;
    int rows = (int)((int64_t)columns * pictures->height / pictures->width + 1) / 2 * 2;
    if (rows < 2) rows = 2;
    if (rows > 2 * WIDEST) rows = 2 * WIDEST;
    for (int i = 0; i < count; i += ACROSS)
        row_print(stream, pictures + i, count - i < ACROSS ? count - i : ACROSS, rows, columns, width);
}

bool class_matches(const stria_predictor *predictor, int seen, const stria_dataset *data, int64_t label) {
    const char *name = stria_predictor_class_name(predictor, seen);
    if (strcmp(name, stria_dataset_class_name(data, (int)label)) == 0) return true;
    for (int i = 0; i < stria_dataset_classes(data); i++)
        if (strcmp(name, stria_dataset_class_name(data, i)) == 0) return false;
    return seen == label;
}

/* Sinks entry i of a heap of n classes whose least probable (of equal ones, the last) is on top. */
static void heap_sink(const float *probabilities, int *heap, int n, int i) {
    for (;;) {
        int least = i;
        for (int child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++) {
            float p = probabilities[heap[child]], q = probabilities[heap[least]];
            if (p < q || (p == q && heap[child] > heap[least])) least = child;
        }
        if (least == i) return;
        int t = heap[i];
        heap[i] = heap[least], heap[least] = t, i = least;
    }
}

void class_best(const float *probabilities, int classes, int count, int *best) {
    int kept = count < classes ? count : classes;
    for (int i = 0; i < count; i++) best[i] = i < classes ? i : -1;
    for (int i = kept / 2 - 1; i >= 0; i--) heap_sink(probabilities, best, kept, i);
    for (int c = kept; c < classes; c++)
        if (kept && probabilities[c] > probabilities[best[0]]) {
            best[0] = c;
            heap_sink(probabilities, best, kept, 0);
        }
    for (int n = kept - 1; n > 0; n--) { /* the least goes to the end */
        int t = best[0];
        best[0] = best[n], best[n] = t;
        heap_sink(probabilities, best, n, 0);
    }
}

static void caption(picture *p, const stria_predictor *predictor, const stria_dataset *data, const float *probabilities,
                    int64_t label) {
    int seen;
    class_best(probabilities, stria_predictor_classes(predictor), 1, &seen);
    bool right = class_matches(predictor, seen, data, label);
    picture_line(p, 0, "true: %s", stria_dataset_class_name(data, (int)label));
    picture_line(p, 1, "predicted: %s", stria_predictor_class_name(predictor, seen));
    picture_line(p, 2, "%.1f %%%s", 100 * (double)probabilities[seen], right ? "" : ", wrong");
    p->wrong = !right;
}

static void captions_print(FILE *stream, const picture *pictures, int count) {
    for (int i = 0; i < count; i++) {
        if (pictures[i].file) fprintf(stream, "%s: ", show_name(pictures[i].file));
        for (int line = 0; line < 3; line++)
            fprintf(stream, "%s%s", line ? ", " : "", pictures[i].lines[line] ? pictures[i].lines[line] : "");
        fputc('\n', stream);
    }
}

/* Image `index` of the data with its pixels, unless images differ in size, and its captions. */
static stria_status picture_fill(picture *p, stria_predictor *predictor, const stria_dataset *data, int64_t index,
                                 float *probabilities, stria_error *error) {
    int64_t channels, height, width, label = 0;
    stria_dataset_shape(data, &channels, &height, &width);
    size_t bytes = (size_t)(channels * height * width);
    *p = (picture){.channels = (int)channels, .height = (int)height, .width = (int)width};
    p->file = stria_dataset_file(data, index);
    const char *slash = p->file ? strrchr(p->file, '/') : NULL;
    if (p->file) picture_line(p, 3, "%s", slash ? slash + 1 : p->file);
    p->pixels = bytes ? malloc(bytes) : NULL;
    if (bytes && !p->pixels) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for a picture");
    stria_status status = stria_dataset_read(data, index, p->pixels, bytes, &label, error);
    if (status == STRIA_OK) status = stria_predict_item(predictor, data, index, probabilities, error);
    if (status == STRIA_OK) caption(p, predictor, data, probabilities, label);
    return status;
}

stria_status pictures_predict(FILE *stream, stria_predictor *predictor, const stria_dataset *data, int count,
                              bool skip_bad, stria_error *error) {
    int filled = 0;
    if (count > stria_dataset_count(data)) count = (int)stria_dataset_count(data);
    picture *pictures = calloc((size_t)count + 1, sizeof *pictures);
    float *probabilities = malloc(((size_t)stria_predictor_classes(predictor) + 1) * sizeof *probabilities);
    stria_status status = STRIA_OK;
    if (!pictures || !probabilities) {
        free(pictures);
        free(probabilities);
        return source_refuse(error, STRIA_NO_MEMORY, "out of memory for %d pictures", count);
    }
    for (int64_t i = 0; i < stria_dataset_count(data) && filled < count && status == STRIA_OK; i++) {
        status = picture_fill(&pictures[filled], predictor, data, i, probabilities, error);
        bool skipped = skip_bad && source_one_picture(status);
        if (skipped) picture_release(&pictures[filled]);
        if (skipped) status = STRIA_OK;
        else filled++;
    }
    if (status == STRIA_OK && filled && pictures[0].pixels) pictures_print(stream, pictures, filled);
    else if (status == STRIA_OK) captions_print(stream, pictures, filled);
    for (int i = 0; i < filled; i++) picture_release(&pictures[i]);
    free(pictures);
    free(probabilities);
    return status;
}
