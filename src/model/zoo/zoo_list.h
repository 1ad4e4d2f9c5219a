/* The networks: NETWORK(name, builder, depth, options, recipe, about). `depth` is the builder's to read; `options` is a
 * table of zoo.c; `recipe` are the training options that suit the network: tried on MNIST and Fashion-MNIST, or those
 * of the network's paper (He et al., "Deep residual learning for image recognition", CVPR 2016; the rate for 256
 * pictures per step scaled to the default 64). */
NETWORK(lenet5, zoo_lenet5, 5, digit_options, "lr=0.2",
        "LeNet-5 of 1998: two 5×5 convolutions, sigmoids, average pooling; 61,706 parameters")
NETWORK(lenet, zoo_lenet, 4, digit_options, "lr=0.02",
        "Caffe's LeNet: 20 and 50 filters, max pooling, 500 ReLU units; 431,080 parameters")
NETWORK(linear, zoo_linear, 1, digit_options, "lr=0.05", "softmax regression: one dense layer; 7,850 parameters")
NETWORK(mlp, zoo_mlp, 4, mlp_options, "lr=0.05", "three hidden layers of 256 ReLU units; 335,114 parameters")

#define IMAGENET "lr=0.025 weight-decay=0.0001"
NETWORK(resnet18, zoo_resnet, 18, photo_options, IMAGENET, "residual network of 18 layers; 11,689,512 parameters")
NETWORK(resnet34, zoo_resnet, 34, photo_options, IMAGENET, "residual network of 34 layers; 21,797,672 parameters")
NETWORK(resnet50, zoo_resnet, 50, photo_options, IMAGENET,
        "residual network of 50 layers with bottlenecks; 25,557,032 parameters")
NETWORK(resnet101, zoo_resnet, 101, photo_options, IMAGENET,
        "residual network of 101 layers with bottlenecks; 44,549,160 parameters")
NETWORK(resnet152, zoo_resnet, 152, photo_options, IMAGENET,
        "residual network of 152 layers with bottlenecks; 60,192,808 parameters")
#undef IMAGENET

#define CIFAR "lr=0.1 weight-decay=0.0001 batch=128"
NETWORK(resnet20, zoo_resnet_small, 20, icon_options, CIFAR,
        "residual network of 20 layers for 32×32 pictures; 269,722 parameters")
NETWORK(resnet32, zoo_resnet_small, 32, icon_options, CIFAR,
        "residual network of 32 layers for 32×32 pictures; 464,154 parameters")
NETWORK(resnet44, zoo_resnet_small, 44, icon_options, CIFAR,
        "residual network of 44 layers for 32×32 pictures; 658,586 parameters")
NETWORK(resnet56, zoo_resnet_small, 56, icon_options, CIFAR,
        "residual network of 56 layers for 32×32 pictures; 853,018 parameters")
NETWORK(resnet110, zoo_resnet_small, 110, icon_options, CIFAR,
        "residual network of 110 layers for 32×32 pictures; 1,727,962 parameters")
#undef CIFAR
