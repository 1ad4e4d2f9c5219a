/* A model that also gives what lies between its layers. */
#ifndef CLI_LAYERS_H
#define CLI_LAYERS_H

#include <stria/stria.h>

/* A copy of the model whose outputs are its own, then every other result of a node, by the node's order and under the
 * name that `stria summary` shows. */
stria_status layers_open(stria_model **out, const stria_model *model, stria_error *error);

#endif
