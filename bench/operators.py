#!/usr/bin/env python3
"""Single operators beside ONNX Runtime, in one process: the same one-node models, alternated, two threads each.

usage: operators.py BUILD [--threads 2] [--rounds 7] [--only TEXT] [--markdown]
BUILD holds libstria.so. Needs onnx, onnxruntime and numpy from PyPI. Shapes are those of the networks of the textbooks,
LeNet to ResNet-50, at batch 1 and 8. A round times one contestant after the other; a row's ratio is the median over the
rounds of (ONNX Runtime's time / Stria's). Operators that only move memory are held against a copy of as many bytes, by
as many threads, too."""
import argparse
import concurrent.futures
import ctypes
import math
import os
import statistics
import sys
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("build")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--only", default="")
parser.add_argument("--markdown", action="store_true")
args = parser.parse_args()

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime as ort  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

BLOCK_SECONDS = 0.04  # of one contestant in one round
PAUSE_SECONDS = 0.2  # idle threads of ONNX Runtime spin for a million rounds
rng = np.random.default_rng(0)


# ---- Stria, by its C library ----

class SessionOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("batch", ctypes.c_int64), ("threads", ctypes.c_int), ("isa", ctypes.c_char_p),
                ("optimize", ctypes.c_bool), ("seed", ctypes.c_uint64), ("pool", ctypes.c_void_p)]


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("text", ctypes.c_char * 1020)]


library = ctypes.CDLL(os.path.join(args.build, "libstria.so"))
library.stria_session_options_default.restype = SessionOptions


def check(status, error):
    if status:
        raise RuntimeError(error.text.decode())


class Stria:
    def __init__(self, path, feed):
        error = Error()
        model = ctypes.c_void_p()
        check(library.stria_model_open(ctypes.byref(model), path.encode(), ctypes.c_uint64(0), ctypes.byref(error)), error)
        options = library.stria_session_options_default()
        options.threads = args.threads
        self.session = ctypes.c_void_p()
        check(library.stria_session_new(ctypes.byref(self.session), model, ctypes.byref(options), ctypes.byref(error)), error)
        library.stria_model_free(model)
        for name, x in feed.items():
            check(library.stria_session_set(self.session, name.encode(), x.ctypes.data_as(ctypes.c_void_p),
                                            ctypes.c_size_t(x.nbytes), ctypes.byref(error)), error)

    def run(self):
        error = Error()
        check(library.stria_session_run(self.session, ctypes.byref(error)), error)

    def get(self, name, like):
        error, y = Error(), np.empty_like(like)
        check(library.stria_session_get(self.session, name.encode(), y.ctypes.data_as(ctypes.c_void_p),
                                        ctypes.c_size_t(y.nbytes), ctypes.byref(error)), error)
        return y

    def __del__(self):
        library.stria_session_free(self.session)


# ---- ONNX Runtime ----

class Runtime:
    def __init__(self, path, feed):
        options = ort.SessionOptions()
        options.intra_op_num_threads = args.threads
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        for name, x in feed.items():
            self.binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(x))
        for y in self.session.get_outputs():
            self.binding.bind_output(y.name)
        self.session.run_with_iobinding(self.binding)  # makes the outputs, which stay
        for y, value in zip(self.session.get_outputs(), self.binding.get_outputs()):
            self.binding.bind_ortvalue_output(y.name, value)

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def outputs(self):
        return self.binding.copy_outputs_to_cpu()


# ---- a copy, for what only moves memory ----

workers = concurrent.futures.ThreadPoolExecutor(args.threads)


def copy_of(count):
    """Copies count / 2 bytes: as many read as written, split among the threads."""
    half = count // 2
    a, b = np.ones(half, np.uint8), np.ones(half, np.uint8)
    ends = [half * i // args.threads for i in range(args.threads + 1)]

    def part(i):
        ctypes.memmove(b.ctypes.data + ends[i], a.ctypes.data + ends[i], ends[i + 1] - ends[i])

    return lambda: list(workers.map(part, range(args.threads)))


# ---- the cases: (name, operator, shapes of the inputs, attributes, constants after them, kind) ----

PRODUCT, MOVES, COMPUTES = "product", "moves", "computes"


def cases():
    def conv(name, ic, oc, size, kernel, stride=1, pad=None, group=1):
        pad = kernel // 2 if pad is None else pad
        weights = {"w": (oc, ic // group, kernel, kernel), "b": (oc,)}
        return (f"Conv {name}: {ic}→{oc} {kernel}×{kernel}/{stride} @{size}" + (f" groups {group}" if group > 1 else ""),
                "Conv", [("n", ic, size, size)],
                dict(kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, group=group), weights, PRODUCT)

    yield conv("LeNet-5", 1, 6, 28, 5)
    yield conv("LeNet-5", 6, 16, 14, 5, pad=0)
    yield conv("AlexNet", 3, 64, 224, 11, 4, 2)
    yield conv("AlexNet", 64, 192, 27, 5)
    yield conv("VGG", 3, 64, 112, 3)
    yield conv("VGG", 128, 128, 112, 3)
    yield conv("GoogLeNet", 96, 128, 28, 3)
    yield conv("GoogLeNet", 16, 32, 28, 5)
    yield conv("SqueezeNet", 128, 16, 55, 1)
    yield conv("SqueezeNet", 16, 64, 55, 3)
    yield conv("ResNet-50", 3, 64, 224, 7, 2)
    yield conv("ResNet-50", 64, 64, 56, 3)
    yield conv("ResNet-50", 128, 128, 28, 3)
    yield conv("ResNet-50", 256, 256, 14, 3)
    yield conv("ResNet-50", 512, 512, 7, 3)
    yield conv("ResNet-50", 256, 256, 28, 3, 2)
    yield conv("ResNet-50", 64, 256, 56, 1)
    yield conv("ResNet-50", 512, 128, 28, 1)
    yield conv("ResNet-50", 2048, 512, 7, 1)
    yield conv("MobileNet", 32, 32, 112, 3, group=32)
    yield conv("MobileNet", 64, 64, 112, 3, 2, group=64)
    yield conv("MobileNet", 512, 512, 14, 3, group=512)
    yield conv("MobileNet", 32, 64, 112, 1)
    yield ("ConvTranspose 64→32 4×4/2 @28", "ConvTranspose", [("n", 64, 28, 28)],
           dict(kernel_shape=[4, 4], strides=[2, 2], pads=[1] * 4), {"w": (64, 32, 4, 4), "b": (32,)}, PRODUCT)
    for k, n, name in ((400, 120, "LeNet-5"), (4096, 4096, "VGG"), (2048, 1000, "ResNet-50")):
        yield f"Gemm {name}: {k}→{n}", "Gemm", [("n", k)], dict(transB=1), {"w": (n, k), "b": (n,)}, PRODUCT
    yield "MatMul 512×512 · 512×512", "MatMul", [(512, 512), (512, 512)], {}, {}, PRODUCT

    image = ("n", 64, 56, 56)
    pool = dict(kernel_shape=[2, 2], strides=[2, 2])
    yield "MaxPool LeNet 2×2 @24×20", "MaxPool", [("n", 20, 24, 24)], pool, {}, MOVES
    yield "MaxPool VGG 2×2 @112×64", "MaxPool", [("n", 64, 112, 112)], pool, {}, MOVES
    yield ("MaxPool ResNet 3×3/2 @112×64", "MaxPool", [("n", 64, 112, 112)],
           dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4), {}, MOVES)
    yield "AveragePool LeNet-5 2×2 @28×6", "AveragePool", [("n", 6, 28, 28)], pool, {}, MOVES
    yield ("AveragePool 3×3/1 @28×192", "AveragePool", [("n", 192, 28, 28)],
           dict(kernel_shape=[3, 3], pads=[1] * 4), {}, MOVES)
    yield "GlobalAveragePool 2048 @7", "GlobalAveragePool", [("n", 2048, 7, 7)], {}, {}, MOVES

    channels = {"scale": (64,), "bias": (64,), "mean": (64,), "variance": (64,)}
    yield "BatchNormalization 64 @56", "BatchNormalization", [image], {}, channels, MOVES
    yield "InstanceNormalization 64 @56", "InstanceNormalization", [image], {}, {"scale": (64,), "bias": (64,)}, MOVES
    yield "LayerNormalization 196×768", "LayerNormalization", [("n", 196, 768)], {}, {"scale": (768,), "bias": (768,)}, MOVES
    yield "LRN 5 of 96 @55", "LRN", [("n", 96, 55, 55)], dict(size=5), {}, COMPUTES

    for operator in ("Relu", "Neg", "Abs", "Floor", "Sqrt", "Reciprocal", "HardSigmoid", "HardSwish"):
        yield f"{operator} 64 @56", operator, [image], {}, {}, MOVES
    yield "LeakyRelu 64 @56", "LeakyRelu", [image], {}, {}, MOVES
    yield "Clip 64 @56", "Clip", [image], {}, {"low": np.float32(0), "high": np.float32(6)}, MOVES
    yield "PRelu 64 @56", "PRelu", [image], {}, {"slope": (64, 1, 1)}, MOVES
    for operator in ("Sigmoid", "Tanh", "Exp", "Log", "Erf", "Gelu", "Elu", "Selu", "Softplus", "Softsign", "Mish", "Sin"):
        yield f"{operator} 64 @56", operator, [image], {}, {}, COMPUTES
    yield "Softmax 1000", "Softmax", [("n", 1000)], {}, {}, COMPUTES
    yield "Softmax 196×196×12", "Softmax", [("n", 12, 196, 196)], {}, {}, COMPUTES
    yield "LogSoftmax 1000", "LogSoftmax", [("n", 1000)], {}, {}, COMPUTES

    for operator in ("Add", "Sub", "Mul", "Div", "Max", "Min"):
        yield f"{operator} 256 @28", operator, [("n", 256, 28, 28)] * 2, {}, {}, MOVES
    yield "Mul by channel 256 @28", "Mul", [("n", 256, 28, 28), ("n", 256, 1, 1)], {}, {}, MOVES
    yield "Add a bias 1000", "Add", [("n", 1000)], {}, {"b": (1000,)}, MOVES
    yield "Pow 256 @28", "Pow", [("n", 256, 28, 28)], {}, {"e": np.float32(1.7)}, COMPUTES

    parts = [("n", c, 28, 28) for c in (64, 128, 32, 32)]
    yield "Concat GoogLeNet 64+128+32+32 @28", "Concat", parts, dict(axis=1), {}, MOVES
    yield "Split 256 @28 in 4", "Split", [("n", 256, 28, 28)], dict(axis=1, num_outputs=4), {}, MOVES
    yield "Transpose to channels last 64 @56", "Transpose", [image], dict(perm=[0, 2, 3, 1]), {}, MOVES
    yield "Pad 64 @56 by 1", "Pad", [image], {}, {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1])}, MOVES
    yield ("Slice 64 @56 to @28", "Slice", [image], {},
           {"starts": np.array([14, 14]), "ends": np.array([42, 42]), "axes": np.array([2, 3])}, MOVES)
    yield "DepthToSpace 64 @56", "DepthToSpace", [image], dict(blocksize=2), {}, MOVES
    yield "Gather 1000 of 50,000×128", "Gather", [], {}, {"x": (50000, 128), "i": rng.integers(0, 50000, 1000)}, MOVES
    scales = {"roi": None, "scales": np.array([1, 1, 2, 2], np.float32)}
    yield ("Resize nearest 64 @28 twice", "Resize", [("n", 64, 28, 28)],
           dict(mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"), scales, MOVES)
    yield "Resize linear 64 @28 twice", "Resize", [("n", 64, 28, 28)], dict(mode="linear"), scales, COMPUTES
    axes = {"axes": np.array([2, 3])}
    for operator in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceL2"):
        yield f"{operator} 256 @28 over pixels", operator, [("n", 256, 28, 28)], {}, axes, MOVES
    yield "ArgMax 1000", "ArgMax", [("n", 1000)], dict(axis=1), {}, MOVES
    yield "TopK 5 of 1000", "TopK", [("n", 1000)], {}, {"k": np.array([5])}, COMPUTES
    for dtype in (np.int32, np.int64, np.uint8):
        for operator in ("Add", "Mul", "Min", "Equal", "Less"):
            yield f"{operator} {np.dtype(dtype)} 256 @28", operator, [("n", 256, 28, 28, dtype)] * 2, {}, {}, MOVES
        yield (f"Where {np.dtype(dtype)} 256 @28", "Where", [("n", 256, 28, 28, np.bool_)] + [("n", 256, 28, 28, dtype)] * 2,
               {}, {}, MOVES)
    yield "Cast to float16 64 @56", "Cast", [image], dict(to=TensorProto.FLOAT16), {}, MOVES


# ---- one case ----

def contents(shape):
    """Floats, or whole numbers of a type that ends the shape."""
    if isinstance(shape[-1], type):
        return rng.integers(0, 100 if shape[-1] != np.bool_ else 2, shape[:-1]).astype(shape[-1])
    return np.abs(rng.standard_normal(shape)).astype(np.float32) + 0.1


def make(folder, operator, shapes, attributes, constants, batch):
    """Writes the one-node model; gives its path and what it is fed."""
    feed = {f"x{i}": contents([batch if d == "n" else d for d in s]) for i, s in enumerate(shapes)}
    inputs = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for n, x in feed.items()]
    names, initializers = list(feed), []
    for name, c in constants.items():
        names.append("" if c is None else name)
        if c is not None:
            initializers.append(numpy_helper.from_array(np.asarray(contents(c) if isinstance(c, tuple) else c), name))
    outputs = [f"y{i}" for i in range({"Split": 4, "TopK": 2}.get(operator, 1))]
    node = helper.make_node(operator, names, outputs, **attributes)
    values = [helper.make_empty_tensor_value_info(y) for y in outputs]
    model = helper.make_model(helper.make_graph([node], "case", inputs, values, initializers),
                              opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path = os.path.join(folder, "case.onnx")
    model = onnx.shape_inference.infer_shapes(model)
    onnx.save(model, path)
    return path, feed, outputs


def block(run):
    """Median seconds of runs that fill a block, once the other's threads have stopped to spin."""
    time.sleep(PAUSE_SECONDS)
    for _ in range(3):
        run()
    times, start = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < BLOCK_SECONDS:
        t = time.perf_counter()
        run()
        times.append(time.perf_counter() - t)
    return statistics.median(times)


def same(ours, theirs):
    for name, want in theirs:
        got = ours.get(name, want)
        if not np.allclose(got.astype(np.float64), want.astype(np.float64), rtol=1e-3, atol=1e-4):
            raise RuntimeError(f"results differ by {np.abs(got.astype(np.float64) - want).max():.2g}")


def contest(folder, name, operator, shapes, attributes, constants, kind, batch):
    path, feed, outputs = make(folder, operator, shapes, attributes, constants, batch)
    ours, theirs = Stria(path, feed), Runtime(path, feed)
    ours.run()
    theirs.run()
    results = theirs.outputs()
    same(ours, zip(outputs, results))
    moved = sum(x.nbytes for x in feed.values()) + sum(y.nbytes for y in results)
    copy = copy_of(moved) if kind == MOVES and moved > 1 << 20 else None
    rows = []
    for _ in range(args.rounds):
        rows.append((block(theirs.run), block(ours.run), block(copy) if copy else math.nan))
    middle = [statistics.median(r[i] for r in rows) for i in range(3)]
    return (name, batch, middle[1], middle[0], statistics.median(t / o for t, o, _ in rows),
            statistics.median(c / o for _, o, c in rows) if copy else None)


def main():
    rows, failures = [], 0
    if args.markdown:
        print("| operator | batch | Stria µs | ONNX Runtime µs | ratio | of a copy's speed |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            if args.only not in case[0]:
                continue
            for batch in (1, 8) if any("n" in s for s in case[2]) else (1,):
                try:
                    rows.append(contest(folder, *case, batch))
                except Exception as error:
                    failures += 1
                    print(f"{case[0]}, batch {batch}: {error}", file=sys.stderr)
                    continue
                name, n, our, their, ratio, share = rows[-1]
                line = "| %s | %d | %.1f | %.1f | %.2f | %s |" if args.markdown else "%-44s batch %d %10.1f %10.1f µs  %5.2f  %s"
                print(line % (name, n, our * 1e6, their * 1e6, ratio, f"{100 * share:.0f} %" if share else ""), flush=True)
    if rows:
        mean = math.exp(statistics.mean(math.log(r[4]) for r in rows))
        below = sum(r[4] < 0.7 for r in rows)
        print(f"\n{len(rows)} rows, geometric mean {mean:.2f}, {below} below 0.7, {failures} not run")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
