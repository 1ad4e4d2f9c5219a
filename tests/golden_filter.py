#!/usr/bin/env python3
"""Writes tests/golden/filter.txt: SciPy's convolutions. A line: input, kernel, options, result, with tabs between; arrays
as `stria filter` reads them. Needs scipy.

    python3 tests/golden_filter.py >tests/golden/filter.txt
"""
import numpy as np
from scipy import signal

random = np.random.default_rng(4)


def text(array):
    rows = array if array.ndim == 2 else [array]
    body = "; ".join(" ".join("%.6g" % (v + 0) for v in row) for row in rows)
    return "[[" + body + "]]" if array.ndim == 2 and len(array) == 1 else body


def case(x, w, options, y):
    print(text(x), text(w), options, text(y), sep="\t")


def whole(*shape):
    return random.integers(-9, 10, shape)


def lines():
    for n, k in ((5, 1), (5, 2), (5, 3), (6, 4), (7, 5), (3, 3), (2, 5), (1, 1)):
        x, w = whole(n), whole(k)
        for mode in ("full", "same", "valid"):
            if mode == "valid" and k > n:
                continue
            middle = len(signal.convolve(x, w, "full")) - n  # SciPy swaps a kernel that is longer than its input
            for name, y in (("", signal.convolve(x, w, "full")), (" --correlate", signal.correlate(x, w, "full"))):
                if mode == "same":
                    y = y[middle // 2:middle // 2 + n]
                if mode == "valid":
                    y = y[k - 1:n]
                case(x, w, "--mode " + mode + name, y)


def planes():
    boundaries = (("", "fill", 0), (" --boundary fill --pad-value -3", "fill", -3), (" --boundary wrap", "wrap", 0),
                  (" --boundary symm", "symm", 0))
    for n, k in (((5, 5), (3, 3)), ((4, 6), (2, 2)), ((6, 5), (3, 2)), ((5, 4), (4, 1)), ((3, 3), (3, 3)),
                 ((2, 3), (5, 4)), ((1, 4), (1, 3))):
        x, w = whole(*n), whole(*k)
        for mode in ("full", "same", "valid"):
            if mode == "valid" and (k[0] > n[0] or k[1] > n[1]):
                continue
            for options, boundary, fill in boundaries:
                y = signal.convolve2d(x, w, mode, boundary, fill)
                case(x, w, "--mode " + mode + options, y)
                # correlate2d places "same" elsewhere for even kernels than correlate; "full" is one thing in both
                y = signal.correlate2d(x, w, "valid" if mode == "valid" else "full", boundary, fill)
                if mode == "same":
                    y = y[(k[0] - 1) // 2:, (k[1] - 1) // 2:][:n[0], :n[1]]
                    if fill == 0 and boundary == "fill":
                        assert (y == signal.correlate(x, w, "same")).all() or k[0] > n[0]
                case(x, w, "--mode " + mode + options + " --correlate", y)


def hundredths(*shape):
    return np.round(random.normal(size=shape), 2)  # so that the results have four decimals and need no rounding


def reals():
    x, w = hundredths(4, 5), hundredths(3, 3)
    for mode in ("full", "same", "valid"):
        case(x, w, "--mode " + mode, signal.convolve2d(x, w, mode))
    x, w = hundredths(9), hundredths(4)
    for mode in ("full", "same", "valid"):
        case(x, w, "--mode " + mode, signal.convolve(x, w, mode))
        case(x, w, "--mode " + mode + " --correlate", signal.correlate(x, w, mode))


lines()
planes()
reals()
