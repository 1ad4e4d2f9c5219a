"""Writes golden/keras.txt: names and logits of networks of Keras Applications with weights that a formula gives.
Run: KERAS_BACKEND=jax python3 tests/golden_applications.py (needs keras and one of its backends; only to make the file
again).

    network SPEC SIDE
    tensor LAYER/ROLE DIMENSION…    in Keras' order and layout
    logits FIRST…                   eight of the first picture
    end

Element i of a tensor is as in golden_zoo.py, by its name there and its index in Keras' layout, but scaled by `scaling`."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import pathlib

import keras
import numpy as np

HERE = pathlib.Path(__file__).parent / "golden"


def uniform(name, count):  # as in golden_zoo.py
    h = 0xCBF29CE484222325
    for c in name.encode():
        h = (h ^ c) * 0x100000001B3 % 2**64
    i = np.arange(count, dtype=np.uint64)
    return ((np.uint64(h % 2**32) + i * np.uint64(2654435761)) % np.uint64(2**32)).astype(np.float64) / 2**32 - 0.5


def scaling(name, shape):
    role = name.split("/")[-1]
    if role == "moving_variance":
        return 0.5, 1.0
    if role == "gamma":
        return 0.5, 1.0
    if len(shape) == 1:
        return 0.2, 0.0
    fan = shape[0] * shape[1] if role == "depthwise_kernel" or (len(shape) == 4 and shape[3] == 1) else np.prod(shape[:-1])
    return 2 * (6 / fan) ** 0.5, 0.0


def application(out, spec, side, net):
    out.write(f"network {spec} {side}\n")
    values = []
    for v in net.weights:
        layer, role = v.path.split("/")[-2:]
        name = f"{layer}/{role}"
        shape = tuple(v.shape)
        scale, offset = scaling(name, shape)
        values.append((uniform(name, int(np.prod(shape))) * scale + offset).reshape(shape))
        out.write(f"tensor {name} {' '.join(map(str, shape))}\n")
    net.set_weights(values)
    x = (uniform("image", 3 * side * side) * 2).reshape(1, 3, side, side)
    y = keras.ops.convert_to_numpy(net(np.transpose(x, (0, 2, 3, 1)).astype(np.float32))).reshape(-1)
    out.write("logits " + " ".join(f"{v:.9g}" for v in y[:8]) + "\nend\n")


def main():
    a = keras.applications
    common = {"weights": None, "classes": 10, "classifier_activation": None}

    def sized(side):
        return {"input_shape": (side, side, 3), **common}

    with open(HERE / "keras.txt", "w") as out:
        application(out, "vgg16:classes=10,size=3x64x64,dense=4096", 64, a.VGG16(**sized(64)))
        application(out, "vgg19:classes=10,size=3x32x32,dense=4096", 32, a.VGG19(**sized(32)))
        application(out, "mobilenet-v1:classes=10,size=3x64x64,width=0.25", 64, a.MobileNet(alpha=0.25, **sized(64)))
        application(out, "mobilenet-v2:classes=10,size=3x64x64,width=0.35,style=keras", 64,
                    a.MobileNetV2(alpha=0.35, **sized(64)))
        application(out, "mobilenet-v2:classes=10,size=3x75x75,width=0.1,style=keras", 75,  # odd: padded on both sides
                    a.MobileNetV2(alpha=0.1, **sized(75)))
        application(out, "resnet50:classes=10,size=3x64x64,style=keras", 64, a.ResNet50(**sized(64)))


main()
