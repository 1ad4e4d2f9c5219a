#!/usr/bin/env python3
"""Writes the zoo's networks that the benchmarks run as .net text; `stria convert` makes ONNX files with random weights of
them.

usage: networks.py FOLDER [NAME…]    writes FOLDER/NAME.net: lenet5 resnet20 alexnet vgg16 resnet18 resnet50 mobilenet_v1
                                     mobilenet_v2 squeezenet1_1 googlenet_bn (all without NAME)
$STRIA is the command, by default build/stria of this checkout. Needs no package.
"""
import os
import subprocess
import sys

STRIA = os.environ.get("STRIA", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "build", "stria"))

NETWORKS = {
    "lenet5": "lenet5",
    "resnet20": "resnet20",
    "alexnet": "alexnet:dropout=0",
    "vgg16": "vgg16:dropout=0",
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "mobilenet_v1": "mobilenet-v1:dropout=0",
    "mobilenet_v2": "mobilenet-v2:dropout=0",
    "squeezenet1_1": "squeezenet1.1:dropout=0",
    "googlenet_bn": "googlenet-bn:dropout=0",
}


def write(folder, name, stria=STRIA):
    path = os.path.join(folder, name + ".net")
    text = subprocess.run([stria, "summary", NETWORKS[name], "--net"], check=True, capture_output=True, text=True).stdout
    with open(path, "w") as file:
        file.write(text)
    return path


if __name__ == "__main__":
    if len(sys.argv) < 2 or any(name not in NETWORKS for name in sys.argv[2:]):
        sys.exit(__doc__)
    for name in sys.argv[2:] or NETWORKS:
        print(write(sys.argv[1], name))
