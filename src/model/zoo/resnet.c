/* Residual networks (He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016): y = relu(f(x) +
 * x). Layers, strides and names of tensors are torchvision's: in a bottleneck the 3 × 3 convolution strides. */
#include "model/zoo/zoo.h"

#define CONV "bias=0 init=he-normal "
#define NORM "names=weight,bias,running_mean,running_var "

/* conv{i}, bn{i} */
static value *conv_norm(zoo *z, value *x, int i, int64_t channels, int kernel, int stride) {
    x = zoo_layer(z, x, "conv", channels, CONV "name=conv%d kernel=%d stride=%d padding=%d", i, kernel, stride,
                  kernel / 2);
    return zoo_layer(z, x, "batch_norm", 0, NORM "name=bn%d", i);
}

/* Two 3 × 3 convolutions. */
static value *basic(zoo *z, value *x, int64_t channels, int stride) {
    x = conv_norm(z, x, 1, channels, 3, stride);
    x = zoo_layer(z, x, "relu", 0, NULL);
    return conv_norm(z, x, 2, channels, 3, 1);
}

/* 1 × 1 down to a quarter, 3 × 3, 1 × 1 up again. */
static value *bottleneck(zoo *z, value *x, int64_t channels, int stride) {
    x = conv_norm(z, x, 1, channels / 4, 1, 1);
    x = zoo_layer(z, x, "relu", 0, NULL);
    x = conv_norm(z, x, 2, channels / 4, 3, stride);
    x = zoo_layer(z, x, "relu", 0, NULL);
    return conv_norm(z, x, 3, channels, 1, 1);
}

/* The shortcut where size or channels change. Option B: a 1 × 1 convolution. */
static value *project(zoo *z, value *x, int64_t channels, int stride) {
    zoo_enter(z, "downsample");
    x = zoo_layer(z, x, "conv", channels, CONV "name=0 kernel=1 stride=%d", stride);
    x = zoo_layer(z, x, "batch_norm", 0, NORM "name=1");
    zoo_leave(z);
    return x;
}

/* Option A: every second pixel, and channels of zeros on both sides. */
static value *subsample(zoo *z, value *x, int64_t channels, int stride) {
    if (!x) return NULL;
    int64_t more = channels - x->shape.dim[1];
    if (stride > 1) x = zoo_layer(z, x, "max_pool", 0, "kernel=1 stride=%d", stride);
    return zoo_pad_channels(z, x, more / 2, more - more / 2);
}

typedef value *block(zoo *z, value *x, int64_t channels, int stride);

/* layer{index}: `count` blocks, the first of which strides. */
static value *stage(zoo *z, value *x, int index, int count, int64_t channels, int stride, block *residual,
                    block *shortcut) {
    for (int i = 0; i < count && x; i++) {
        int by = i == 0 ? stride : 1;
        bool same = by == 1 && x->shape.dim[1] == channels;
        zoo_enter(z, "layer%d.%d", index, i);
        value *change = residual(z, x, channels, by), *old = same ? x : shortcut(z, x, channels, by);
        x = zoo_layer(z, zoo_add(z, change, old), "relu", 0, NULL);
        zoo_leave(z);
    }
    return x;
}

static value *head(zoo *z, value *x) {
    x = zoo_layer(z, x, "global_average_pool", 0, "name=avgpool");
    x = zoo_layer(z, x, "flatten", 0, NULL);
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=fc");
}

value *zoo_resnet(zoo *z, value *x) {
    static const struct {
        int depth, blocks[4];
    } tables[] = {
        {18, {2, 2, 2, 2}}, {34, {3, 4, 6, 3}}, {50, {3, 4, 6, 3}}, {101, {3, 4, 23, 3}}, {152, {3, 8, 36, 3}}};
    int row = 0;
    while (tables[row].depth != z->depth) row++;
    bool deep = z->depth >= 50;
    x = conv_norm(z, x, 1, 64, 7, 2);
    x = zoo_layer(z, x, "relu", 0, NULL);
    x = zoo_layer(z, x, "max_pool", 0, "kernel=3 stride=2 padding=1");
    for (int s = 0; s < 4; s++)
        x = stage(z, x, s + 1, tables[row].blocks[s], (int64_t)(deep ? 256 : 64) << s, s ? 2 : 1,
                  deep ? bottleneck : basic, project);
    return head(z, x);
}

/* For 32 × 32 pictures: depth = 6n + 2, three stages of n blocks with 16, 32 and 64 channels. */
value *zoo_resnet_small(zoo *z, value *x) {
    block *shortcut = zoo_word(z, "shortcut") == 0 ? subsample : project;
    x = conv_norm(z, x, 1, 16, 3, 1);
    x = zoo_layer(z, x, "relu", 0, NULL);
    for (int s = 0; s < 3; s++)
        x = stage(z, x, s + 1, (z->depth - 2) / 6, (int64_t)16 << s, s ? 2 : 1, basic, shortcut);
    return head(z, x);
}
