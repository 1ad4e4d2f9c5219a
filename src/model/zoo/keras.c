/* The convolutional network of Keras' first MNIST lessons: 8 filters of 2 × 2, pooling of 4 × 4, softmax (here in the
 * loss). 2,930 parameters; first weights are Keras' Glorot. */
#include "model/zoo/zoo.h"

value *zoo_keras_mnist(zoo *z, value *x) {
    x = zoo_layer(z, x, "conv", 8, "kernel=2");
    x = zoo_layer(z, x, zoo_text(z, "activation"), 0, NULL);
    x = zoo_layer(z, x, zoo_word(z, "pooling") ? "average_pool" : "max_pool", 0, "kernel=4");
    x = zoo_layer(z, x, "flatten", 0, NULL);
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=logits");
}
