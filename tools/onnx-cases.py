#!/usr/bin/env python3
"""onnx-cases.py DIR: writes the node test cases of the installed `onnx` package as folders, the way ONNX used to ship
them: DIR/NAME/model.onnx and DIR/NAME/test_data_set_N/{input,output}_N.pb. A case that wants another tolerance than
1e-3 and 1e-7 is named on stderr: tools/conformance-tolerances then needs a line."""
import os
import sys
import warnings

warnings.filterwarnings("ignore")

import onnx  # noqa: E402
from onnx import TensorProto, numpy_helper  # noqa: E402
from onnx.backend.test.case.node import collect_testcases  # noqa: E402


def encode(value, info):
    """A value as the bytes that its type in the model asks for."""
    if isinstance(value, TensorProto):
        return value.SerializeToString()
    kind = info.type.WhichOneof("value")
    make = {
        "sequence_type": numpy_helper.from_list,
        "map_type": numpy_helper.from_dict,
        "optional_type": numpy_helper.from_optional,
    }.get(kind, numpy_helper.from_array)
    return make(value, info.name).SerializeToString()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def main(folder):
    cases = collect_testcases(None)
    for case in cases:
        at = os.path.join(folder, case.name)
        os.makedirs(at, exist_ok=True)
        write(os.path.join(at, "model.onnx"), case.model.SerializeToString())
        if (case.rtol, case.atol) != (1e-3, 1e-7):
            print(f"{case.name}: tolerance {case.rtol}, {case.atol}", file=sys.stderr)
        graph = case.model.graph
        for i, (inputs, outputs) in enumerate(case.data_sets):
            data = os.path.join(at, f"test_data_set_{i}")
            os.makedirs(data, exist_ok=True)
            for kind, values, infos in (("input", inputs, graph.input), ("output", outputs, graph.output)):
                for j, (value, info) in enumerate(zip(values, infos)):
                    write(os.path.join(data, f"{kind}_{j}.pb"), encode(value, info))
    print(f"{len(cases)} cases of onnx {onnx.__version__} in {folder}")


if __name__ == "__main__":
    main(sys.argv[1])
