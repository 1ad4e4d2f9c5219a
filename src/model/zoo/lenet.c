/* Caffe's LeNet: 20 and 50 filters, max pooling, one hidden layer of 500 rectified units. 431,080 parameters. */
#include "model/zoo/zoo.h"

void zoo_lenet(zoo_stack *s) {
    zoo_layer(s, "conv", 20, "kernel=5");
    zoo_layer(s, "max_pool", 0, "kernel=2");
    zoo_layer(s, "conv", 50, "kernel=5");
    zoo_layer(s, "max_pool", 0, "kernel=2");
    zoo_layer(s, "flatten", 0, "");
    zoo_layer(s, "dense", 500, "");
    zoo_layer(s, "relu", 0, "");
    zoo_layer(s, "dense", s->classes, "name=logits");
}
