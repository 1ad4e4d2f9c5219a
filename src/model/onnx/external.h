/* Weights that lie beside a model, in files of their own. */
#ifndef MODEL_ONNX_EXTERNAL_H
#define MODEL_ONNX_EXTERNAL_H

#include "base/error.h"

typedef struct external_file {
    uint64_t device, inode; /* who it is, whatever path leads to it */
    uint8_t *data;
    size_t size, used; /* used: bytes that tensors took, so that overlapping ones cannot multiply them */
} external_file;

/* The files of one model, each read once and held until the model is read. */
typedef struct external_files {
    const char *model_file; /* NULL: the current folder */
    external_file *files;
    int count, capacity;
} external_files;
void external_files_release(external_files *f);

/* The file at a location of the model's, read if it is not there yet; *out is valid until the next call. Refuses what
 * does not lie below the model's folder: absolute paths, "..", and links that lead out. `name` is the tensor's, for
 * sentences. */
stria_status external_open(external_file **out, external_files *f, const char *location, const char *name,
                           stria_error *err);

#endif
