/* Softmax regression: one dense layer on the pixels. 7,850 parameters. */
#include "model/zoo/zoo.h"

value *zoo_linear(zoo *z, value *x) {
    x = zoo_layer(z, x, "flatten", 0, NULL);
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=logits");
}
