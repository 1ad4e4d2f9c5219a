/* The networks: NETWORK(name, builder, depth, options, recipe, about). `depth` is the builder's to read; `options` is a
 * table of zoo.c; `recipe` are the training options that suit the network: tried on MNIST and Fashion-MNIST, or those
 * of the network's paper (He et al., "Deep residual learning for image recognition", CVPR 2016; the rate for 256
 * pictures per step scaled to the default 64). */
NETWORK("lenet5", zoo_lenet5, 5, lenet5_options, "lr=0.2",
        "LeNet-5 of 1998: two 5×5 convolutions, sigmoids, average pooling; 61,706 parameters")
NETWORK("lenet", zoo_lenet, 4, lenet_options, "lr=0.02",
        "Caffe's LeNet: 20 and 50 filters, max pooling, 500 ReLU units; 431,080 parameters")
NETWORK("linear", zoo_linear, 1, linear_options, "lr=0.05", "softmax regression: one dense layer; 7,850 parameters")
NETWORK("mlp", zoo_mlp, 4, mlp_options, "lr=0.05", "three hidden layers of 256 ReLU units; 335,114 parameters")
NETWORK("keras-mnist", zoo_keras_mnist, 2, keras_options, "lr=0.05",
        "Keras' first convolutional network: 8 filters of 2×2, pooling of 4×4; 2,930 parameters")
NETWORK("tf-mnist", zoo_tf_mnist, 4, tf_mnist_options, "optimizer=adam lr=0.0001 schedule=constant",
        "TensorFlow's Deep MNIST: 32 and 64 filters of 5×5, 1,024 dense units; 3,274,634 parameters")
NETWORK("tf-cifar", zoo_tf_cifar, 5, tf_cifar_options, "lr=0.05 weight-decay=0.0002",
        "TensorFlow's CIFAR-10 network for 24×24 pictures; 1,068,298 parameters")

NETWORK("autoencoder", zoo_autoencoder, 6, autoencoder_options, "optimizer=adam lr=0.005 loss=binary_cross_entropy",
        "gives pictures back: three convolutions of stride 2 and three transposed ones; 28,369 parameters")

#define IMAGENET "lr=0.025 weight-decay=0.0001"
NETWORK("resnet18", zoo_resnet, 18, photo_options, IMAGENET, "residual network of 18 layers; 11,689,512 parameters")
NETWORK("resnet34", zoo_resnet, 34, photo_options, IMAGENET, "residual network of 34 layers; 21,797,672 parameters")
NETWORK("resnet50", zoo_resnet, 50, deep_options, IMAGENET,
        "residual network of 50 layers with bottlenecks; 25,557,032 parameters")
NETWORK("resnet101", zoo_resnet, 101, deep_options, IMAGENET,
        "residual network of 101 layers with bottlenecks; 44,549,160 parameters")
NETWORK("resnet152", zoo_resnet, 152, deep_options, IMAGENET,
        "residual network of 152 layers with bottlenecks; 60,192,808 parameters")
#undef IMAGENET

#define CIFAR "lr=0.1 weight-decay=0.0001 batch=128"
NETWORK("resnet20", zoo_resnet_small, 20, icon_options, CIFAR,
        "residual network of 20 layers for 32×32 pictures; 269,722 parameters")
NETWORK("resnet32", zoo_resnet_small, 32, icon_options, CIFAR,
        "residual network of 32 layers for 32×32 pictures; 464,154 parameters")
NETWORK("resnet44", zoo_resnet_small, 44, icon_options, CIFAR,
        "residual network of 44 layers for 32×32 pictures; 658,586 parameters")
NETWORK("resnet56", zoo_resnet_small, 56, icon_options, CIFAR,
        "residual network of 56 layers for 32×32 pictures; 853,018 parameters")
NETWORK("resnet110", zoo_resnet_small, 110, icon_options, CIFAR,
        "residual network of 110 layers for 32×32 pictures; 1,727,962 parameters")
NETWORK("resnet1202", zoo_resnet_small, 1202, icon_options, CIFAR,
        "residual network of 1,202 layers for 32×32 pictures; 19,421,274 parameters")
#undef CIFAR

/* The papers' rates; without batch normalisation they are for 256 (VGG) and 128 (AlexNet) pictures a step. */
#define ALEXNET "lr=0.005 weight-decay=0.0005"
NETWORK("alexnet", zoo_alexnet, 8, alexnet_options, ALEXNET, "AlexNet of one tower; 61,100,840 parameters")
NETWORK("alexnet-2012", zoo_alexnet_2012, 8, alexnet_2012_options, ALEXNET,
        "AlexNet of 2012: two groups, local response normalisation; 60,965,224 parameters")
#undef ALEXNET

#define VGG_PLAIN "lr=0.0025 weight-decay=0.0005 clip-norm=5"
#define VGG_NORM  "lr=0.025 weight-decay=0.0005"
NETWORK("vgg11", zoo_vgg, 11, vgg_options, VGG_PLAIN, "VGG of 11 layers; 132,863,336 parameters")
NETWORK("vgg13", zoo_vgg, 13, vgg_options, VGG_PLAIN, "VGG of 13 layers; 133,047,848 parameters")
NETWORK("vgg16", zoo_vgg, 16, vgg_options, VGG_PLAIN, "VGG of 16 layers; 138,357,544 parameters")
NETWORK("vgg19", zoo_vgg, 19, vgg_options, VGG_PLAIN, "VGG of 19 layers; 143,667,240 parameters")
NETWORK("vgg11-bn", zoo_vgg, 11, vgg_bn_options, VGG_NORM,
        "VGG of 11 layers with batch normalisation; 132,868,840 parameters")
NETWORK("vgg13-bn", zoo_vgg, 13, vgg_bn_options, VGG_NORM,
        "VGG of 13 layers with batch normalisation; 133,053,736 parameters")
NETWORK("vgg16-bn", zoo_vgg, 16, vgg_bn_options, VGG_NORM,
        "VGG of 16 layers with batch normalisation; 138,365,992 parameters")
NETWORK("vgg19-bn", zoo_vgg, 19, vgg_bn_options, VGG_NORM,
        "VGG of 19 layers with batch normalisation; 143,678,248 parameters")
#undef VGG_PLAIN
#undef VGG_NORM

NETWORK("googlenet", zoo_googlenet, 22, googlenet_options, "lr=0.005 weight-decay=0.0002",
        "GoogLeNet with two auxiliary classifiers; 6,998,552 parameters")
NETWORK("googlenet-bn", zoo_googlenet_bn, 22, googlenet_bn_options, "lr=0.025 weight-decay=0.0001",
        "GoogLeNet with batch normalisation; 6,624,904 parameters")

#define SQUEEZENET "lr=0.01 weight-decay=0.0002 clip-norm=5"
NETWORK("squeezenet1.0", zoo_squeezenet, 10, squeezenet_options, SQUEEZENET, "SqueezeNet 1.0; 1,248,424 parameters")
NETWORK("squeezenet1.1", zoo_squeezenet, 11, squeezenet_options, SQUEEZENET, "SqueezeNet 1.1; 1,235,496 parameters")
#undef SQUEEZENET

#define MOBILENET "lr=0.05 weight-decay=0.00004"
NETWORK("mobilenet-v1", zoo_mobilenet_v1, 28, mobilenet_v1_options, MOBILENET,
        "MobileNet of depthwise-separable convolutions; 4,231,976 parameters")
NETWORK("mobilenet-v2", zoo_mobilenet_v2, 53, mobilenet_v2_options, MOBILENET,
        "MobileNet of inverted residuals; 3,504,872 parameters")
#undef MOBILENET
