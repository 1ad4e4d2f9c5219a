/* Layers: what people write. A layer is one ONNX operator, or a few, with its own parameters made and initialised. The
 * table of layers and their options drives parsing, messages and help; the public builders and text models call this.
 */
#ifndef OP_BUILD_H
#define OP_BUILD_H

#include "op/op.h"

#define LAYER_OPTIONS 12 /* at most, of one layer */

typedef struct layer_option {
    const char *name;
    const char *standard; /* the default; "" means what `text` says, NULL that it must be given */
    const char *text;
} layer_option;

typedef struct layer_call layer_call;

typedef struct layer_def {
    const char *name;
    const op_def *op;    /* the operator that it is, or ends in */
    int in;              /* how many values it takes */
    const char *numbers; /* what its plain numbers are ("channels", "units", "shape"), NULL: it takes none */
    stria_status (*build)(layer_call *c, stria_error *err);
    layer_option options[LAYER_OPTIONS]; /* ends with a NULL name; every layer takes name=NAME, too */
    const char *text;
} layer_def;

/* Several layers in a scope of their own; its numbers are channels of convolutions. */
bool layer_is_block(const layer_def *l);

/* The table; ends with a NULL name. */
const layer_def *layer_all(void);

/* Builds a layer of the table, or any operator by its ONNX name (its attributes are the options).
 * in[count]: entries may be NULL for absent optional inputs of an operator. numbers[number_count]: the layer's plain
 * numbers. options: "key=value key=value", NULL is "". Parameters are states of role ROLE_PARAMETER, named NAME.weight
 * and NAME.bias, NAME being conv1, conv2, dense1, … unless given; their first contents depend on the seed and their
 * name only. Sentences name the layer. A failure may leave parameters in the graph. */
stria_status layer_build(graph *g, const char *layer, value *const *in, int count, const int64_t *numbers,
                         int number_count, const char *options, uint64_t seed, value **out, stria_error *err);

#endif
