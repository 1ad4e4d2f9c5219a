/* A convolutional autoencoder: convolutions of stride 2 up to a code of few channels, and their transposes back. Values
 * are 0…1, as pixels are. 28,369 parameters. */
#include "model/zoo/zoo.h"

/* The size that a convolution of 3 × 3, stride 2 and padding 1 made half as large, again. */
static value *twice(zoo *z, value *x, int64_t channels, int64_t height, int64_t width) {
    return zoo_layer(z, x, "conv_transpose", channels, "kernel=3 stride=2 padding=1 output_padding=%d,%d",
                     height % 2 == 0, width % 2 == 0);
}

value *zoo_autoencoder(zoo *z, value *x) {
    const int64_t *hidden;
    int64_t channels[ZOO_NUMBERS], height[ZOO_NUMBERS], width[ZOO_NUMBERS];
    int depth = zoo_numbers(z, "hidden", &hidden);
    for (int i = 0; i < depth && x; i++) {
        channels[i] = x->shape.dim[1], height[i] = x->shape.dim[2], width[i] = x->shape.dim[3];
        x = zoo_layer(z, x, "conv", hidden[i], "kernel=3 stride=2 padding=1");
        x = zoo_layer(z, x, zoo_text(z, "activation"), 0, i == depth - 1 ? "name=code" : NULL);
    }
    for (int i = depth - 1; i >= 0 && x; i--) {
        x = twice(z, x, channels[i], height[i], width[i]);
        x = zoo_layer(z, x, i ? zoo_text(z, "activation") : "sigmoid", 0, i ? NULL : "name=reconstruction");
    }
    return x;
}
