/* LeNet-5 (LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998) as
 * textbooks teach it: sigmoids, average pooling, dense third stage; the padding of 2 makes 28 × 28 images the paper's
 * 32 × 32. 61,706 parameters. */
#include "model/zoo/zoo.h"

void zoo_lenet5(zoo_stack *s) {
    zoo_layer(s, "conv", 6, "kernel=5 padding=2");
    zoo_layer(s, "sigmoid", 0, "");
    zoo_layer(s, "average_pool", 0, "kernel=2");
    zoo_layer(s, "conv", 16, "kernel=5");
    zoo_layer(s, "sigmoid", 0, "");
    zoo_layer(s, "average_pool", 0, "kernel=2");
    zoo_layer(s, "flatten", 0, "");
    zoo_layer(s, "dense", 120, "");
    zoo_layer(s, "sigmoid", 0, "");
    zoo_layer(s, "dense", 84, "");
    zoo_layer(s, "sigmoid", 0, "");
    zoo_layer(s, "dense", s->classes, "name=logits");
}
