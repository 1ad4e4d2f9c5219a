"""Writes golden/float8.txt: the values of all codes of the 8-bit floats, and what numbers beside and at every halfway point
become, as the package ml_dtypes (the NumPy types of JAX and TensorFlow) says.
Run: python3 tests/golden_float8.py (needs NumPy, ml_dtypes and onnx; only to make the file again).

    type NAME
    values V0 … V255            of the codes 0 … 255
    nearest HEX                 three codes, of two digits each, for each pair of neighbouring finite numbers that are not
                                negative: of the float32 below the middle of the two, of the middle, and of the float32
                                above it; then the same three for the number a unit beyond the largest one (its "middle"
                                is where rounding leaves the range). Nothing saturates.
    up HEX, down HEX            float8e8m0 only: the same numbers in the other modes of rounding, by onnx's
                                numpy_helper.to_float8e8m0"""

import pathlib

import ml_dtypes
import numpy as np
import onnx
from onnx.numpy_helper import to_float8e8m0

TYPES = {
    "float8e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "float8e5m2": ml_dtypes.float8_e5m2,
    "float8e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
    "float8e8m0": ml_dtypes.float8_e8m0fnu,
}


def probes(values):
    """float32 numbers below, at and above each middle, in rising order of the pairs."""
    finite = np.array(sorted({float(v) for v in values if np.isfinite(v) and v >= 0}))
    following = np.append(finite[1:], 2 * finite[-1] - finite[-2])
    middle = ((finite + following) / 2).astype(np.float32)
    below, above = np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(np.inf))
    return np.stack([below, middle, above], 1).ravel()


def line(word, codes):
    return f"{word} {np.asarray(codes).view(np.uint8).tobytes().hex()}"


out = [f"# golden_float8.py; ml_dtypes {ml_dtypes.__version__}, onnx {onnx.__version__}"]
for name, kind in TYPES.items():
    values = np.arange(256, dtype=np.uint8).view(kind).astype(np.float64)
    out += [f"type {name}", "values " + " ".join(repr(float(v)) for v in values)]
    if kind is not TYPES["float8e8m0"]:
        out.append(line("nearest", probes(values).astype(kind)))
        continue
    x = probes(values[1:])  # ml_dtypes and onnx disagree below 2^-126, where float32 is denormal
    out.append(line("nearest", x.astype(kind)))
    for mode in ("up", "down"):
        out.append(line(mode, to_float8e8m0(x, saturate=False, round_mode=mode)))
path = pathlib.Path(__file__).parent / "golden" / "float8.txt"
path.write_text("\n".join(out) + "\n")
