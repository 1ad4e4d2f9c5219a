/* LeNet-5 (LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998) as
 * textbooks teach it: sigmoids, average pooling, dense third stage; the padding of 2 makes 28 × 28 images the paper's
 * 32 × 32. 61,706 parameters. Plain Glorot weights leave four sigmoids in a row on a plateau (loss 2.30) for epochs,
 * hence the gain, which makes up for part of a sigmoid's slope of 1/4. */
#include "model/zoo/zoo.h"

#define INIT "init=glorot-uniform:gain=3"

void zoo_lenet5(zoo_stack *s) {
    zoo_layer(s, "conv", 6, "kernel=5 padding=2 " INIT);
    zoo_layer(s, "sigmoid", 0, "");
    zoo_layer(s, "average_pool", 0, "kernel=2");
    zoo_layer(s, "conv", 16, "kernel=5 " INIT);
    zoo_layer(s, "sigmoid", 0, "");
    zoo_layer(s, "average_pool", 0, "kernel=2");
    zoo_layer(s, "flatten", 0, "");
    zoo_layer(s, "dense", 120, INIT);
    zoo_layer(s, "sigmoid", 0, "");
    zoo_layer(s, "dense", 84, INIT);
    zoo_layer(s, "sigmoid", 0, "");
    zoo_layer(s, "dense", s->classes, "name=logits");
}
