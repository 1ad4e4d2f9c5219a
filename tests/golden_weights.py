"""Writes golden/weights/: files of weights by the programs that define their formats, of two small networks with random
numbers, with their outputs for input.npy. Run: KERAS_BACKEND=torch python3 tests/golden_weights.py (needs torch, keras,
safetensors, h5py; only to make the files again).

torch.net and keras.net describe the two networks. Both are [2, 3, 8, 8] → [2, 5]."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import pathlib

import h5py
import keras
import numpy as np
import safetensors.torch
import torch

HERE = pathlib.Path(__file__).parent / "golden"
OUT = HERE / "weights"


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.bn1 = torch.nn.BatchNorm2d(4)
        self.conv2 = torch.nn.Conv2d(4, 6, 3)
        self.fc = torch.nn.Linear(6 * 2 * 2, 5)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 2)
        return self.fc(torch.relu(self.conv2(x)).flatten(1))


def torch_files(x):
    torch.manual_seed(1)
    net = Net()
    net.train()
    net(torch.randn(16, 3, 8, 8))
    net.eval()
    state = net.state_dict()
    np.save(OUT / "torch_output.npy", net(torch.tensor(x)).detach().numpy())
    torch.save(state, OUT / "zip.pth")
    torch.save(state, OUT / "old.pth", _use_new_zipfile_serialization=False)
    torch.save(state, OUT / "protocol4.pth", pickle_protocol=4)
    # Views: a transposed one, a slice of a larger storage, channels last, one storage for several tensors.
    views = dict(state)
    views["fc.weight"] = state["fc.weight"].t().contiguous().t()
    big = torch.randn(10, 4, 3, 3)
    big[2:8] = state["conv2.weight"]
    views["conv2.weight"] = big[2:8]
    views["conv1.weight"] = state["conv1.weight"].contiguous(memory_format=torch.channels_last)
    shared = torch.cat([state["bn1.weight"], state["bn1.bias"]])
    views["bn1.weight"], views["bn1.bias"] = shared[:4], shared[4:]
    torch.save(views, OUT / "views.pth")
    torch.save(views, OUT / "views_old.pth", _use_new_zipfile_serialization=False)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    checkpoint = {"epoch": 3, "best": np.float64(0.5), "state_dict": {"module." + k: v for k, v in state.items()},
                  "optimizer": optimizer.state_dict(), "args": None}
    torch.save(checkpoint, OUT / "checkpoint.pth")
    torch.save({k: torch.nn.Parameter(v) if v.is_floating_point() else v for k, v in state.items()}, OUT / "parameter.pth")
    torch.save({k: v.half() if v.is_floating_point() else v for k, v in state.items()}, OUT / "half.pth")
    torch.save({k: v.bfloat16() if v.is_floating_point() else v for k, v in state.items()}, OUT / "bfloat16.pth")
    torch.save(net, OUT / "whole.pth")  # to be refused: it calls a class
    torch.save({k: v for k, v in state.items() if k != "conv2.bias"} | {"extra.weight": torch.zeros(2, 3)}, OUT / "other.pth")
    safetensors.torch.save_file({k: v.contiguous() for k, v in state.items()}, OUT / "net.safetensors")
    np.savez(OUT / "net.npz", **{k: v.numpy() for k, v in state.items()})
    np.savez_compressed(OUT / "double.npz", **{k: v.double().numpy() for k, v in state.items()})


def keras_net(names):
    named = (lambda n: {"name": n}) if names else (lambda n: {})
    i = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", **named("first"))(i)
    x = keras.layers.BatchNormalization(**named("norm"))(x)
    x = keras.layers.ReLU()(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same", **named("deep"))(x) if names else x
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Conv2D(6, 3, activation="relu", **named("conv2d_7"))(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dropout(0.5)(x)
    return keras.Model(i, keras.layers.Dense(5, **named("head"))(x))


def keras_files(x):
    keras.utils.set_random_seed(2)
    for names in (True, False):
        keras.backend.clear_session()
        net = keras_net(names)
        rng = np.random.default_rng(3)
        net.set_weights([rng.uniform(0.5, 1.5, w.shape) if "var" in v.path else rng.normal(0, 0.4, w.shape)
                         for v, w in zip(net.weights, net.get_weights())])
        stem = "named" if names else "unnamed"
        np.save(OUT / f"{stem}_output.npy", np.asarray(net(np.transpose(x, (0, 2, 3, 1))).detach()))
        net.save(OUT / f"{stem}.keras")
        net.save_weights(OUT / f"{stem}.weights.h5")
        net.save(OUT / f"{stem}.h5")
    # Keras 2 wrote fixed-length names with ":0", and kernels of depthwise layers by their own word.
    with h5py.File(OUT / "named.h5") as new, h5py.File(OUT / "keras2.h5", "w") as old:
        layers = [n for n in new["model_weights"] if len(new["model_weights"][n].attrs["weight_names"])]
        old.attrs["layer_names0"] = np.array([n.encode() for n in layers[:2]])
        old.attrs["layer_names1"] = np.array([n.encode() for n in layers[2:]])
        for n in layers:
            group, names = old.create_group(n), []
            for path in new["model_weights"][n].attrs["weight_names"]:
                word = "depthwise_kernel" if n == "deep" and path.endswith("kernel") else path.split("/")[-1]
                names.append(f"{n}/{word}:0")
                group[names[-1]] = new["model_weights"][n][path][()]
            group.attrs["weight_names"] = np.array([w.encode() for w in names])


def layer_write(out, name, arrays):
    """A layer of the older .h5 in group `name`: role -> array, or a function that makes it of the group and name."""
    group = out.create_group(name)
    group.attrs["weight_names"] = np.array([f"{role}:0".encode() for role in arrays])
    for role, array in arrays.items():
        array(group, f"{role}:0") if callable(array) else group.create_dataset(f"{role}:0", data=array)


def hdf5_files():
    """Files to be refused, since what they hold lies in others, or takes far more memory than they have bytes; and
    types of two bytes."""
    kernel, f32 = np.zeros((3, 3, 3, 4), np.float32), np.float32
    with h5py.File(OUT / "keras2.h5") as old:
        names = list(old)
    with h5py.File(OUT / "external_link.h5", "w") as f:
        f["ext"] = h5py.ExternalLink("keras2.h5", "/")
        f.attrs["layer_names"] = np.array([f"ext/{n}".encode() for n in names])
    with h5py.File(OUT / "external_array.h5", "w") as f:
        f.attrs["layer_names"] = np.array([b"first"])
        layer_write(f, "first", {"kernel": lambda g, n: g.__setitem__(n, h5py.ExternalLink("keras2.h5", "/first/first/kernel:0"))})
    with h5py.File(OUT / "soft_link.h5", "w") as f:
        layer_write(f, "real", {"kernel": kernel})
        f["first"] = h5py.SoftLink("/real")
        f.attrs["layer_names"] = np.array([b"first"])
    with h5py.File(OUT / "external_storage.h5", "w") as f:
        f.attrs["layer_names"] = np.array([b"first"])
        layer_write(f, "first", {"kernel": lambda g, n: g.create_dataset(
            n, kernel.shape, f32, external=[("input.npy", 0, kernel.nbytes)])})
    with h5py.File(OUT / "virtual_set.h5", "w", libver="latest") as f:
        layout = h5py.VirtualLayout(kernel.shape, f32)
        layout[...] = h5py.VirtualSource("keras2.h5", "first/first/kernel:0", kernel.shape, f32)
        f.attrs["layer_names"] = np.array([b"first"])
        layer_write(f, "first", {"kernel": lambda g, n: g.create_virtual_dataset(n, layout)})
    # A text that is written once, and 4,000 references to it.
    count, long = 4000, b"t" * (1 << 17)
    with h5py.File(OUT / "shared_text.h5", "w") as f:
        f.attrs.create("layer_names", [long] + [b""] * (count - 1), dtype=h5py.string_dtype())
    data = bytearray((OUT / "shared_text.h5").read_bytes())
    at = data.index(len(long).to_bytes(4, "little"), data.index(b"layer_names"))
    data[at:at + 16 * count] = data[at:at + 16] * count
    (OUT / "shared_text.h5").write_bytes(data)
    # 1.5 and -2 as bfloat16, as Keras 3 writes it (without the attribute it is two bytes of anything), and as float16.
    two = np.array([0x3FC0, 0xC000], "<u2").view("V2")
    with h5py.File(OUT / "two_bytes.h5", "w") as f:
        f.attrs["layer_names"] = np.array([b"a"])

        def marked(g, n):
            g.create_dataset(n, data=two).attrs["dtype"] = "bfloat16"

        layer_write(f, "a", {"kernel": marked, "bias": np.array([1.5, -2], np.float16)})
    with h5py.File(OUT / "opaque.h5", "w") as f:
        f.attrs["layer_names"] = np.array([b"a"])
        layer_write(f, "a", {"kernel": two})
    odd = h5py.h5t.IEEE_F16LE.copy()
    odd.set_ebias(14)
    with h5py.File(OUT / "odd_half.h5", "w") as f:
        f.attrs["layer_names"] = np.array([b"a"])
        layer_write(f, "a", {"kernel": lambda g, n: h5py.h5d.create(g.id, n.encode(), odd, h5py.h5s.create_simple((2,)))})
    # A layer that consists of others, as a network in a network: two kernels in one group.
    with h5py.File(OUT / "nested.h5", "w") as f:
        f.attrs["layer_names"] = np.array([b"inner"])
        layer_write(f, "inner", {"one/kernel": np.zeros((2, 3), f32), "two/kernel": np.ones((3, 2), f32)})


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    x = np.random.default_rng(1).normal(size=(2, 3, 8, 8)).astype(np.float32)
    np.save(OUT / "input.npy", x)
    torch_files(x)
    keras_files(x)
    hdf5_files()


main()
