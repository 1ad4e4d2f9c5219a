/* Files of weights: named tensors that belong to a network that is described elsewhere. One file here reads each format
 * (safetensors.c, npz.c, torch.c, keras.c); weights.c lists them, so a new format is a file and a row. join.c puts what
 * was read into a graph. Files come from strangers: tensors, pickles and unpacked members of archives take at most
 * weights_room of a file's size in all, a member that is being copied counts once more, and nothing in a file is
 * executed. */
#ifndef MODEL_WEIGHTS_WEIGHTS_H
#define MODEL_WEIGHTS_WEIGHTS_H

#include "base/file.h"
#include "base/text.h"
#include "graph/graph.h"

typedef struct weights_item {
    char *name;   /* owned */
    tensor *data; /* counted */
} weights_item;

typedef struct weights {
    weights_item *items; /* in the file's order */
    int count, capacity;
    bool keras;    /* names are LAYER/ROLE, arrays in Keras' order of dimensions */
    bool ordered;  /* who wrote the file chose the order, rather than the alphabet */
    uint64_t room; /* bytes that tensors may still take */
} weights;

/* Any of the formats, known by its contents. The sentence of a failure begins with the path. */
stria_status weights_read(weights *out, const char *path, stria_error *err);
/* The same from memory, without the path. */
stria_status weights_decode(weights *out, const uint8_t *bytes, size_t size, stria_error *err);
void weights_release(weights *w);

/* Returns true if a name ends as a format does that weights_write writes: .safetensors or .npz. */
bool weights_writes(const char *path);
/* All parameters and statistics of a graph under their names, atomically. */
stria_status weights_write(const graph *g, const char *path, const file_judge *judge, stria_error *err);

/* Puts the tensors into the graph's parameters and statistics of their names; types are converted to the graph's.
 * torchvision's names are the zoo's; those of Keras Applications, and layers' names of Keras in general, are mapped and
 * their arrays reordered (kernels to OIHW, depthwise ones, dense layers after a flattening). Where no name at all is
 * the graph's, but kinds (by the last part of a name) and shapes agree one by one, the order decides, unless it would
 * be a guess: a tensor whose kind its name does not tell while several have its shape, or names without numbers in a
 * file that is sorted by name (safetensors). report: a line for each thing that a user
 * should know, also on failure. STRIA_BAD_FILE where a parameter or statistic of the graph stays without a tensor, or
 * would get one of another shape; nothing is changed then. */
stria_status weights_join(graph *g, const weights *w, text *report, stria_error *err);

/* ---- for the readers ---- */

/* Takes data over, also on failure. At most WEIGHTS_MAX; that names are unique is checked once all are there. */
enum { WEIGHTS_MAX = 1 << 18 };
stria_status weights_add(weights *w, const char *name, size_t length, tensor *data, stria_error *err);
/* Counts bytes that are about to be taken. */
stria_status weights_charge(weights *w, uint64_t bytes, stria_error *err);
/* Bytes that tensors from a file of this size may take in all: arrays of a file are seldom larger than it, but several
 * may share memory in it, and it may be packed. */
static inline uint64_t weights_room(uint64_t size) {
    return 2 * size + ((uint64_t)32 << 20);
}

bool weights_is_safetensors(const uint8_t *bytes, size_t size);
bool weights_is_npz(const uint8_t *bytes, size_t size);
bool weights_is_torch(const uint8_t *bytes, size_t size);
bool weights_is_keras(const uint8_t *bytes, size_t size);
stria_status weights_safetensors(weights *w, const uint8_t *bytes, size_t size, stria_error *err);
stria_status weights_npz(weights *w, const uint8_t *bytes, size_t size, stria_error *err);
stria_status weights_torch(weights *w, const uint8_t *bytes, size_t size, stria_error *err);
stria_status weights_keras(weights *w, const uint8_t *bytes, size_t size, stria_error *err);

#endif
