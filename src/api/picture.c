/* Pictures as arrays: files hold pixels interleaved, arrays hold one channel after the other. */
#include "api/api.h"
#include "base/memory.h"
#include "data/image.h"

#include <math.h>

/* Interleaved pixels ↔ planes. */
static void planes_split(const uint8_t *from, uint8_t *to, int channels, size_t pixels) {
    for (int c = 0; c < channels; c++)
        for (size_t i = 0; i < pixels; i++) to[(size_t)c * pixels + i] = from[i * (size_t)channels + (size_t)c];
}

static void planes_join(const uint8_t *from, uint8_t *to, int channels, size_t pixels) {
    for (int c = 0; c < channels; c++)
        for (size_t i = 0; i < pixels; i++) to[i * (size_t)channels + (size_t)c] = from[(size_t)c * pixels + i];
}

/* Takes the picture over. */
static stria_status array_of(image *m, stria_array *out, stria_error *err) {
    size_t pixels = (size_t)m->height * (size_t)m->width, bytes = pixels * (size_t)m->channels;
    stria_array a = {.type = STRIA_UINT8, .rank = 3, .shape = {m->channels, m->height, m->width}, .bytes = bytes};
    stria_status status = mem_new(&a.data, bytes, 1, "a picture", err);
    if (status == STRIA_OK) {
        planes_split(m->pixels, a.data, m->channels, pixels);
        *out = a;
    }
    image_release(m);
    return status;
}

bool stria_picture_named(const char *name) {
    return image_name(name);
}

stria_status stria_picture_read(const char *path, stria_array *out, stria_error *err) {
    image m = {0};
    TRY(image_load_named(path, NULL, &m, err));
    return array_of(&m, out, err);
}

stria_status stria_picture_decode(const void *data, size_t bytes, int64_t max_pixels, stria_array *out,
                                  stria_error *err) {
    image m = {0};
    if (max_pixels < 0) FAIL(err, STRIA_BAD_ARGUMENT, "at most %lld pixels", (long long)max_pixels);
    TRY(image_decode(data, bytes, &(image_reading){.max_pixels = max_pixels}, &m, err));
    return array_of(&m, out, err);
}

/* The sides of an array whose channels are known to be few. */
static stria_status sides_check(const stria_array *a, size_t element, stria_error *err) {
    for (int i = 1; i < 3; i++)
        if (a->shape[i] < 1 || a->shape[i] > IMAGE_MAX_SIDE)
            FAIL(err, STRIA_BAD_SHAPE, "a picture of %lld x %lld pixels: a side has 1 to %d", (long long)a->shape[2],
                 (long long)a->shape[1], IMAGE_MAX_SIDE);
    size_t bytes = (size_t)a->shape[1] * (size_t)a->shape[2] * (size_t)a->shape[0] * element;
    if (a->bytes != bytes || !a->data)
        FAIL(err, STRIA_BAD_SHAPE, "a picture's shape needs %zu bytes, %zu are given", bytes, a->data ? a->bytes : 0);
    return STRIA_OK;
}

stria_status picture_check(const stria_array *a, stria_error *err) {
    if (a->type != STRIA_UINT8 || a->rank != 3 || (a->shape[0] != 1 && a->shape[0] != 3))
        FAIL(err, STRIA_BAD_SHAPE, "a picture is uint8 [1 or 3, height, width]");
    return sides_check(a, 1, err);
}

#define CHANNELS_MAX 65536

stria_status values_check(const stria_array *a, stria_error *err) {
    if (a->type != STRIA_FLOAT32 || a->rank != 3 || a->shape[0] < 1 || a->shape[0] > CHANNELS_MAX)
        FAIL(err, STRIA_BAD_SHAPE, "a picture of values is float32 [channels, height, width]");
    TRY(sides_check(a, sizeof(float), err));
    const float *value = a->data;
    for (size_t i = 0; i < a->bytes / sizeof *value; i++)
        if (!isfinite(value[i])) FAIL(err, STRIA_NOT_FINITE, "value %zu of the picture is not finite", i);
    return STRIA_OK;
}

stria_status stria_picture_write(const char *path, const stria_array *a, stria_error *err) {
    TRY(picture_check(a, err));
    size_t pixels = (size_t)a->shape[1] * (size_t)a->shape[2], bytes = pixels * (size_t)a->shape[0];
    image m = {.channels = (int)a->shape[0], .height = (int)a->shape[1], .width = (int)a->shape[2]};
    TRY(mem_new(&m.pixels, bytes, 1, "a picture", err));
    planes_join(a->data, m.pixels, m.channels, pixels);
    stria_status status = image_write(path, &m, err);
    image_release(&m);
    return status;
}
