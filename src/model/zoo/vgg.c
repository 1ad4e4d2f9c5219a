/* VGG (Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015): 3 × 3
 * convolutions in five stages, three dense layers. Layers, names and first weights are torchvision's, which has batch
 * normalisation after each convolution in the -bn forms. vgg16: 138,357,544 parameters, vgg19: 143,667,240. */
#include "model/zoo/zoo.h"

value *zoo_vgg(zoo *z, value *x) {
    static const struct {
        int depth, convolutions[5];
    } tables[] = {{11, {1, 1, 2, 2, 2}}, {13, {2, 2, 2, 2, 2}}, {16, {2, 2, 3, 3, 3}}, {19, {2, 2, 4, 4, 4}}};
    int row = 0, i = 0;
    while (tables[row].depth != z->depth) row++;
    for (int stage = 0; stage < 5; stage++) {
        int64_t channels = stage < 3 ? 64 << stage : 512;
        for (int k = 0; k < tables[row].convolutions[stage]; k++) {
            x = zoo_layer(z, x, "conv", channels, "name=features.%d kernel=3 padding=1 init=he-normal", i++);
            if (zoo_word(z, "bn"))
                x = zoo_layer(z, x, "batch_norm", 0, "name=features.%d names=weight,bias,running_mean,running_var",
                              i++);
            x = zoo_layer(z, x, "relu", 0, "name=features.%d", i++);
        }
        x = zoo_layer(z, x, "max_pool", 0, "name=features.%d kernel=2", i++);
    }
    x = zoo_layer(z, x, "flatten", 0, NULL);
    for (i = 0; i < 6; i += 3) {
        x = zoo_layer(z, x, "dense", zoo_number(z, "dense"), "name=classifier.%d init=he-uniform", i);
        x = zoo_layer(z, x, "relu", 0, "name=classifier.%d", i + 1);
        x = zoo_dropout(z, x, i ? "classifier.5" : "classifier.2");
    }
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=classifier.6 init=normal:gain=0.01");
}
