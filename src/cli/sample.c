#include "cli/sample.h"

#include "cli/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Each row of pixels turned round. */
static void mirror(const stria_array *picture, uint8_t *to) {
    const uint8_t *from = picture->data;
    int64_t width = picture->shape[2], lines = picture->shape[0] * picture->shape[1];
    for (int64_t y = 0; y < lines; y++)
        for (int64_t x = 0; x < width; x++) to[y * width + x] = from[y * width + width - 1 - x];
}

/* Puts the picture's values into rows `first`, `first + 2`, … */
static stria_status rows_put(tensor *t, const stria_model *model, const stria_array *picture, int64_t first,
                             stria_error *error) {
    stria_array x = {0};
    stria_status status = stria_model_picture(model, picture, &x, error);
    if (status == STRIA_OK && !t->array.data) {
        memcpy(t->array.shape + 1, x.shape + 1, 3 * sizeof *x.shape);
        status = tensor_allocate(t, error);
    }
    for (int64_t row = first; status == STRIA_OK && row < t->array.shape[0]; row += 2)
        memcpy((char *)t->array.data + (size_t)row * x.bytes, x.data, x.bytes);
    stria_array_release(&x);
    return status;
}

/* [rows, channels, height, width] for the first input. */
static stria_status picture_put(tensors *inputs, const stria_model *model, const stria_array *picture, const char *name,
                                int64_t rows, stria_error *error) {
    stria_port port = *stria_model_input(model, 0);
    stria_array turned = *picture;
    tensor *t = tensors_add(inputs, port.name, error);
    if (!t) return STRIA_NO_MEMORY;
    t->array = (stria_array){.type = STRIA_FLOAT32, .rank = 4, .shape = {rows}};
    stria_status status = rows_put(t, model, picture, 0, error);
    if (status == STRIA_OK && rows > 1) {
        turned.data = malloc(turned.bytes + 1);
        if (!turned.data) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for a picture");
        mirror(picture, turned.data);
        status = rows_put(t, model, &turned, 1, error);
        free(turned.data);
    }
    return status == STRIA_OK ? tensor_fit(&port, t, name, error) : status;
}

static stria_status has_input(const stria_model *model, stria_error *error) {
    if (stria_model_input_count(model) > 0) return STRIA_OK;
    return source_refuse(error, STRIA_BAD_SHAPE, "the model has no input, so there is none for a picture");
}

stria_status sample_picture(tensors *inputs, const stria_model *model, stria_array *picture, const char *path,
                            int64_t rows, stria_error *error) {
    stria_status status = has_input(model, error);
    if (status == STRIA_OK && !picture->data) status = stria_picture_read(path, picture, error);
    return status == STRIA_OK ? picture_put(inputs, model, picture, path, rows, error) : status;
}

enum { SIDE = 256 }; /* of the drawn picture, and the width of its upper rows */

/* The first rows of it. Whole numbers only, so that it is the same everywhere. */
static void draw(uint8_t *pixels, int rows) {
    uint32_t noise = 1;
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < SIDE; x++) {
                int dx = x - 96 - 32 * c, dy = y - 128, value = c == 0 ? x : c == 1 ? y : SIDE - 1 - (x + y) / 2;
                noise = noise * 1664525u + 1013904223u; /* Numerical Recipes */
                if (dx * dx + dy * dy < 64 * 64) value = SIDE - 1 - value;
                *pixels++ = (uint8_t)((value * 7 + (int)(noise >> 24)) / 8);
            }
}

stria_status sample_drawn(tensors *inputs, const stria_model *model, uint64_t seed, bool *drawn, stria_error *error) {
    stria_classifier c = {.size = sizeof c};
    stria_array picture = {.type = STRIA_UINT8, .rank = 3, .shape = {3, SIDE, SIDE}, .bytes = 3 * SIDE * SIDE};
    stria_status status = stria_model_classifier(model, &c, error);
    if (status == STRIA_NO_MEMORY) return status;
    *drawn = status == STRIA_OK && stria_model_input_count(model) == 1;
    if (!*drawn) return tensors_random(inputs, model, 1, seed, error);
    picture.data = malloc(picture.bytes);
    if (!picture.data) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for a picture");
    draw(picture.data, SIDE);
    status = picture_put(inputs, model, &picture, "the drawn picture", 1, error);
    free(picture.data);
    *drawn = status != STRIA_BAD_SHAPE; /* an input of other channels than a picture's */
    if (*drawn) return status;
    tensors_release(inputs);
    return tensors_random(inputs, model, 1, seed, error);
}

/* Rounding apart: the share of the largest value. */
static bool arrays_same(const stria_array *a, const stria_array *b) {
    const float *x = a->data, *y = b->data;
    float most = 0, apart = 0;
    if (a->rank != b->rank || memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) != 0) return false;
    for (size_t i = 0; i < a->bytes / sizeof *x; i++) {
        most = fmaxf(most, fabsf(x[i]));
        apart = fmaxf(apart, fabsf(x[i] - y[i]));
    }
    return apart <= 1e-5f * most;
}

bool sample_same_pictures(const stria_model *a, const stria_model *b) {
    enum { ROWS = SIDE * 3 / 4 };
    stria_array picture = {.type = STRIA_UINT8, .rank = 3, .shape = {3, ROWS, SIDE}, .bytes = 3 * ROWS * SIDE};
    stria_array of_a = {0}, of_b = {0};
    stria_error none;
    picture.data = malloc(picture.bytes);
    if (!picture.data) return true;
    draw(picture.data, ROWS);
    bool same = stria_model_picture(a, &picture, &of_a, &none) != STRIA_OK ||
                stria_model_picture(b, &picture, &of_b, &none) != STRIA_OK || arrays_same(&of_a, &of_b);
    stria_array_release(&of_a);
    stria_array_release(&of_b);
    free(picture.data);
    return same;
}
