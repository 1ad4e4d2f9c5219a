#!/usr/bin/env python3
"""Writes tests/golden/show.onnx, show.ppm and show.txt: what Captum says of a small network. A line of show.txt: kind, options of
`stria show`, shape, values, with tabs between. Needs torch, captum, onnx.

    python3 tests/golden_show.py tests/golden
"""
import sys

import numpy as np
import onnx
import torch
from captum.attr import GuidedBackprop, IntegratedGradients, LayerGradCam, Occlusion, Saliency
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(11)
folder = sys.argv[1]


def weights(*shape):
    return (random.standard_normal(shape) * 0.5).astype(np.float32)


w1, b1, w2, b2, w3, b3 = weights(4, 3, 3, 3), weights(4), weights(6, 4, 3, 3), weights(6), weights(5, 6), weights(5)
pixels = random.integers(0, 256, (3, 12, 12))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.dense = torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.Conv2d(4, 6, 3), torch.nn.Linear(6, 5)
        self.relu1, self.relu2, self.pool = torch.nn.ReLU(), torch.nn.ReLU(), torch.nn.MaxPool2d(2)
        for layer, w, b in ((self.conv1, w1, b1), (self.conv2, w2, b2), (self.dense, w3, b3)):
            layer.weight.data, layer.bias.data = torch.from_numpy(w), torch.from_numpy(b)
        self.double()

    def forward(self, x):
        x = self.relu2(self.conv2(self.pool(self.relu1(self.conv1(x)))))
        return self.dense(x.mean((2, 3)))


def model():
    node = helper.make_node
    nodes = [node("Conv", ["x", "w1", "b1"], ["c1"], "conv1", pads=[1, 1, 1, 1]), node("Relu", ["c1"], ["r1"], "relu1"),
             node("MaxPool", ["r1"], ["p1"], "pool1", kernel_shape=[2, 2], strides=[2, 2]),
             node("Conv", ["p1", "w2", "b2"], ["c2"], "conv2"), node("Relu", ["c2"], ["r2"], "relu2"),
             node("GlobalAveragePool", ["r2"], ["g"], "mean"), node("Flatten", ["g"], ["f"], "flat"),
             node("Gemm", ["f", "w3", "b3"], ["y"], "dense", transB=1)]
    constants = [numpy_helper.from_array(a, n) for n, a in dict(w1=w1, b1=b1, w2=w2, b2=b2, w3=w3, b3=b3).items()]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "show", [value("x", TensorProto.FLOAT, ["batch", 3, 12, 12])],
                              [value("y", TensorProto.FLOAT, ["batch", 5])], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def gradcam_plus(net, layer, x, target):
    """Grad-CAM++, which Captum lacks, by its paper's equations 10, 11 and 19."""
    kept = []
    handle = layer.register_forward_hook(lambda m, i, o: kept.append(o))
    y = net(x)[0, target]
    handle.remove()
    g, = torch.autograd.grad(y, kept[0])
    a = kept[0].detach()
    below = 2 * g ** 2 + a.sum((2, 3), keepdim=True) * g ** 3
    alpha = torch.where(below != 0, g ** 2 / below, torch.zeros_like(g))
    return ((alpha * g.clamp(min=0)).sum((2, 3), keepdim=True) * a).sum(1, keepdim=True)


def main():
    net = Net().eval()
    x = torch.from_numpy(pixels / 255.0)[None]
    onnx.save(model(), folder + "/show.onnx")
    with open(folder + "/show.ppm", "w") as f:
        rows = pixels.transpose(1, 2, 0).reshape(-1, 12)
        f.write("P3\n12 12\n255\n" + "\n".join(" ".join(map(str, row)) for row in rows) + "\n")

    def fresh():
        return x.clone().requires_grad_()

    with open(folder + "/show.txt", "w") as f:
        def case(kind, options, values):
            values = values.detach().numpy()
            f.write("\t".join((kind, options, " ".join(map(str, values.shape)), " ".join("%.9g" % v for v in values.ravel()))) + "\n")

        for target in (0, 3):
            case("saliency", f"--class {target}", Saliency(net).attribute(fresh(), target=target))
            case("guided", f"--class {target}", GuidedBackprop(net).attribute(fresh(), target=target))
            case("integrated", f"--class {target}", IntegratedGradients(net).attribute(fresh(), 0, target, n_steps=50, method="gausslegendre"))
            for name, layer in (("relu2", net.relu2), ("c2", net.conv2), ("relu1", net.relu1)):
                case("gradcam", f"--class {target} --layer {name}", LayerGradCam(net, layer).attribute(fresh(), target))
            case("gradcam++", f"--class {target} --layer r2", gradcam_plus(net, net.relu2, fresh(), target))
            for window, stride in ((3, 2), (4, 4), (5, 3)):
                case("occlusion", f"--class {target} --window {window} --stride {stride}",
                     Occlusion(net).attribute(fresh(), (3, window, window), (3, stride, stride), 0, target))
        case("features", "--layer relu1", net.relu1(net.conv1(x)))
        case("filters", "--layer conv1", net.conv1.weight)


main()
