"""Writes golden/zoo.txt: tensors and logits of torchvision's networks with weights that a formula gives, so that the
zoo's layers, names, order of operations, padding and rounding of sizes are held against an independent source. Run:
python3 tests/golden_zoo.py (needs torchvision; only to make the file again).

    network SPEC SIDE               a network of the zoo, for pictures of 3 × SIDE × SIDE
    tensor NAME ELEMENTS            each parameter and statistic, in torchvision's order
    madds N                         multiply-adds of convolutions and dense layers
    logits FIRST…                   the first eight
    end

Element i of a tensor is u·scale + offset, u = ((fnv1a(NAME) + i·2654435761) mod 2³²) / 2³² − 1/2; scale and offset by
`scaling` below. The picture's name is "image"."""

import pathlib

import numpy as np
import torch
import torchvision.models as models

HERE = pathlib.Path(__file__).parent / "golden"
NETWORKS = [("alexnet", models.alexnet, 224), ("vgg11", models.vgg11, 224), ("vgg13-bn", models.vgg13_bn, 224),
            ("googlenet-bn:heads=1", lambda: models.googlenet(init_weights=False), 224), ("resnet18", models.resnet18, 224),
            ("resnet50", models.resnet50, 96), ("squeezenet1.0", models.squeezenet1_0, 224),
            ("squeezenet1.1", models.squeezenet1_1, 128), ("mobilenet-v2", models.mobilenet_v2, 128),
            ("mobilenet-v2:width=0.35", lambda: models.mobilenet_v2(width_mult=0.35), 64)]


def uniform(name, count):
    h = 0xCBF29CE484222325
    for c in name.encode():
        h = (h ^ c) * 0x100000001B3 % 2**64
    i = np.arange(count, dtype=np.uint64)
    return ((np.uint64(h % 2**32) + i * np.uint64(2654435761)) % np.uint64(2**32)).astype(np.float64) / 2**32 - 0.5


def scaling(name, shape):
    if name.endswith("running_var"):
        return 0.5, 1.0
    if len(shape) == 1:
        return (0.5, 1.0) if name.endswith("weight") else (0.2, 0.0)
    return 2 * (6 / np.prod(shape[1:])) ** 0.5, 0.0


def filled(name, shape):
    scale, offset = (2.0, 0.0) if name == "image" else scaling(name, shape)
    return torch.tensor(uniform(name, int(np.prod(shape))) * scale + offset).reshape(shape)


def madds(model, x):
    total = 0

    def count(module, _, y):
        nonlocal total
        per = module.weight[0].numel() if isinstance(module, torch.nn.Conv2d) else module.in_features
        total += y.numel() * per

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]
    with torch.no_grad():
        y = model(x)
    for h in hooks:
        h.remove()
    return total, y


text = ""
for spec, make, side in NETWORKS:
    model = make().double().eval()
    state = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    model.load_state_dict({k: filled(k, tuple(v.shape)) for k, v in state.items()}, strict=False)
    total, logits = madds(model, filled("image", (1, 3, side, side)))
    text += f"network {spec} {side}\n"
    text += "".join(f"tensor {k} {v.numel()}\n" for k, v in state.items())
    text += f"madds {total}\nlogits " + " ".join("%.9g" % v for v in logits[0, :8]) + "\nend\n"
    print(spec, total, logits[0, :4])
(HERE / "zoo.txt").write_text(text)
