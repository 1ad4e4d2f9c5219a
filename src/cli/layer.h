/* Layers of a model, by the names that --layer takes. */
#ifndef CLI_LAYER_H
#define CLI_LAYER_H

#include <stria/stria.h>

enum { LAYER_NAME = 256 };

/* The name of the value that `name`, of a value or of the node that computes it first, means. STRIA_BAD_ARGUMENT, with
 * the nearest name, where there is none. */
stria_status layer_find(const stria_model *model, const char *name, char out[LAYER_NAME], stria_error *error);
/* Says so, with the nearest name; STRIA_BAD_ARGUMENT. */
stria_status layer_unknown(const stria_model *model, const char *name, stria_error *error);
/* A value of a model in half precision, or any other type, as float32; NULL for NULL. */
stria_value *layer_as_float(stria_graph *g, stria_value *v);

#endif
