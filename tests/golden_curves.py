"""Writes golden/curves.txt: the losses of 50 training steps of LeNet and ResNet-20 as PyTorch computes them in float64.
Run: python3 tests/golden_curves.py (needs NumPy and PyTorch; only to make the file again).

    curve NETWORK CHANNELS SIDE BATCH IMAGES RATE DECAY
    losses LOSS1 … LOSS50

SGD with momentum 0.9; DECAY on tensors of two and more dimensions. The images are taken in their order, epoch by epoch.
golden_curves.c makes the same weights and images. Element i of a tensor is u·scale + offset by `filled` below. (The
sequence of golden_zoo.py will not do here: sums of its filters nearly vanish, and batch normalisation then magnifies
rounding errors.) Image k is of class k mod 10; its pixel i is (noise(k, i) + 255·bit(class, i)) / 2,
rounded down, noise in 0…255 and bit 0 or 1 drawn by splitmix64."""

import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

STEPS = 50
torch.set_default_dtype(torch.float64)


def words(stream, count):
    """24-bit words of a stream."""
    with np.errstate(over="ignore"):
        z = np.arange(count, dtype=np.uint64) + np.uint64(stream << 32)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(np.int64)


def uniform(name, count):
    """In ±1/2, of the stream that the lower 32 bits of the name's FNV-1a hash number."""
    h = 0xCBF29CE484222325
    for c in name.encode():
        h = (h ^ c) * 0x100000001B3 % 2**64
    return words(h % 2**32, count) / 2**24 - 0.5


def filled(name, shape):
    if len(shape) == 1:
        scale, offset = (0.5, 1.0) if name.endswith("weight") else (0.2, 0.0)
    else:
        scale, offset = (6 / np.prod(shape[1:])) ** 0.5, 0.0
    values = (uniform(name, int(np.prod(shape))) * scale + offset).astype(np.float32)  # as a file of weights has them
    return torch.tensor(values.astype(np.float64)).reshape(shape)


def images(channels, side, count):
    size = channels * side * side
    labels = np.arange(count) % 10
    noise = words(1, count * size).reshape(count, size) & 255
    bits = words(2, 10 * size).reshape(10, size) & 1
    pixels = (noise + 255 * bits[labels]) // 2
    return torch.tensor(pixels / 255).reshape(count, channels, side, side), torch.tensor(labels)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 20, 5), nn.Conv2d(20, 50, 5)
        self.dense1, self.logits = nn.Linear(800, 500), nn.Linear(500, 10)

    def forward(self, x):
        x = F.max_pool2d(self.conv2(F.max_pool2d(self.conv1(x), 2)), 2)
        return self.logits(F.relu(self.dense1(x.flatten(1))))


class Block(nn.Module):
    """He et al., CVPR 2016: y = relu(f(x) + x); where the size halves, x is subsampled and gets channels of zeros, half of them before."""

    def __init__(self, before, channels):
        super().__init__()
        self.stride = channels // before
        self.conv1 = nn.Conv2d(before, channels, 3, self.stride, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.stride == 2:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, x.shape[1] // 2, x.shape[1] // 2))
        return F.relu(y + x)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*[Block(16, 16) for _ in range(3)])
        self.layer2 = nn.Sequential(Block(16, 32), Block(32, 32), Block(32, 32))
        self.layer3 = nn.Sequential(Block(32, 64), Block(64, 64), Block(64, 64))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))


def curve(name, net, channels, side, batch, count, rate, decay):
    for key, p in net.named_parameters():
        p.data = filled(key, tuple(p.shape))
    x, labels = images(channels, side, count)
    sgd = torch.optim.SGD([{"params": [p], "weight_decay": decay if p.dim() > 1 else 0} for p in net.parameters()],
                          lr=rate, momentum=0.9)
    losses = []
    for step in range(STEPS):
        at = step * batch % count
        sgd.zero_grad()
        loss = F.cross_entropy(net(x[at:at + batch]), labels[at:at + batch])
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    print(name, losses[0], losses[9], losses[-1])
    return (f"curve {name} {channels} {side} {batch} {count} {rate} {decay}\nlosses "
            + " ".join(f"{v:.10g}" for v in losses) + "\n")


text = (curve("lenet", LeNet(), 1, 28, 32, 320, 0.01, 0.0005)
        + curve("resnet20", ResNet20(), 3, 32, 32, 160, 0.001, 0.0001))
pathlib.Path(__file__).with_name("golden").joinpath("curves.txt").write_text(text)
