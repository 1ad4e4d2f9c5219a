/* SqueezeNet (Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016) with torchvision's
 * layers and names: 1.0 has 1,248,424 parameters, 1.1 1,235,496. bypass=simple adds the input of every fire module that
 * keeps the channels, complex a 1 × 1 convolution of it where they change. */
#include "model/zoo/zoo.h"

static value *pool(zoo *z, value *x, int *i) {
    return zoo_layer(z, x, "max_pool", 0, "name=features.%d kernel=3 stride=2 ceil=1", (*i)++);
}

static value *fire(zoo *z, value *x, int *i, int64_t squeeze, int64_t expand) {
    bool same = zoo_channels(x) == 2 * expand;
    const char *bypass = zoo_text(z, "bypass");
    if (zoo_word(z, "bypass")) bypass = same ? "simple" : zoo_word(z, "bypass") == 2 ? "complex" : "none";
    return zoo_block(z, x, "fire", (const int64_t[]){squeeze, expand, expand}, 3, "name=features.%d bypass=%s", (*i)++,
                     bypass);
}

/* depth: 10 and 11 are versions 1.0 and 1.1, which pools earlier. */
value *zoo_squeezenet(zoo *z, value *x) {
    static const int64_t squeeze[] = {16, 16, 32, 32, 48, 48, 64, 64};
    bool first = z->depth == 10;
    int i = 0;
    x = zoo_layer(z, x, "conv", first ? 96 : 64, "name=features.%d kernel=%d stride=2 init=he-uniform", i++,
                  first ? 7 : 3);
    x = zoo_layer(z, x, "relu", 0, "name=features.%d", i++);
    x = pool(z, x, &i);
    for (int k = 0; k < 8; k++) {
        if (k == (first ? 3 : 2) || k == (first ? 7 : 4)) x = pool(z, x, &i);
        x = fire(z, x, &i, squeeze[k], 4 * squeeze[k]);
    }
    x = zoo_dropout(z, x, "classifier.0");
    x = zoo_layer(z, x, "conv", zoo_number(z, "classes"), "name=classifier.1 kernel=1 init=normal:gain=0.01");
    x = zoo_layer(z, x, "relu", 0, "name=classifier.2");
    x = zoo_layer(z, x, "global_average_pool", 0, "name=classifier.3");
    return zoo_layer(z, x, "flatten", 0, NULL);
}
