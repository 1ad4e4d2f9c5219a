/* Residual networks (He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016): y = relu(f(x) +
 * x). Layers, strides and names of tensors are torchvision's: in a bottleneck the 3 × 3 convolution strides.
 * style=keras is Keras Applications' form, with its names of blocks: the first 1 × 1 convolution strides, as in the
 * paper, all convolutions have biases, ε is 1.001e-5. plain=1 leaves the shortcuts out; zero_last=1 begins with blocks
 * that are their shortcuts. */
#include "model/zoo/zoo.h"

/* layer{index}: `count` blocks, the first of which strides. */
static value *stage(zoo *z, value *x, int index, int count, int64_t channels, int stride, const char *block,
                    const char *shortcut) {
    for (int i = 0; i < count; i++)
        x = zoo_layer(z, x, block, channels, "name=layer%d.%d stride=%d shortcut=%s zero_last=%d", index, i,
                      i == 0 ? stride : 1, zoo_word(z, "plain") ? "none" : shortcut, (int)zoo_word(z, "zero_last"));
    return x;
}

/* conv1, bn1, relu1 */
static value *stem(zoo *z, value *x, int64_t channels, int kernel, int stride) {
    x = zoo_layer(z, x, "conv", channels, "name=conv1 bias=0 init=he-normal kernel=%d stride=%d padding=%d", kernel,
                  stride, kernel / 2);
    x = zoo_layer(z, x, "batch_norm", 0, "name=bn1 names=weight,bias,running_mean,running_var");
    return zoo_layer(z, x, "relu", 0, NULL);
}

static value *head(zoo *z, value *x) {
    x = zoo_layer(z, x, "global_average_pool", 0, "name=avgpool");
    x = zoo_layer(z, x, "flatten", 0, NULL);
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=fc");
}

/* conv2_block1 … of Keras; a style of these parts only. */
static value *keras_stage(zoo *z, value *x, int index, int count, int64_t channels) {
    for (int i = 0; i < count; i++)
        x = zoo_layer(z, x, "bottleneck", channels,
                      "name=conv%d_block%d stride=%d shortcut=%s zero_last=%d epsilon=1.001e-5 style=keras", index + 1,
                      i + 1, i == 0 && index > 1 ? 2 : 1, zoo_word(z, "plain") ? "none" : "b",
                      (int)zoo_word(z, "zero_last"));
    return x;
}

static value *keras_resnet(zoo *z, value *x, const int blocks[4]) {
    x = zoo_layer(z, x, "conv", 64, "name=conv1_conv init=he-normal kernel=7 stride=2 padding=3");
    x = zoo_layer(z, x, "batch_norm", 0, "name=conv1_bn epsilon=1.001e-5 names=weight,bias,running_mean,running_var");
    x = zoo_layer(z, x, "relu", 0, NULL);
    x = zoo_layer(z, x, "max_pool", 0, "kernel=3 stride=2 padding=1"); /* Keras pads with zeros: the same after relu */
    for (int s = 0; s < 4; s++) x = keras_stage(z, x, s + 1, blocks[s], (int64_t)256 << s);
    x = zoo_layer(z, x, "global_average_pool", 0, "name=avg_pool");
    x = zoo_layer(z, x, "flatten", 0, NULL);
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=predictions");
}

value *zoo_resnet(zoo *z, value *x) {
    static const struct {
        int depth, blocks[4];
    } tables[] = {
        {18, {2, 2, 2, 2}}, {34, {3, 4, 6, 3}}, {50, {3, 4, 6, 3}}, {101, {3, 4, 23, 3}}, {152, {3, 8, 36, 3}}};
    int row = 0;
    while (tables[row].depth != z->depth) row++;
    bool deep = z->depth >= 50;
    if (deep && zoo_word(z, "style")) return keras_resnet(z, x, tables[row].blocks);
    x = stem(z, x, 64, 7, 2);
    x = zoo_layer(z, x, "max_pool", 0, "kernel=3 stride=2 padding=1");
    for (int s = 0; s < 4; s++)
        x = stage(z, x, s + 1, tables[row].blocks[s], (int64_t)(deep ? 256 : 64) << s, s ? 2 : 1,
                  deep ? "bottleneck" : "residual", "b");
    return head(z, x);
}

/* For 32 × 32 pictures: depth = 6n + 2, three stages of n blocks with 16, 32 and 64 channels. */
value *zoo_resnet_small(zoo *z, value *x) {
    x = stem(z, x, 16, 3, 1);
    for (int s = 0; s < 3; s++)
        x = stage(z, x, s + 1, (z->depth - 2) / 6, (int64_t)16 << s, s ? 2 : 1, "residual", zoo_text(z, "shortcut"));
    return head(z, x);
}
