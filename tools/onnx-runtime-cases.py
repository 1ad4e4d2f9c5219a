#!/usr/bin/env python3
"""onnx-runtime-cases.py TOLERANCES <LIST: runs ONNX's test cases in ONNX Runtime. LIST has lines SOURCE, tab, FOLDER (with
model.onnx and test_data_set_*); a line SOURCE, case, passed | failed | refused comes out for each, after one that names
the version. Cases run in processes of their own, so that one that ends its process is just failed."""
import glob
import os
import re
import subprocess
import sys


def tolerance(folder, path):
    for line in open(path, encoding="utf-8"):
        part = line.rstrip("\n").split("\t")
        if not line.startswith("#") and re.search(part[0] + "$", folder):
            return float(part[1]), float(part[2])
    return 1e-3, 1e-7


def value_of(path, info):
    """What a file holds, as the type in the model says."""
    import onnx
    from onnx import numpy_helper

    data = open(path, "rb").read()
    kind = info.type.WhichOneof("value")
    if kind == "sequence_type":
        return numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    if kind == "optional_type":
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
    tensor = onnx.TensorProto.FromString(data)
    tensor.name = info.name
    return tensor


def has_numpy(info):
    """Whether NumPy has the type of a value's elements by itself."""
    return info.type.WhichOneof("value") != "tensor_type" or info.type.tensor_type.elem_type <= 15


def prepared(model, feeds):
    """Values whose type NumPy does not have go in as initialisers, and come out as float32."""
    import onnx
    from onnx import helper

    for info in list(model.graph.input):
        if info.name in feeds and not has_numpy(info):
            model.graph.initializer.append(feeds.pop(info.name))
            model.graph.input.remove(info)
    for info in list(model.graph.output):
        if has_numpy(info):
            continue
        model.graph.node.append(helper.make_node("Cast", [info.name], [info.name + "/float32"], to=onnx.TensorProto.FLOAT))
        info.name += "/float32"
        info.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return model


def array_of(value):
    import onnx
    from onnx import numpy_helper

    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def same(got, want, rtol, atol):
    import numpy as np

    if want is None or got is None:
        return want is got
    if isinstance(want, (list, tuple)):
        return len(got) == len(want) and all(same(g, w, rtol, atol) for g, w in zip(got, want))
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape:
        return False
    if want.dtype.kind in "OSU":
        return [str(x) for x in got.flat] == [x.decode() if isinstance(x, bytes) else str(x) for x in want.flat]
    if want.dtype.kind in "biu" and got.dtype != want.dtype and got.dtype != np.float32:
        return False
    number = np.complex128 if want.dtype.kind == "c" else np.float64
    return bool(np.allclose(got.astype(number), want.astype(number), rtol=rtol, atol=atol, equal_nan=True))


def case_run(folder, tolerances):
    import onnx
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    rtol, atol = tolerance(folder, tolerances)
    sets = sorted(glob.glob(folder + "/test_data_set_*"))
    for at in sets:
        model = onnx.load(folder + "/model.onnx")
        given = {x.name for x in model.graph.initializer}
        infos = [i for i in model.graph.input if i.name not in given]
        paths = [f"{at}/input_{k}.pb" for k in range(len(infos))]
        if not all(os.path.exists(p) for p in paths):
            infos = [i for i in model.graph.input][: len(glob.glob(at + "/input_*.pb"))]
        feeds = {i.name: value_of(f"{at}/input_{k}.pb", i) for k, i in enumerate(infos)}
        wanted = [value_of(f"{at}/output_{k}.pb", i) for k, i in enumerate(model.graph.output)]
        names = [i.name for i in model.graph.output]
        try:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            model = prepared(model, feeds)
            session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception:
            return "refused"
        try:
            got = session.run(None, {name: array_of(x) for name, x in feeds.items()})
        except Exception:
            return "failed"
        if len(got) != len(names) or not all(same(g, array_of(w), rtol, atol) for g, w in zip(got, wanted)):
            return "failed"
    return "passed" if sets else "refused"


def child(tolerances):
    for line in sys.stdin:
        source, folder = line.rstrip("\n").split("\t")
        try:
            status = case_run(folder, tolerances)
        except Exception:
            status = "refused"
        print(source, os.path.basename(folder), status, sep="\t", flush=True)


def main(tolerances):
    import onnxruntime

    print(f"ONNX Runtime {onnxruntime.__version__}", flush=True)
    left = [line for line in sys.stdin if line.strip()]
    while left:
        run = subprocess.run([sys.executable, __file__, "--child", tolerances], input="".join(left), text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        done = run.stdout.count("\n")
        print(run.stdout, end="", flush=True)
        if done < len(left):  # the next one ended the process
            source, folder = left[done].rstrip("\n").split("\t")
            print(source, os.path.basename(folder), "failed", sep="\t", flush=True)
        left = left[done + 1:]


if __name__ == "__main__":
    child(sys.argv[2]) if sys.argv[1] == "--child" else main(sys.argv[1])
