/* The networks of TensorFlow's tutorials "Deep MNIST for experts" (3,274,634 parameters) and "Convolutional neural
 * networks" for CIFAR-10 (1,068,298 parameters, crops of 24 × 24). Windows are padded as SAME; first weights are the
 * tutorials' truncated normals. */
#include "model/zoo/zoo.h"

value *zoo_tf_mnist(zoo *z, value *x) {
    for (int i = 1; i <= 2; i++) {
        x = zoo_layer(z, x, "conv", i == 1 ? 32 : 64, "kernel=5 padding=same init=truncated-normal:gain=0.1");
        x = zoo_layer(z, x, "relu", 0, NULL);
        x = zoo_layer(z, x, "max_pool", 0, "kernel=2 padding=same");
    }
    x = zoo_layer(z, x, "flatten", 0, NULL);
    x = zoo_layer(z, x, "dense", zoo_number(z, "dense"), "name=fc1 init=truncated-normal:gain=0.1");
    x = zoo_layer(z, x, "relu", 0, NULL);
    x = zoo_dropout(z, x, NULL);
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=fc2 init=truncated-normal:gain=0.1");
}

/* TensorFlow's lrn(4, bias=1, alpha=0.001/9, beta=0.75): 4 channels on both sides, alpha not divided by them. */
#define LRN "bias=1 alpha=0.001 beta=0.75"

value *zoo_tf_cifar(zoo *z, value *x) {
    x = zoo_layer(z, x, "conv", 64, "kernel=5 padding=same init=truncated-normal:gain=0.05");
    x = zoo_layer(z, x, "relu", 0, NULL);
    x = zoo_layer(z, x, "max_pool", 0, "kernel=3 stride=2 padding=same name=pool1");
    x = zoo_layer(z, x, "lrn", 9, LRN " name=norm1");
    x = zoo_layer(z, x, "conv", 64, "kernel=5 padding=same init=truncated-normal:gain=0.05");
    x = zoo_layer(z, x, "relu", 0, NULL);
    x = zoo_layer(z, x, "lrn", 9, LRN " name=norm2");
    x = zoo_layer(z, x, "max_pool", 0, "kernel=3 stride=2 padding=same name=pool2");
    x = zoo_layer(z, x, "flatten", 0, NULL);
    x = zoo_layer(z, x, "dense", 384, "name=local3 init=truncated-normal:gain=0.04");
    x = zoo_layer(z, x, "relu", 0, NULL);
    x = zoo_layer(z, x, "dense", 192, "name=local4 init=truncated-normal:gain=0.04");
    x = zoo_layer(z, x, "relu", 0, NULL);
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=softmax_linear init=truncated-normal:gain=0.0052");
}
