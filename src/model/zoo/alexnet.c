/* AlexNet. `alexnet` is the one-tower form (Krizhevsky, "One weird trick for parallelizing convolutional neural
 * networks", 2014) with torchvision's layers and names: 61,100,840 parameters. `alexnet-2012` is the first one
 * (Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks", NIPS 2012): two
 * groups, local response normalisation, overlapping pooling, pictures of 227 × 227, with Caffe's names; 60,965,224
 * parameters, 62,378,344 with groups=1. He weights: the paper's N(0, 0.01²) needs its biases of 1 and many epochs. */
#include "model/zoo/zoo.h"

#define INIT "init=he-uniform"

/* features.I: a convolution, then its normalisation, where there is one, and relu at the next numbers. */
static value *feature(zoo *z, value *x, int *i, int64_t channels, int kernel, int stride, int padding) {
    x = zoo_layer(z, x, "conv", channels, INIT " name=features.%d kernel=%d stride=%d padding=%d", (*i)++, kernel,
                  stride, padding);
    if (zoo_word(z, "bn"))
        x = zoo_layer(z, x, "batch_norm", 0, "name=features.%d names=weight,bias,running_mean,running_var", (*i)++);
    return zoo_layer(z, x, "relu", 0, "name=features.%d", (*i)++);
}

static value *pool(zoo *z, value *x, int *i) {
    return zoo_layer(z, x, "max_pool", 0, "name=features.%d kernel=3 stride=2", (*i)++);
}

value *zoo_alexnet(zoo *z, value *x) {
    int i = 0;
    x = pool(z, feature(z, x, &i, 64, 11, 4, 2), &i);
    x = pool(z, feature(z, x, &i, 192, 5, 1, 2), &i);
    x = feature(z, x, &i, 384, 3, 1, 1);
    x = feature(z, x, &i, 256, 3, 1, 1);
    x = pool(z, feature(z, x, &i, 256, 3, 1, 1), &i);
    x = zoo_layer(z, x, "flatten", 0, NULL);
    for (i = 0; i < 6; i += 3) {
        x = zoo_dropout(z, x, i ? "classifier.3" : "classifier.0");
        x = zoo_layer(z, x, "dense", zoo_number(z, "dense"), INIT " name=classifier.%d", i + 1);
        x = zoo_layer(z, x, "relu", 0, "name=classifier.%d", i + 2);
    }
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=classifier.6");
}

/* norm{i}, pool{i} */
static value *norm_pool(zoo *z, value *x, int i) {
    x = zoo_layer(z, x, "lrn", 5, "name=norm%d alpha=0.0001 beta=0.75 bias=2", i);
    return zoo_layer(z, x, "max_pool", 0, "name=pool%d kernel=3 stride=2", i);
}

static value *conv_relu(zoo *z, value *x, int64_t channels, int kernel, int stride, int padding, int64_t groups) {
    x = zoo_layer(z, x, "conv", channels, INIT " kernel=%d stride=%d padding=%d groups=%lld", kernel, stride, padding,
                  (long long)groups);
    return zoo_layer(z, x, "relu", 0, NULL);
}

value *zoo_alexnet_2012(zoo *z, value *x) {
    int64_t groups = zoo_number(z, "groups");
    x = norm_pool(z, conv_relu(z, x, 96, 11, 4, 0, 1), 1);
    x = norm_pool(z, conv_relu(z, x, 256, 5, 1, 2, groups), 2);
    x = conv_relu(z, x, 384, 3, 1, 1, 1);
    x = conv_relu(z, x, 384, 3, 1, 1, groups);
    x = conv_relu(z, x, 256, 3, 1, 1, groups);
    x = zoo_layer(z, x, "max_pool", 0, "name=pool5 kernel=3 stride=2");
    x = zoo_layer(z, x, "flatten", 0, NULL);
    for (int i = 6; i < 8; i++) {
        x = zoo_layer(z, x, "dense", zoo_number(z, "dense"), INIT " name=fc%d", i);
        x = zoo_layer(z, x, "relu", 0, NULL);
        x = zoo_dropout(z, x, NULL);
    }
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=fc8");
}
