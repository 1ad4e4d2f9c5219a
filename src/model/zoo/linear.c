/* Softmax regression: one dense layer on the pixels. 7,850 parameters. */
#include "model/zoo/zoo.h"

void zoo_linear(zoo_stack *s) {
    zoo_layer(s, "flatten", 0, "");
    zoo_layer(s, "dense", s->classes, "name=logits");
}
