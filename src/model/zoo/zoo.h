/* The zoo: networks built in, each a file of layer calls. */
#ifndef MODEL_ZOO_ZOO_H
#define MODEL_ZOO_ZOO_H

#include "graph/graph.h"

/* "lenet5", "mlp:classes=100,size=3x32x32,hidden=128x64". Options: classes=10, size=1x28x28 (channels, height, width),
 * and of mlp hidden=256x256x256. The input is "image" [batch, channels, height, width], the output "logits" [batch,
 * classes], metadata stria.output says "logits", and stria.train which training options suit it. Unknown names are
 * refused with the nearest. */
stria_status zoo_build(graph **out, const char *spec, uint64_t seed, stria_error *err);
/* Whether the part of spec before ':' is a network's name. */
bool zoo_has(const char *spec);
const char *const *zoo_names(void);      /* NULL-terminated */
const char *zoo_about(const char *name); /* one line; NULL for an unknown name */

/* ---- for the networks' own files ---- */

#define ZOO_HIDDEN_MAX 16

/* Layers are stacked on x; the first failure sticks. */
typedef struct zoo_stack {
    graph *g;
    value *x;
    int64_t classes;
    int64_t hidden[ZOO_HIDDEN_MAX]; /* of mlp */
    int hidden_count;
    uint64_t seed;
    stria_status status;
    stria_error *err;
} zoo_stack;

/* One layer of op/build.h on top; number is its channels or units, 0: none. */
void zoo_layer(zoo_stack *s, const char *layer, int64_t number, const char *options);

void zoo_lenet5(zoo_stack *s);
void zoo_lenet(zoo_stack *s);
void zoo_linear(zoo_stack *s);
void zoo_mlp(zoo_stack *s);

#endif
