"""Writes golden/{recurrent,sample,quantized,chosen}.txt: operators that PyTorch lacks or has otherwise, as ONNX Runtime
computes them in float32. Run: python3 tests/golden_runtime.py (needs onnx and onnxruntime; only to make the files again).
The form is that of golden_torch.py, with a line more: "tolerance NUMBER", relative, where sums were made in float32."""

import pathlib
import zlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

HERE = pathlib.Path(__file__).parent / "golden"
KINDS = {"float32": "float", "int64": "int", "bool": "bool"}
TYPES = {"float": TensorProto.FLOAT, "int64": TensorProto.INT64, "int32": TensorProto.INT32, "uint8": TensorProto.UINT8,
         "int8": TensorProto.INT8}


def numbers(a):
    words = ["%.9g" % v for v in a.astype(np.float64).flatten()]
    return "".join(" ".join(words[i:i + 16]) + "\n" for i in range(0, len(words), 16))


def text(v):
    if isinstance(v, (list, tuple)):
        return ",".join(map(text, v))
    return "%.9g" % v if isinstance(v, float) else str(v)


class Golden:
    def __init__(self, name):
        self.name, self.text = name, ""
        self.random = np.random.RandomState(zlib.crc32(name.encode()))

    def rand(self, *shape, scale=1.0):
        return (np.round(self.random.uniform(-scale, scale, shape) * 256) / 256).astype(np.float32)

    def bytes(self, kind, *shape):
        at = np.iinfo(kind)
        return self.random.randint(at.min, at.max + 1, shape).astype(kind)

    def tensor(self, words, a):
        self.text += " ".join([words, str(a.ndim), *map(str, a.shape)]) + "\n" + numbers(a)

    def case(self, op, inputs, outputs=("float",), opset=22, constants=(), tolerance=1e-5, **attributes):
        names = ["" if a is None else f"in{i}" for i, a in enumerate(inputs)]
        while names and not names[-1]:
            names.pop()
        node = helper.make_node(op, names, [f"out{i}" for i in range(len(outputs))], **attributes)
        ports = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
                 for n, a in zip(names, inputs) if n and int(n[2:]) not in constants]
        known = [onnx.numpy_helper.from_array(a, n) for n, a in zip(names, inputs) if n and int(n[2:]) in constants]
        results = [helper.make_tensor_value_info(f"out{i}", TYPES[t], None) for i, t in enumerate(outputs)]
        graph = helper.make_graph([node], "g", ports, results, known)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        feeds = {n: a for n, a in zip(names, inputs) if n and int(n[2:]) not in constants}
        self.text += f"case {op}\n"
        if attributes:
            self.text += "attributes " + " ".join(f"{k}={text(v)}" for k, v in attributes.items()) + "\n"
        self.text += f"tolerance {tolerance}\n"
        for i, a in enumerate(inputs):
            if a is None:
                self.text += "none\n"
            else:
                kind = KINDS.get(a.dtype.name, a.dtype.name)
                self.tensor(f"{'const' if i in constants else 'in'} {kind}", a)
        for i, y in enumerate(session.run(None, feeds)):
            self.tensor(f"out {i}", np.asarray(y))
        self.text += "end\n"

    def write(self):
        made = f"# made by tests/golden_runtime.py with ONNX Runtime {onnxruntime.__version__}\n"
        (HERE / f"{self.name}.txt").write_text(made + self.text)


def recurrent():
    g = Golden("recurrent")

    def one(op, steps, items, size, hidden, bias=True, lengths=None, state=False, peepholes=False, **a):
        gates, each = {"RNN": (1, 1), "GRU": (3, 2), "LSTM": (4, 3)}[op]
        d = 2 if a.get("direction") == "bidirectional" else 1
        inputs = [g.rand(steps, items, size), g.rand(d, gates * hidden, size), g.rand(d, gates * hidden, hidden),
                  g.rand(d, 2 * gates * hidden) if bias else None,
                  None if lengths is None else np.array(lengths, np.int32), g.rand(d, items, hidden) if state else None]
        if op == "LSTM":
            inputs += [g.rand(d, items, hidden) if state else None, g.rand(d, 3 * hidden) if peepholes else None]
        g.case(op, inputs, ["float"] * (3 if op == "LSTM" else 2), hidden_size=hidden, **a)

    one("LSTM", 4, 3, 5, 6)
    one("LSTM", 4, 3, 2, 7, lengths=[4, 1, 0], state=True, direction="bidirectional")
    one("LSTM", 3, 2, 4, 3, state=True, peepholes=True, clip=0.5, input_forget=1, direction="reverse")
    one("LSTM", 3, 1, 4, 5, bias=False, activations=["HardSigmoid", "Softsign", "LeakyRelu"],
        activation_alpha=[0.3, 0.1], activation_beta=[0.4])
    one("GRU", 4, 3, 5, 6)
    one("GRU", 4, 3, 2, 7, lengths=[2, 4, 1], state=True, direction="bidirectional", linear_before_reset=1)
    one("GRU", 3, 2, 4, 3, state=True, clip=0.4, direction="reverse", activations=["Sigmoid", "Elu"],
        activation_alpha=[0.7])
    one("RNN", 4, 3, 5, 6)
    one("RNN", 4, 2, 3, 4, lengths=[3, 4], state=True, direction="bidirectional",
        activations=["Tanh", "ThresholdedRelu"], activation_alpha=[0.2])
    g.write()


def sample():
    g = Golden("sample")
    for mode in ("linear", "nearest", "cubic"):
        for padding in ("zeros", "border", "reflection"):
            for align in (0, 1):
                g.case("GridSample", [g.rand(1, 2, 4, 3), g.rand(1, 3, 4, 2, scale=2.0)], opset=20, tolerance=1e-4,
                       mode=mode, padding_mode=padding, align_corners=align)
    g.case("GridSample", [g.rand(1, 1, 2, 4, 3), g.rand(1, 2, 3, 2, 3, scale=1.3)], opset=20, tolerance=1e-4)
    g.case("AffineGrid", [g.rand(2, 2, 3), np.array([2, 1, 3, 4])], opset=20, constants=(1,))
    g.case("AffineGrid", [g.rand(1, 3, 4), np.array([1, 1, 2, 3, 2])], opset=20, constants=(1,), align_corners=1)
    rois = np.array([[0.25, 0.5, 4.75, 3.5], [-1.5, 1, 7, 9], [2, 2, 1, 5]], np.float32)
    for mode in ("avg", "max"):
        for where in ("half_pixel", "output_half_pixel"):
            for ratio in (0, 2):
                g.case("RoiAlign", [g.rand(2, 2, 6, 5), rois, np.array([1, 0, 1])], opset=16, tolerance=1e-4, mode=mode,
                       coordinate_transformation_mode=where, output_height=2, output_width=3, sampling_ratio=ratio,
                       spatial_scale=0.75)
    g.case("Col2Im", [g.rand(1, 12, 6), np.array([5, 4]), np.array([3, 2])], opset=18, constants=(1, 2), strides=[2, 1],
           pads=[1, 0, 1, 0], dilations=[1, 2])
    g.write()


def quantized():
    g = Golden("quantized")
    scalar = lambda kind: np.array(g.bytes(kind, 1)[0])
    small = lambda *shape: (np.abs(g.rand(*shape)) / 8 + 0.0078125).astype(np.float32)
    ties = np.arange(-12, 13, dtype=np.float32) / 4
    for kind in ("uint8", "int8"):
        g.case("QuantizeLinear", [ties, np.array(0.5, np.float32), scalar(kind)], [kind], opset=13, tolerance=0)
        g.case("QuantizeLinear", [g.rand(2, 3, 4, scale=9.0), small(3), g.bytes(kind, 3)], [kind], opset=13, tolerance=0)
        g.case("DequantizeLinear", [g.bytes(kind, 2, 3, 4), small(4), g.bytes(kind, 4)], opset=13, axis=-1)
    g.case("DynamicQuantizeLinear", [g.rand(3, 5, scale=3.0)], ["uint8", "float", "uint8"], opset=11, tolerance=1e-6)
    g.case("DynamicQuantizeLinear", [np.zeros(4, np.float32)], ["uint8", "float", "uint8"], opset=11, tolerance=0)
    x, w = g.bytes("uint8", 1, 4, 5, 4), g.bytes("uint8", 6, 2, 3, 2)
    g.case("ConvInteger", [x, w, scalar("uint8"), scalar("uint8")], ["int32"], opset=10, tolerance=0, group=2,
           pads=[1, 0, 1, 1], strides=[1, 2])
    bias = g.random.randint(-999, 999, 6).astype(np.int32)
    g.case("QLinearConv", [x, small(), scalar("uint8"), w, small(), scalar("uint8"), np.array(21.5, np.float32),
                           scalar("uint8"), bias], ["uint8"], opset=10, constants=(1, 2, 3, 4, 5, 6, 7, 8), tolerance=0,
           group=2, pads=[1, 0, 1, 1], strides=[1, 2])
    a, b = g.bytes("uint8", 2, 3, 4), g.bytes("uint8", 4, 5)
    g.case("MatMulInteger", [a, b, scalar("uint8"), scalar("uint8")], ["int32"], opset=10, tolerance=0)
    g.case("QLinearMatMul", [a, small(), scalar("uint8"), b, small(5), g.bytes("uint8", 5), np.array(4.5, np.float32),
                             scalar("uint8")], ["uint8"], opset=10, constants=(1, 2, 4, 5, 6, 7), tolerance=0)
    g.write()


def chosen():
    g = Golden("chosen")
    whole = lambda *shape: g.random.randint(-3, 4, shape)
    for exclusive in (0, 1):
        for reverse in (0, 1):
            g.case("CumSum", [g.rand(2, 4, 3), np.array(1)], opset=14, exclusive=exclusive, reverse=reverse)
    for upper in (0, 1):
        g.case("Trilu", [g.rand(2, 4, 3), np.array(-1)], opset=14, upper=upper)
    g.case("EyeLike", [g.rand(3, 5)], opset=9, k=1)
    g.case("Det", [g.rand(2, 4, 4)], opset=11)
    g.case("ReverseSequence", [g.rand(5, 3, 2), np.array([1, 5, 3])], opset=10)
    g.case("CenterCropPad", [g.rand(5, 4, 7), np.array([8, 4])], opset=18, constants=(1,), axes=[0, 2])
    for equation, shapes in (("ij,jk", ((2, 3), (3, 4))), ("bij,bjk->bik", ((2, 2, 3), (2, 3, 2))), ("ii->i", ((3, 3),)),
                             ("...ij->...ji", ((2, 2, 3),)), ("abc,dcb->ad", ((2, 3, 2), (2, 2, 3))),
                             ("i,j,k->kji", ((2,), (3,), (2,)))):
        g.case("Einsum", [g.rand(*s) for s in shapes], opset=12, equation=equation)
    g.case("NonZero", [whole(3, 4).astype(np.float32)], ["int64"], opset=13, constants=(0,), tolerance=0)
    g.case("Compress", [g.rand(3, 4), np.array([False, True, True])], opset=11, constants=(1,), axis=0)
    g.case("Compress", [g.rand(3, 4), np.array([False, True, True, False, True])], opset=11, constants=(1,))
    for a in ({}, {"sorted": 0}, {"axis": 1}, {"axis": 0, "sorted": 0}):
        x = whole(4, 2).astype(np.float32)
        x[2] = x[0]
        g.case("Unique", [x], ["float", "int64", "int64", "int64"], opset=11, constants=(0,), tolerance=0, **a)
    corners = np.abs(g.rand(2, 8, 4, scale=2.0))
    scores = np.abs(g.rand(2, 3, 8))
    for center in (0, 1):
        g.case("NonMaxSuppression", [corners, scores, np.array([3]), np.array([0.25], np.float32),
                                     np.array([0.25], np.float32)], ["int64"], opset=11, constants=(0, 1, 2, 3, 4),
               tolerance=0, center_point_box=center)
    g.write()


if __name__ == "__main__":
    recurrent()
    sample()
    quantized()
    chosen()
