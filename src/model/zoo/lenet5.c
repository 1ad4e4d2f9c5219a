/* LeNet-5 (LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998) as
 * textbooks teach it: sigmoids, average pooling, dense third stage; the padding of 2 makes 28 × 28 images the paper's
 * 32 × 32. 61,706 parameters; activation=relu,pooling=max is the modern form. Plain Glorot weights leave four sigmoids
 * in a row on a plateau (loss 2.30) for epochs, hence the gain, which makes up for part of a sigmoid's slope of 1/4. */
#include "model/zoo/zoo.h"

#include <string.h>

value *zoo_lenet5(zoo *z, value *x) {
    const char *activation = zoo_text(z, "activation");
    const char *pool = zoo_word(z, "pooling") ? "average_pool" : "max_pool";
    const char *init = strcmp(activation, "sigmoid") == 0 ? "glorot-uniform:gain=3" : "glorot-uniform";
    x = zoo_layer(z, x, "conv", 6, "kernel=5 padding=2 init=%s", init);
    x = zoo_layer(z, x, activation, 0, NULL);
    x = zoo_layer(z, x, pool, 0, "kernel=2");
    x = zoo_layer(z, x, "conv", 16, "kernel=5 init=%s", init);
    x = zoo_layer(z, x, activation, 0, NULL);
    x = zoo_layer(z, x, pool, 0, "kernel=2");
    x = zoo_layer(z, x, "flatten", 0, NULL);
    x = zoo_layer(z, x, "dense", 120, "init=%s", init);
    x = zoo_layer(z, x, activation, 0, NULL);
    x = zoo_layer(z, x, "dense", 84, "init=%s", init);
    x = zoo_layer(z, x, activation, 0, NULL);
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=logits");
}
