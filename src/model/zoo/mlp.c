/* A multi-layer perceptron, 784-256-256-256-10 unless hidden= says otherwise. 335,114 parameters. */
#include "model/zoo/zoo.h"

void zoo_mlp(zoo_stack *s) {
    zoo_layer(s, "flatten", 0, "");
    for (int i = 0; i < s->hidden_count; i++) {
        zoo_layer(s, "dense", s->hidden[i], "");
        zoo_layer(s, "relu", 0, "");
    }
    zoo_layer(s, "dense", s->classes, "name=logits");
}
