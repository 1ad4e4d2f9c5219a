#!/usr/bin/env python3
"""Writes the networks that the benchmarks run as .net text; `stria convert` makes ONNX files with random weights of them.

usage: networks.py FOLDER [NAME…]    writes FOLDER/NAME.net: lenet5 resnet18 resnet50 mobilenet_v1 mobilenet_v2
                                     squeezenet1_1 googlenet_bn (all without NAME)
Shapes are those of torchvision's models (mobilenet_v1: of its paper), images 3x224x224. Needs no package.
"""
import os, sys


class Net:
    """Statements of a .net file; calls return the name of the value that they make."""

    def __init__(self, name, size="3 x 224 x 224"):
        self.lines, self.count = ["stria-net 1", f"name({name})", f"image = input(batch x {size})"], 0

    def call(self, layer, *arguments, **options):
        self.count += 1
        name = f"{layer}{self.count}"
        parts = [str(a) for a in arguments] + [f"{k}={v}" for k, v in options.items()]
        self.lines.append(f"{name} = {layer}({', '.join(parts)})")
        return name

    def conv_bn(self, x, channels, kernel, stride=1, groups=1, relu="relu"):
        x = self.call("conv", x, channels, kernel=kernel, stride=stride, padding=kernel // 2, groups=groups, bias=0)
        x = self.call("batch_norm", x)
        return self.call(relu, x) if relu else x

    def classify(self, x, classes=1000):
        x = self.call("GlobalAveragePool", x)
        return self.call("dense", self.call("flatten", x), classes)

    def text(self, x):
        return "\n".join(self.lines + [f"output({x})", "metadata(stria.output, logits)"]) + "\n"


def lenet5():
    n = Net("lenet5", "1 x 28 x 28")
    x = n.call("sigmoid", n.call("conv", "image", 6, kernel=5, padding=2))
    x = n.call("average_pool", x, kernel=2)
    x = n.call("average_pool", n.call("sigmoid", n.call("conv", x, 16, kernel=5)), kernel=2)
    for units in (120, 84):
        x = n.call("sigmoid", n.call("dense", x, units))
    return n.text(n.call("dense", x, 10))


def resnet(name, blocks, bottleneck):
    n = Net(name)
    x = n.call("max_pool", n.conv_bn("image", 64, 7, 2), kernel=3, stride=2, padding=1)
    width_in = 64
    for stage, count in enumerate(blocks):
        width = 64 << stage
        width_out = width * (4 if bottleneck else 1)
        for block in range(count):
            stride = 2 if stage and not block else 1
            if bottleneck:
                y = n.conv_bn(n.conv_bn(x, width, 1), width, 3, stride)
                y = n.conv_bn(y, width_out, 1, relu=None)
            else:
                y = n.conv_bn(n.conv_bn(x, width, 3, stride), width, 3, relu=None)
            if stride > 1 or width_in != width_out:
                x = n.conv_bn(x, width_out, 1, stride, relu=None)
            x, width_in = n.call("relu", n.call("add", y, x)), width_out
    return n.text(n.classify(x))


def mobilenet_v1():
    n = Net("mobilenet_v1")
    x, width = n.conv_bn("image", 32, 3, 2), 32
    for channels, stride in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]:
        x = n.conv_bn(n.conv_bn(x, width, 3, stride, groups=width), channels, 1)
        width = channels
    return n.text(n.classify(x))


def mobilenet_v2():
    n = Net("mobilenet_v2")
    x, width = n.conv_bn("image", 32, 3, 2, relu="relu6"), 32
    for expand, channels, count, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                            (6, 160, 3, 2), (6, 320, 1, 1)]:
        for block in range(count):
            s, wide = (1 if block else stride), width * expand
            y = n.conv_bn(x, wide, 1, relu="relu6") if expand > 1 else x
            y = n.conv_bn(n.conv_bn(y, wide, 3, s, groups=wide, relu="relu6"), channels, 1, relu=None)
            x = n.call("add", x, y) if s == 1 and width == channels else y
            width = channels
    return n.text(n.classify(n.conv_bn(x, 1280, 1, relu="relu6")))


def squeezenet1_1():
    n = Net("squeezenet1_1")

    def conv(x, channels, kernel, **options):
        return n.call("relu", n.call("conv", x, channels, kernel=kernel, **options))

    def pool(x):
        return n.call("max_pool", x, kernel=3, stride=2)

    x = pool(conv("image", 64, 3, stride=2))
    for fire, (squeeze, wide) in enumerate([(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)]):
        x = conv(x, squeeze, 1)
        x = n.call("Concat", conv(x, wide, 1), conv(x, wide, 3, padding=1), axis=1)
        if fire in (1, 3):
            x = pool(x)
    x = n.call("GlobalAveragePool", conv(x, 1000, 1))
    return n.text(n.call("flatten", x))


def googlenet_bn():
    n = Net("googlenet_bn")

    def pool(x, kernel=3):
        return n.call("MaxPool", x, kernel_shape=f"[{kernel},{kernel}]", strides="[2,2]", ceil_mode=1)

    x = pool(n.conv_bn("image", 64, 7, 2))
    x = pool(n.conv_bn(n.conv_bn(x, 64, 1), 192, 3))
    for row in [(64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), None, (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64),
                (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128), 2,
                (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)]:
        if not isinstance(row, tuple):
            x = pool(x, row or 3)
            continue
        one, three_in, three, five_in, five, after_pool = row
        x = n.call("Concat", n.conv_bn(x, one, 1), n.conv_bn(n.conv_bn(x, three_in, 1), three, 3),
                   n.conv_bn(n.conv_bn(x, five_in, 1), five, 3),
                   n.conv_bn(n.call("max_pool", x, kernel=3, stride=1, padding=1), after_pool, 1), axis=1)
    return n.text(n.classify(x))


NETWORKS = {
    "lenet5": lenet5,
    "resnet18": lambda: resnet("resnet18", (2, 2, 2, 2), False),
    "resnet50": lambda: resnet("resnet50", (3, 4, 6, 3), True),
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
    "squeezenet1_1": squeezenet1_1,
    "googlenet_bn": googlenet_bn,
}


def write(folder, name):
    path = os.path.join(folder, name + ".net")
    with open(path, "w") as file:
        file.write(NETWORKS[name]())
    return path


if __name__ == "__main__":
    if len(sys.argv) < 2 or any(name not in NETWORKS for name in sys.argv[2:]):
        sys.exit(__doc__)
    for name in sys.argv[2:] or NETWORKS:
        print(write(sys.argv[1], name))
