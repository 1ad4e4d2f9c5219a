"""Whether ONNX Runtime computes a test case's outputs of its inputs: end_case.py FOLDER TOLERANCE, relative to each output's
largest value. Needs onnx and onnxruntime."""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

folder, tolerance = pathlib.Path(sys.argv[1]), float(sys.argv[2])


def tensors(kind):
    for i in range(1000):
        path = folder / "test_data_set_0" / f"{kind}_{i}.pb"
        if not path.exists():
            return
        proto = onnx.TensorProto()
        proto.ParseFromString(path.read_bytes())
        yield proto.name, numpy_helper.to_array(proto)


model = onnx.load(folder / "model.onnx")
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
inputs, outputs = dict(tensors("input")), list(tensors("output"))
assert list(inputs) == [port.name for port in session.get_inputs()], f"inputs {list(inputs)}"
assert [name for name, _ in outputs] == [port.name for port in session.get_outputs()], "outputs have other names"
for (name, wanted), got in zip(outputs, session.run(None, inputs)):
    assert got.shape == wanted.shape and got.dtype == wanted.dtype, f"{name}: {got.shape} {got.dtype}"
    difference = np.abs(got.astype(np.float64) - wanted.astype(np.float64)).max() / max(np.abs(wanted).max(), 1e-30)
    assert difference <= tolerance, f"{name}: {difference} of the largest value"
    print(name, difference)
