#include "model/weights/weights.h"

#include "base/file.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* In the order in which they are asked. */
static const struct {
    const char *name;
    bool (*is)(const uint8_t *bytes, size_t size);
    stria_status (*decode)(weights *w, const uint8_t *bytes, size_t size, stria_error *err);
} readers[] = {
    {"PyTorch's .pth", weights_is_torch, weights_torch},
    {"Keras' .keras, .weights.h5 or .h5", weights_is_keras, weights_keras},
    {"NumPy's .npz", weights_is_npz, weights_npz},
    {"safetensors", weights_is_safetensors, weights_safetensors},
};
enum { READERS = sizeof readers / sizeof *readers };

stria_status weights_charge(weights *w, uint64_t bytes, stria_error *err) {
    if (bytes > w->room) FAIL(err, STRIA_BAD_FILE, "its tensors would take far more memory than the file has bytes");
    w->room -= bytes;
    return STRIA_OK;
}

stria_status weights_add(weights *w, const char *name, size_t length, tensor *data, stria_error *err) {
    stria_status status = STRIA_OK;
    char *copy = NULL;
    if (w->count >= WEIGHTS_MAX)
        TRY_DONE(error_set(err, STRIA_BAD_FILE, "it has more than %d tensors", (int)WEIGHTS_MAX));
    TRY_DONE(mem_reserve(&w->items, &w->capacity, w->count + 1, sizeof *w->items, "tensors", err));
    TRY_DONE(mem_new(&copy, length + 1, 1, "a tensor's name", err));
    if (length) memcpy(copy, name, length);
    w->items[w->count++] = (weights_item){copy, data};
    return STRIA_OK;
done:
    tensor_release(data);
    return status;
}

void weights_release(weights *w) {
    for (int i = 0; i < w->count; i++) {
        mem_free(w->items[i].name);
        tensor_release(w->items[i].data);
    }
    mem_free(w->items);
    *w = (weights){0};
}

static stria_status formats_refuse(const uint8_t *bytes, size_t size, stria_error *err) {
    if (size == 0) FAIL(err, STRIA_BAD_FILE, "it is empty");
    if (size > 4 && memcmp(bytes, "\x93NUMPY", 6 < size ? 6 : size) == 0)
        FAIL(err, STRIA_BAD_FILE, "one .npy array has no name; weights come as .npz");
    FAIL(
        err, STRIA_BAD_FILE,
        "not a file of weights that can be read: safetensors, NumPy's .npz, PyTorch's .pth, Keras' .keras and .h5 can");
}

static int name_compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of two tensors of one name it would be chance which is taken. */
static stria_status names_check(const weights *w, stria_error *err) {
    const char **names;
    stria_status status = STRIA_OK;
    TRY(mem_new(&names, (size_t)w->count + 1, sizeof *names, "names", err));
    for (int i = 0; i < w->count; i++) names[i] = w->items[i].name;
    if (w->count) qsort(names, (size_t)w->count, sizeof *names, name_compare);
    for (int i = 1; i < w->count && status == STRIA_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = error_set(err, STRIA_BAD_FILE, "it has two tensors of the name '%s'", names[i]);
    mem_free((void *)names);
    return status;
}

stria_status weights_decode(weights *out, const uint8_t *bytes, size_t size, stria_error *err) {
    weights w = {.room = weights_room(size)};
    for (int i = 0; i < READERS; i++) {
        if (!readers[i].is(bytes, size)) continue;
        stria_status status = readers[i].decode(&w, bytes, size, err);
        if (status == STRIA_OK && w.count == 0) status = error_set(err, STRIA_BAD_FILE, "it holds no tensor");
        if (status == STRIA_OK) status = names_check(&w, err);
        if (status == STRIA_OK) *out = w;
        else weights_release(&w);
        return status;
    }
    return formats_refuse(bytes, size, err);
}

stria_status weights_read(weights *out, const char *path, stria_error *err) {
    uint8_t *bytes;
    size_t size;
    TRY(file_read_named(path, 0, &bytes, &size, err));
    stria_status status = weights_decode(out, bytes, size, err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", file_name_shown(path));
    mem_free(bytes);
    return status;
}
