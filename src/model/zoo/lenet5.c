/* LeNet-5 (LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998) as
 * textbooks teach it: sigmoids, average pooling, dense third stage; the padding of 2 makes 28 × 28 images the paper's
 * 32 × 32. 61,706 parameters. Plain Glorot weights leave four sigmoids in a row on a plateau (loss 2.30) for epochs,
 * hence the gain, which makes up for part of a sigmoid's slope of 1/4. */
#include "model/zoo/zoo.h"

#define INIT "init=glorot-uniform:gain=3"

value *zoo_lenet5(zoo *z, value *x) {
    x = zoo_layer(z, x, "conv", 6, "kernel=5 padding=2 " INIT);
    x = zoo_layer(z, x, "sigmoid", 0, NULL);
    x = zoo_layer(z, x, "average_pool", 0, "kernel=2");
    x = zoo_layer(z, x, "conv", 16, "kernel=5 " INIT);
    x = zoo_layer(z, x, "sigmoid", 0, NULL);
    x = zoo_layer(z, x, "average_pool", 0, "kernel=2");
    x = zoo_layer(z, x, "flatten", 0, NULL);
    x = zoo_layer(z, x, "dense", 120, INIT);
    x = zoo_layer(z, x, "sigmoid", 0, NULL);
    x = zoo_layer(z, x, "dense", 84, INIT);
    x = zoo_layer(z, x, "sigmoid", 0, NULL);
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=logits");
}
