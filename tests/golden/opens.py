"""Which programs open what stria convert writes, and whether they compute the same. Makes the table of docs/convert.md.

    python3 opens.py write FOLDER STRIA          writes a test case (--save-test-case) for each model below
    python3 opens.py onnxruntime FOLDER          runs them with one program: onnxruntime, openvino, opencv or onnx2torch
    python3 opens.py table FOLDER                prints the table of what all runs found

Each program may have a Python of its own: none of them is needed to write, or to print the table. A run is kept as
FOLDER/PROGRAM VERSION.json. "same" is a difference of at most 1e-3 of the output's largest value, on one row of input; where weights were rounded 0.05."""

import json
import pathlib
import subprocess
import sys

IMAGE = "x = input(batch x 4 x 12 x 10)\n"
MODELS = {
    "`lenet5`": "lenet5",
    "`resnet20`": "resnet20",
    "`alexnet-2012` (LRN, groups)": "alexnet-2012:dense=64",
    "`mobilenet-v2`": "mobilenet-v2",
    "max_pool, Concat, dense": IMAGE + "a = conv(x, 4, kernel=3, padding=1)\nb = Concat(x, a, axis=1)\np = max_pool(b, kernel=2)\ny = dense(p, 5)",
    "padding `same`, stride 2": IMAGE + "a = conv(x, 8, kernel=3, stride=2, padding=same)\ny = max_pool(a, kernel=3, stride=2, padding=same)",
    "conv_transpose": IMAGE + "y = conv_transpose(x, 3, kernel=3, stride=2)",
    "leaky_relu, elu, prelu": IMAGE + "a = leaky_relu(x)\nb = elu(a)\nc = conv(b, 4, kernel=1)\ny = prelu(c)",
    "silu, hard_swish": IMAGE + "a = silu(x)\ny = hard_swish(a)",
    "gelu": IMAGE + "c = conv(x, 4, kernel=3)\ny = gelu(c)",
    "mish": IMAGE + "c = conv(x, 4, kernel=3)\ny = mish(c)",
    "layer_norm": IMAGE + "y = layer_norm(x)",
    "group_norm": IMAGE + "y = group_norm(x, 2)",
    "rms_norm": IMAGE + "y = rms_norm(x)",
    "local_conv": IMAGE + "y = local_conv(x, 3, kernel=3)",
    "LSTM": "x = input(6 x batch x 5)\nw = parameter(1x16x5)\nr = parameter(1x16x4)\ny = LSTM(x, w, r, hidden_size=4)",
}
WAYS = {"": [], " --opset 13": ["--opset", "13"]}
HALVES = {"`resnet20` --fp16": ("resnet20", ["--fp16"]), "`resnet20` --bf16": ("resnet20", ["--bf16"])}


def cases():
    for name, text in MODELS.items():
        for way, words in WAYS.items():
            yield name + way, text, words
    for name, (text, words) in HALVES.items():
        yield name, text, words


def write(folder, stria):
    folder.mkdir(parents=True, exist_ok=True)
    for i, (name, text, words) in enumerate(cases()):
        source = text
        if "\n" in text:
            source = str(folder / f"{i}.net")
            pathlib.Path(source).write_text("stria-net 1\n" + text + "\n")
        done = subprocess.run([stria, "convert", source, str(folder / f"{i}.onnx"), "--save-test-case", str(folder / str(i)), *words],
                              capture_output=True, text=True)
        print(name, "written" if done.returncode == 0 else done.stderr.strip())


def tensors(case, kind):
    import onnx
    from onnx import numpy_helper
    for i in range(100):
        path = case / "test_data_set_0" / f"{kind}_{i}.pb"
        if not path.exists():
            return
        proto = onnx.TensorProto()
        proto.ParseFromString(path.read_bytes())
        yield proto.name, numpy_helper.to_array(proto)


def onnxruntime(model):
    import onnxruntime as program
    program.set_default_logger_severity(4)
    session = program.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return program.__version__, lambda inputs, names: session.run(names, inputs)


def openvino(model):
    import openvino as program
    compiled = program.Core().compile_model(str(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(inputs, names):
        found = compiled(inputs)
        return [found[name] for name in names]
    return program.__version__.split("-")[0], run


def opencv(model):
    import cv2 as program
    net = program.dnn.readNetFromONNX(str(model))

    def run(inputs, names):
        for name, x in inputs.items():
            net.setInput(x, name)
        return net.forward(names)
    return program.__version__, run


def onnx2torch(model):
    import importlib.metadata
    import torch
    import onnx
    import onnx2torch as program
    module = program.convert(onnx.load(str(model))).eval()

    def run(inputs, names):
        with torch.no_grad():
            found = module(*[torch.from_numpy(x.copy()) for x in inputs.values()])
        return [y.numpy() for y in (found if isinstance(found, (list, tuple)) else [found])]
    return importlib.metadata.version("onnx2torch"), run


def judge(case, program, limit):
    import numpy as np
    version, run = program(case / "model.onnx")
    inputs, outputs = dict(tensors(case, "input")), list(tensors(case, "output"))
    worst = 0
    for (name, wanted), got in zip(outputs, run(inputs, [name for name, _ in outputs])):
        got = np.asarray(got)
        if got.size != wanted.size:
            return version, f"another shape: {list(got.shape)}"
        error = np.abs(got.reshape(wanted.shape).astype(np.float64) - wanted.astype(np.float64)).max()
        worst = max(worst, error / max(np.abs(wanted).max(), 1e-30))
    return version, "same" if worst <= limit else f"other numbers: {worst:.2g}"


def run(folder, name):
    results, version = {}, "?"
    program = {"onnxruntime": onnxruntime, "openvino": openvino, "opencv": opencv, "onnx2torch": onnx2torch}[name]
    for i, (model, text, words) in enumerate(cases()):
        case = folder / str(i)
        if not case.exists():
            results[model] = "not written"
            continue
        try:
            version, results[model] = judge(case, program, 0.05 if model in HALVES else 1e-3)
        except Exception as e:  # what the program raises is the result
            lines = [line for line in str(e).strip().splitlines() if line.strip()]
            results[model] = f"refused: {type(e).__name__}: {lines[-1][:120] if lines else ''}"
        print(model, "|", results[model], flush=True)
    (folder / f"{name} {version}.json").write_text(json.dumps(results, indent=1))


def table(folder):
    found = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    print("| model | " + " | ".join(found) + " |\n|" + " --- |" * (len(found) + 1))
    same = [model for model, _, _ in cases() if all(result[model] == "same" for result in found.values())]
    for model, _, _ in cases():
        if model in same:
            continue
        words = [result[model].split(":")[0].replace("same", "yes").replace("refused", "no") for result in found.values()]
        print(f"| {model} | " + " | ".join(words) + " |")
    print(f"| the other {len(same)} | " + " | ".join(["yes"] * len(found)) + " |")
    print("\nthe others: " + "; ".join(same) + "\n")
    for name, result in found.items():
        for model, words in result.items():
            if words != "same":
                print(f"{name}, {model}: {words}")


if sys.argv[1] == "write":
    write(pathlib.Path(sys.argv[2]), sys.argv[3])
elif sys.argv[1] == "table":
    table(pathlib.Path(sys.argv[2]))
else:
    run(pathlib.Path(sys.argv[2]), sys.argv[1])
