"""Writes golden/training.txt: what three steps of training make of LeNet-5 and LeNet as PyTorch computes them in float64, an
oracle that shares nothing with Stria. Run: python3 tests/golden_training.py (needs NumPy and PyTorch; only to make the file
anew).

Weights, images and labels come from numbers that golden_training.c draws in the same way: word i of stream s is the mixed
s·2^32 + i (splitmix64), so that they need not be stored. The file is a list of trainings:
    training NETWORK BATCH
    losses LOSS1 LOSS2 LOSS3
    gradient|weight INDEX COUNT GREATEST SUM, then pairs POSITION VALUE
    end
gradient INDEX is that of parameter INDEX in the first step, weight INDEX the parameter after the third one. GREATEST is the
largest magnitude in the tensor, SUM the sum of all its elements, COUNT how many pairs follow."""

import pathlib

import numpy as np
import torch
from torch import nn

LR, MOMENTUM, DECAY, STEPS, SAMPLES = 0.0625, 0.875, 1 / 128, 3, 20
torch.set_default_dtype(torch.float64)


def words(stream, count):
    """24-bit words of a stream."""
    with np.errstate(over="ignore"):
        z = np.arange(count, dtype=np.uint64) + np.uint64(stream << 32)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(np.int64)


def weights(stream, shape):
    """In ±2^e, the power of two nearest to Glorot's range or above; biases in ±1/16. Exact in float32."""
    count = int(np.prod(shape))
    scale = 1 / 16
    if len(shape) > 1:
        taps = int(np.prod(shape[2:], dtype=np.int64))
        scale = 1.0
        while scale * scale / 4 >= 6 / ((shape[0] + shape[1]) * taps):
            scale /= 2
    return torch.tensor((words(stream, count) - 2**23) / 2**23 * scale).reshape(shape)


def lenet5():
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Sigmoid(),
                         nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84),
                         nn.Sigmoid(), nn.Linear(84, 10))


def lenet():
    return nn.Sequential(nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


def fingerprint(kind, index, t):
    flat = t.detach().flatten()
    chosen = words(1000 + index, SAMPLES) % flat.numel()
    pairs = " ".join(f"{p} {flat[p].item():.9g}" for p in chosen)
    return f"{kind} {index} {SAMPLES} {flat.abs().max().item():.9g} {flat.sum().item():.9g}\n{pairs}\n"


def training(name, batch):
    net = {"lenet5": lenet5, "lenet": lenet}[name]()
    parameters = list(net.parameters())
    for i, p in enumerate(parameters):
        p.data = weights(i, p.shape)
    images = torch.tensor(words(100, batch * 784) / 2**24).reshape(batch, 1, 28, 28)
    labels = torch.tensor(words(101, batch) % 10)
    groups = [{"params": [p], "weight_decay": DECAY if p.dim() > 1 else 0} for p in parameters]
    sgd = torch.optim.SGD(groups, lr=LR, momentum=MOMENTUM)
    losses, gradients = [], ""
    for step in range(STEPS):
        sgd.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            gradients = "".join(fingerprint("gradient", i, p.grad) for i, p in enumerate(parameters))
        sgd.step()
    text = f"training {name} {batch}\nlosses " + " ".join(f"{v:.12g}" for v in losses) + "\n" + gradients
    return text + "".join(fingerprint("weight", i, p) for i, p in enumerate(parameters)) + "end\n"


pathlib.Path(__file__).with_name("golden").joinpath("training.txt").write_text(
    "".join(training(name, batch) for name in ("lenet5", "lenet") for batch in (8, 16)))
