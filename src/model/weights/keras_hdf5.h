/* The little of HDF5 (libhdf5) that Keras' files need: groups, arrays, attributes of text. All but hdf5_load is only
 * called in a child process (keras_child.h). */
#ifndef MODEL_WEIGHTS_KERAS_HDF5_H
#define MODEL_WEIGHTS_KERAS_HDF5_H

#include "model/weights/weights.h"

typedef struct hdf5_group {
    int64_t id, file;
} hdf5_group;

/* Before the child process begins: a lock that another thread holds while it loads would never be released there. */
stria_status hdf5_load(stria_error *err);

/* A file that lies in memory, which must stay. Close the root with hdf5_close_image. */
stria_status hdf5_open_image(const uint8_t *bytes, size_t size, hdf5_group *root, stria_error *err);
void hdf5_close_image(hdf5_group *root);

/* False where there is no group at this path below g ("a/b"; not from the root): soft links, and those to other files,
 * are not followed. */
bool hdf5_open(hdf5_group *g, const char *name, hdf5_group *out);
void hdf5_close(hdf5_group *g);
int hdf5_count(hdf5_group *g); /* members */
bool hdf5_member(hdf5_group *g, int index, char *name, size_t room);

/* An attribute that is one text; "": there is none. The only failure is STRIA_NO_MEMORY. */
stria_status hdf5_attribute(hdf5_group *g, const char *key, char *out, size_t room, stria_error *err);
/* Calls `each` for every text of an attribute's list; one that is larger than an attribute can be is cut into key0,
 * key1, …. Texts may have variable or fixed length; a list of numbers without an element is an empty one. */
typedef stria_status hdf5_each(void *context, const char *text, stria_error *err);
stria_status hdf5_names(hdf5_group *g, const char *key, hdf5_each *each, void *context, stria_error *err);
bool hdf5_has_names(hdf5_group *g, const char *key);

/* The array at `path` below g as a tensor; `name` is for sentences. */
stria_status hdf5_tensor(weights *w, hdf5_group *g, const char *path, const char *name, tensor **out, stria_error *err);

#endif
