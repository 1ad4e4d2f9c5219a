/* The memory that a PyTorch file's tensors are views of. */
#ifndef MODEL_WEIGHTS_TORCH_STORAGE_H
#define MODEL_WEIGHTS_TORCH_STORAGE_H

#include "model/weights/pickle.h"
#include "model/weights/weights.h"

typedef struct torch_storage {
    const uint8_t *key; /* its name in the file, without a terminating 0 */
    size_t key_length;
    const uint8_t *data;
    uint64_t bytes;
    uint8_t *owned; /* what data lies in, if it is not the file */
    bool ready;     /* data and bytes are set */
    size_t entry;   /* of an archive: its place among the entries */
} torch_storage;

typedef struct torch_storages {
    torch_storage *items; /* sorted by key once torch_storages_sort was called */
    int count;
} torch_storages;

void torch_storages_sort(torch_storages *s);
torch_storage *torch_storages_find(const torch_storages *s, const char *key, size_t length); /* NULL: none */
void torch_storages_release(torch_storages *s);

/* The type that a storage's class names ("torch.FloatStorage") or a dtype ("torch.float32"); 0: another one. */
dtype torch_type(const pickle_value *global);

/* A view on a storage as a tensor with its own memory: size and stride are tuples of integers, offset and strides count
 * elements. `name` is for sentences. */
stria_status torch_view(weights *w, const torch_storage *s, dtype type, int64_t offset, const pickle_value *size,
                        const pickle_value *stride, const char *name, tensor **out, stria_error *err);

#endif
