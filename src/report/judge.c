#include "report/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keeps the entries with the greatest rank, greatest first; the earlier of equal ones. */
static void keep(judge_image *list, int *count, const judge_image *image, double (*rank)(const judge_image *)) {
    int at = *count;
    while (at > 0 && rank(image) > rank(&list[at - 1])) at--;
    if (at == JUDGE_SHOWN) return;
    if (*count < JUDGE_SHOWN) (*count)++;
    memmove(&list[at + 1], &list[at], (size_t)(*count - 1 - at) * sizeof *list);
    list[at] = *image;
}

static double rank_worst(const judge_image *i) {
    return -i->right;
}

static double rank_best(const judge_image *i) {
    return i->right;
}

void judge_see(int64_t index, int64_t label, const float *probabilities, int classes, void *context) {
    judge *j = context;
    int best = 0;
    for (int c = 1; c < classes; c++)
        if (probabilities[c] > probabilities[best] || isnan(probabilities[best])) best = c;
    double sure = (double)probabilities[best];
    if (label < 0 || label >= classes || !(sure >= 0)) return; /* a NaN tells nothing */
    judge_image image = {
        .index = index, .label = (int)label, .predicted = best, .right = (double)probabilities[label], .sure = sure};
    int i = (int)ceil(sure * PLOT_BINS) - 1;
    plot_bin *bin = &j->bin[i < 0 ? 0 : i < PLOT_BINS ? i : PLOT_BINS - 1];
    bin->images++;
    bin->right += best == label;
    bin->confidence += sure;
    if (best == label) keep(j->best, &j->best_count, &image, rank_best);
    else keep(j->worst, &j->worst_count, &image, rank_worst);
}

/* The mean of the pixels that fall into each of the thumbnail's. */
void judge_thumbnail(judge_image *i, const uint8_t *from, int channels, int64_t height, int64_t width) {
    int64_t side = height > width ? height : width;
    int64_t tall = side > JUDGE_SIDE ? height * JUDGE_SIDE / side : height;
    int64_t wide = side > JUDGE_SIDE ? width * JUDGE_SIDE / side : width;
    if (tall < 1) tall = 1;
    if (wide < 1) wide = 1;
    i->pixels = malloc((size_t)(channels * tall * wide));
    if (!i->pixels) return;
    for (int c = 0; c < channels; c++)
        for (int64_t y = 0; y < tall; y++)
            for (int64_t x = 0; x < wide; x++) {
                int64_t top = y * height / tall, below = (y + 1) * height / tall;
                int64_t left = x * width / wide, beyond = (x + 1) * width / wide, sum = 0;
                for (int64_t v = top; v < below; v++)
                    for (int64_t u = left; u < beyond; u++) sum += from[((int64_t)c * height + v) * width + u];
                int64_t count = (below - top) * (beyond - left);
                i->pixels[((int64_t)c * tall + y) * wide + x] = (uint8_t)((sum + count / 2) / count);
            }
    i->channels = channels;
    i->height = (int)tall;
    i->width = (int)wide;
}

/* False where memory ran out; a picture that cannot be read any more is none. */
static bool picture_of_file(judge_image *i, const char *file) {
    stria_array picture = {0};
    const char *slash = strrchr(file, '/');
    const char *folder = slash;
    while (folder && folder > file && folder[-1] != '/') folder--; /* the class's folder belongs to the name */
    i->name = strdup(folder ? folder : file);
    stria_status status = stria_picture_read(file, &picture, NULL);
    if (status != STRIA_OK) return i->name && status != STRIA_NO_MEMORY;
    judge_thumbnail(i, picture.data, (int)picture.shape[0], picture.shape[1], picture.shape[2]);
    stria_array_release(&picture);
    return i->name && i->pixels;
}

static bool picture_of_data(judge_image *i, const stria_dataset *data, const char *spec) {
    int64_t channels, height, width;
    stria_dataset_shape(data, &channels, &height, &width);
    size_t length = strlen(spec) + 24;
    i->name = malloc(length);
    if (i->name) snprintf(i->name, length, "%s/%lld", spec, (long long)i->index);
    if ((channels != 1 && channels != 3) || height < 1 || height > 65535 || width < 1 || width > 65535)
        return i->name != NULL;
    size_t bytes = (size_t)(channels * height * width);
    uint8_t *pixels = malloc(bytes);
    stria_status status = STRIA_NO_MEMORY;
    if (pixels) status = stria_dataset_read(data, i->index, pixels, bytes, NULL, NULL);
    if (status == STRIA_OK) judge_thumbnail(i, pixels, (int)channels, height, width);
    free(pixels);
    return i->name && (i->pixels || (status != STRIA_OK && status != STRIA_NO_MEMORY));
}

void judge_image_release(judge_image *i) {
    free(i->name);
    free(i->pixels);
    i->name = NULL;
    i->pixels = NULL;
}

static bool pictures_read(judge_image *list, int count, const stria_dataset *data, const char *spec) {
    bool whole = true;
    for (int i = 0; i < count; i++) {
        judge_image_release(&list[i]);
        const char *file = stria_dataset_file(data, list[i].index);
        whole &= file ? picture_of_file(&list[i], file) : picture_of_data(&list[i], data, spec);
    }
    return whole;
}

void judge_pictures(judge *j, const stria_dataset *data, const char *spec) {
    bool worst = pictures_read(j->worst, j->worst_count, data, spec);
    j->lost = !pictures_read(j->best, j->best_count, data, spec) || !worst;
}

void judge_release(judge *j) {
    for (int i = 0; i < JUDGE_SHOWN; i++) {
        judge_image_release(&j->worst[i]);
        judge_image_release(&j->best[i]);
    }
    *j = (judge){0};
}
