/* Weights in separate files next to a model. Only what a tensor takes is read, straight into its memory: the rest of a
 * file costs nothing, however large it is. */
#ifndef MODEL_EXTERNAL_H
#define MODEL_EXTERNAL_H

#include "base/error.h"

typedef struct external_file {
    uint64_t device, inode; /* who it is, whatever path leads to it */
    size_t size, used;      /* used: bytes that tensors took, so that overlapping ones cannot multiply them */
} external_file;

/* The files of one model. The last one that was opened stays open: most models have a single one. */
typedef struct external_files {
    const char *model_file; /* NULL: the current folder */
    bool none;              /* there are none: the model came from memory */
    external_file *files;
    int count, capacity;
    bool is_open;
    int fd;
} external_files;
void external_files_release(external_files *f);

/* Opens the file at a location of the model's; *out is valid until the next call. Refuses what does not lie below the
 * model's folder (absolute paths, "..", and links that lead out) and what is not a regular file, without waiting for
 * it. `name` is the tensor's, for sentences; NULL: the file as a whole is meant. */
stria_status external_open(external_file **out, external_files *f, const char *location, const char *name,
                           stria_error *err);
/* Reads from the file that was opened last. */
stria_status external_read(const external_files *f, const char *name, uint64_t offset, void *data, size_t bytes,
                           stria_error *err);

#endif
