/* MobileNets. Version 1 (Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision
 * applications", 2017): depthwise-separable convolutions, padded as SAME like the published weights; 4,231,976
 * parameters. Version 2 (Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018) with
 * torchvision's layers and names; 3,504,872 parameters; style=keras is Keras Applications' form, with its names of
 * blocks: padded as SAME, ε is 0.001. width= multiplies all channels. Any size of pictures. */
#include "model/zoo/zoo.h"

#include <stdio.h>

static int64_t scaled(const zoo *z, int64_t channels) {
    int64_t n = (int64_t)((double)channels * zoo_real(z, "width"));
    return n < 1 ? 1 : n;
}

/* The nearest multiple of 8, but not below nine tenths, as torchvision makes them. */
static int64_t rounded(const zoo *z, int64_t channels) {
    double wanted = (double)channels * zoo_real(z, "width");
    int64_t n = (int64_t)(wanted + 4) / 8 * 8;
    if (n < 8) n = 8;
    return (double)n < 0.9 * wanted ? n + 8 : n;
}

static value *classify(zoo *z, value *x, const char *dropout, const char *name, const char *init) {
    x = zoo_layer(z, x, "global_average_pool", 0, "name=avgpool");
    x = zoo_dropout(z, zoo_layer(z, x, "flatten", 0, NULL), dropout);
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=%s init=%s", name, init);
}

value *zoo_mobilenet_v1(zoo *z, value *x) {
    static const struct {
        int64_t channels;
        int stride;
    } blocks[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                  {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};
    x = zoo_layer(z, x, "conv_bn_relu", scaled(z, 32), "name=conv1 stride=2 padding=same epsilon=0.001");
    for (int i = 0; i < 13; i++)
        x = zoo_layer(z, x, "depthwise_separable", scaled(z, blocks[i].channels),
                      "name=block%d stride=%d padding=same epsilon=0.001", i + 1, blocks[i].stride);
    return classify(z, x, "dropout", "fc", "glorot-uniform");
}

#define UNIT "names=0,1,2 activation=relu6"

#define KERAS_PARTS "padding=same epsilon=0.001"

/* The scope of block i of 18: the first and the last are single convolutions. */
static const char *scope_of(const zoo *z, int i, char name[24]) {
    if (!zoo_word(z, "style")) snprintf(name, 24, "features.%d", i);
    else if (i > 1 && i < 18) snprintf(name, 24, "block_%d", i - 1);
    else snprintf(name, 24, "%s", i == 0 ? "Conv1" : i == 1 ? "expanded_conv" : "Conv_1");
    return name;
}

value *zoo_mobilenet_v2(zoo *z, value *x) {
    static const struct {
        int expand;
        int64_t channels;
        int count, stride;
    } stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                  {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    int i = 0;
    char name[24];
    double width = zoo_real(z, "width");
    const char *parts = zoo_word(z, "style") ? KERAS_PARTS : "";
    x = zoo_layer(z, x, "conv_bn_relu", rounded(z, 32), "name=%s stride=2 " UNIT " %s", scope_of(z, i++, name), parts);
    for (int s = 0; s < 7; s++)
        for (int k = 0; k < stages[s].count; k++)
            x = zoo_layer(z, x, "inverted_residual", rounded(z, stages[s].channels), "name=%s expand=%d stride=%d %s",
                          scope_of(z, i++, name), stages[s].expand, k ? 1 : stages[s].stride, parts);
    x = zoo_layer(z, x, "conv_bn_relu", width > 1 ? rounded(z, 1280) : 1280, "name=%s kernel=1 " UNIT " %s",
                  scope_of(z, i, name), parts);
    if (zoo_word(z, "style")) return classify(z, x, "dropout", "predictions", "normal:gain=0.01");
    return classify(z, x, "classifier.0", "classifier.1", "normal:gain=0.01");
}
