/* Pictures that the program has: arrays, or callbacks that make them. */
#include <limits.h>
#include <string.h>

#include <stria/stria.h>

#include "data/source.h"

/* Neither has parts: all of it is one. */
static void memory_begin(store *s, const char *path) {
    s->path = path;
    s->part = PART_ALL;
    s->sorted = true;
}

/* ---- arrays ---- */

/* A copy, with as many bytes as the shape needs. */
static stria_status array_copy(const stria_array *a, const char *what, npy_array *out, stria_error *err) {
    size_t bytes = stria_type_bytes(a->type);
    if (a->rank < 0 || a->rank > NPY_MAX_RANK || !bytes)
        FAIL(err, STRIA_BAD_SHAPE, "%s: an array of type %d and %d dimensions", what, (int)a->type, a->rank);
    npy_array copy = {.type = (int)a->type, .rank = a->rank, .count = 1, .bytes = a->bytes};
    for (int i = 0; i < a->rank; i++) {
        copy.shape[i] = a->shape[i];
        if (a->shape[i] < 0 || __builtin_mul_overflow(copy.count, a->shape[i], &copy.count))
            FAIL(err, STRIA_BAD_SHAPE, "%s: dimension %d is %lld", what, i, (long long)a->shape[i]);
    }
    if (__builtin_mul_overflow((size_t)copy.count, bytes, &bytes) || bytes != a->bytes || !a->data)
        FAIL(err, STRIA_BAD_SHAPE, "%s: %zu bytes are not those of its shape", what, a->data ? a->bytes : 0);
    TRY(mem_new(&copy.data, bytes + 1, 1, what, err));
    memcpy(copy.data, a->data, bytes);
    *out = copy;
    return STRIA_OK;
}

static stria_status classes_name(store *s, const char *const *names, int classes, stria_error *err) {
    int found = s->classes;
    if (classes == 0 && !names) return STRIA_OK;
    if (classes < 1 || classes > SOURCE_MAX_CLASSES)
        FAIL(err, STRIA_BAD_ARGUMENT, "%d classes are out of range 1 to %d", classes, SOURCE_MAX_CLASSES);
    if (found > classes)
        FAIL(err, STRIA_BAD_VALUE, "label %d is outside the %d class%s", found - 1, classes, text_es(classes));
    if (s->shares && found != classes)
        FAIL(err, STRIA_BAD_SHAPE, "labels are shares of %d class%s, not of %d", found, text_es(found), classes);
    return source_name_classes(s, names, classes, err);
}

stria_status source_take_memory(store *s, const stria_array *images, const stria_array *labels,
                                const char *const *names, int classes, stria_error *err) {
    npy_array x = {0}, y = {0};
    memory_begin(s, "arrays in memory");
    stria_status status = array_copy(images, "images", &x, err);
    if (status == STRIA_OK) status = array_copy(labels, "labels", &y, err);
    if (status == STRIA_OK) {
        source_add_contents(s, x.data, x.bytes);
        source_add_contents(s, y.data, y.bytes);
        status = source_take_arrays(s, &x, "images", &y, "labels", err);
    }
    if (status == STRIA_OK) status = classes_name(s, names, classes, err);
    npy_release(&x);
    npy_release(&y);
    return status;
}

/* ---- callbacks ---- */

static stria_status callbacks_check(const stria_dataset_callbacks *c, stria_error *err) {
    const int64_t sides[] = {c->channels, c->height, c->width};
    if (!c->label || !c->read) FAIL(err, STRIA_BAD_ARGUMENT, "a dataset of callbacks needs label and read");
    if (c->count < 1) FAIL(err, STRIA_BAD_ARGUMENT, "a dataset of %lld images", (long long)c->count);
    for (int i = 0; i < 3; i++)
        if (sides[i] < 1 || sides[i] > IMAGE_MAX_SIDE)
            FAIL(err, STRIA_BAD_ARGUMENT, "images of %lldx%lldx%lld: a side has 1 to %d", (long long)c->channels,
                 (long long)c->height, (long long)c->width, IMAGE_MAX_SIDE);
    if (c->channels * c->height * c->width > IMAGE_MAX_PIXELS)
        FAIL(err, STRIA_BAD_ARGUMENT, "images of %lldx%lldx%lld are too large", (long long)c->channels,
             (long long)c->height, (long long)c->width);
    if (c->classes < 1 || c->classes > SOURCE_MAX_CLASSES)
        FAIL(err, STRIA_BAD_ARGUMENT, "%d classes are out of range 1 to %d", c->classes, SOURCE_MAX_CLASSES);
    return STRIA_OK;
}

stria_status source_take_callbacks(store *s, const stria_dataset_callbacks *c, stria_error *err) {
    TRY(callbacks_check(c, err));
    memory_begin(s, "callbacks");
    s->count = c->count;
    s->channels = (int)c->channels, s->height = (int)c->height, s->width = (int)c->width;
    s->checksum = c->checksum;
    TRY(source_name_classes(s, c->class_names, c->classes, err));
    TRY(mem_new(&s->labels, (size_t)s->count, sizeof *s->labels, "labels", err));
    for (int64_t i = 0; i < s->count; i++) {
        int64_t label = c->label(i, c->context);
        if (label < 0 || label >= c->classes)
            FAIL(err, STRIA_BAD_VALUE, "label %lld of image %lld is outside the %d class%s", (long long)label,
                 (long long)i, c->classes, text_es(c->classes));
        s->labels[i] = (int32_t)label;
    }
    s->read = c->read;
    s->context = c->context;
    s->done = c->free;
    return STRIA_OK;
}
