/* .safetensors files (huggingface.co/docs/safetensors): named tensors after a JSON header. Checkpoints are kept in
 * them. */
#ifndef MODEL_SAFETENSORS_H
#define MODEL_SAFETENSORS_H

#include "base/file.h"
#include "graph/tensor.h"

typedef struct safetensors_entry {
    const char *name;
    tensor *data;
} safetensors_entry;

typedef struct safetensors_pair {
    const char *key, *value;
} safetensors_pair;

/* The contents of a file, in the file's order. After reading, the struct owns everything (safetensors_release); for
 * writing, fill it with your own data and do not release it. */
typedef struct safetensors {
    safetensors_entry *entries;
    safetensors_pair *metadata;
    int entry_count, metadata_count;
} safetensors;

/* From a file's bytes. Header at most 100 MB and inside the file, every offset in range, no overlaps, no holes, dtype ×
 * shape == bytes. dtypes: F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL. */
stria_status safetensors_decode(safetensors *out, const uint8_t *data, size_t size, stria_error *err);
stria_status safetensors_read(safetensors *out, const char *path, stria_error *err);
/* Atomically; a link of that name is replaced. Names and keys must be UTF-8 and unique. */
stria_status safetensors_write(const safetensors *file, const char *path, stria_error *err);
stria_status safetensors_write_judged(const safetensors *file, const char *path, const file_judge *judge,
                                      stria_error *err);
void safetensors_release(safetensors *file);

/* The checksum of the names, types, shapes and contents of all tensors and of all metadata except SAFETENSORS_CHECKSUM,
 * where a writer may store it. Their order does not matter; any one changed byte changes it. */
#define SAFETENSORS_CHECKSUM "checksum"
uint64_t safetensors_checksum(const safetensors *file);

/* NULL if there is none. */
tensor *safetensors_find(const safetensors *file, const char *name);
const char *safetensors_metadata(const safetensors *file, const char *key);

#endif
