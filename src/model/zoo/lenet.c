/* Caffe's LeNet: 20 and 50 filters, max pooling, one hidden layer of 500 rectified units. 431,080 parameters. */
#include "model/zoo/zoo.h"

value *zoo_lenet(zoo *z, value *x) {
    const char *activation = zoo_text(z, "activation");
    const char *pool = zoo_word(z, "pooling") ? "average_pool" : "max_pool";
    x = zoo_layer(z, x, "conv", 20, "kernel=5");
    x = zoo_layer(z, x, pool, 0, "kernel=2");
    x = zoo_layer(z, x, "conv", 50, "kernel=5");
    x = zoo_layer(z, x, pool, 0, "kernel=2");
    x = zoo_layer(z, x, "flatten", 0, NULL);
    x = zoo_layer(z, x, "dense", 500, NULL);
    x = zoo_layer(z, x, activation, 0, NULL);
    x = zoo_dropout(z, x, NULL);
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=logits");
}
