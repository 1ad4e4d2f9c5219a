"""Writes golden/*.txt: inputs, attributes, outputs and gradients of operators as PyTorch computes them in float64, an
oracle that shares nothing with Stria. Run: python3 tests/golden_torch.py (needs PyTorch; only to make the files again).

A file is a list of cases:
    case OPERATOR
    attributes NAME=TEXT …
    in|const float|int|bool SHAPE, then the numbers      (an input in order; const: known before the run)
    none                                            (an absent input)
    out INDEX SHAPE, then the numbers               (what output INDEX must be)
    dy SHAPE, then the numbers                      (the gradient of output 0)
    dx INDEX SHAPE, then the numbers                (what the gradient of input INDEX must be)
    end
SHAPE is its rank and its sizes. Inputs are small multiples of 1/32, so that their text is exact."""

import inspect
import pathlib
import zlib

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
HERE = pathlib.Path(__file__).parent / "golden"


def rand(*shape, low=-64, high=64, unit=32):
    return torch.randint(low, high + 1, shape).double() / unit


def positive(*shape):
    return rand(*shape, low=8, high=80)


def numbers(t):
    if not t.is_floating_point():
        t = t.to(torch.int64)
        words = [str(v) for v in t.flatten().tolist()]
    else:
        words = ["%.13g" % v for v in t.flatten().tolist()]
    lines = [" ".join(words[i:i + 16]) for i in range(0, len(words), 16)]
    return "".join(line + "\n" for line in lines)


def shape(t):
    return " ".join(str(d) for d in (t.dim(), *t.shape))


class Golden:
    def __init__(self, name):
        self.name, self.text = name, ""
        torch.manual_seed(zlib.crc32(name.encode()))  # each file by itself: a case more leaves the others as they are

    def tensor(self, words, t):
        self.text += f"{words} {shape(t)}\n{numbers(t.detach())}"

    def case(self, operator, inputs, function, attributes="", constants=()):
        """function(*inputs) gives output 0, or a tuple of all; every floating input's gradient is recorded."""
        self.text += f"case {operator}\n"
        if attributes:
            self.text += f"attributes {attributes}\n"
        leaves = []
        for i, t in enumerate(inputs):
            if t is None:
                self.text += "none\n"
                leaves.append(None)
                continue
            kind = "float" if t.is_floating_point() else "bool" if t.dtype == torch.bool else "int"
            self.tensor(f"{'const' if i in constants else 'in'} {kind}", t)
            leaves.append(t.clone().requires_grad_() if kind == "float" else t)
        y = function(*leaves)
        outputs = y if isinstance(y, tuple) else (y,)
        for i, t in enumerate(outputs):
            self.tensor(f"out {i}", t)
        if outputs[0].is_floating_point() and outputs[0].requires_grad:
            dy = rand(*outputs[0].shape, unit=16)
            self.tensor("dy", dy)
            outputs[0].backward(dy)
            for i, t in enumerate(leaves):
                if t is not None and t.requires_grad and t.grad is not None:
                    self.tensor(f"dx {i}", t.grad)
        self.text += "end\n"

    def write(self):
        HERE.mkdir(exist_ok=True)
        made = f"# made by tests/golden_torch.py with PyTorch {torch.__version__.split('+')[0]}\n"
        (HERE / f"{self.name}.txt").write_text(made + self.text)


def padded(x, pads, value=0.0):
    """ONNX pads: all beginnings, then all ends; F.pad wants the last dimension first."""
    half = len(pads) // 2
    order = [p for d in reversed(range(half)) for p in (pads[d], pads[half + d])]
    return F.pad(x, order, value=value)


def words(**attributes):
    text = lambda v: ",".join(map(str, v)) if isinstance(v, (list, tuple)) else str(v)
    return " ".join(f"{k}={text(v)}" for k, v in attributes.items())


def same(size, kernel, stride, dilation, upper):
    out = -(-size // stride)
    missing = max((out - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return (missing // 2, missing - missing // 2) if upper else (missing - missing // 2, missing // 2)


def conv():
    g = Golden("conv")

    def one(x, w, bias=True, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1, auto=None):
        function = F.conv2d if len(x) == 4 else F.conv1d
        if auto:
            pairs = [same(x[2 + d], w[2 + d], strides[d], dilations[d], auto == "SAME_UPPER") for d in range(2)]
            pads = [p[0] for p in pairs] + [p[1] for p in pairs]
        given = words(auto_pad=auto) if auto else words(pads=pads)
        inputs = [rand(*x), rand(*w)] + ([rand(w[0])] if bias else [])
        g.case("Conv", inputs,
               lambda x, w, b=None: function(padded(x, pads), w, b, stride=strides, dilation=dilations, groups=group),
               words(strides=strides, dilations=dilations, group=group) + " " + given)

    one((2, 3, 6, 5), (4, 3, 3, 3), pads=(1, 1, 1, 1))
    one((1, 1, 7, 7), (3, 1, 5, 5))
    one((1, 3, 7, 8), (2, 3, 3, 2), strides=(2, 3), pads=(1, 0, 2, 1))
    one((1, 2, 8, 7), (3, 2, 3, 2), dilations=(2, 3), pads=(0, 2, 1, 1), bias=False)
    one((1, 4, 6, 6), (6, 2, 3, 3), strides=(2, 2), pads=(1, 1, 1, 1), group=2)
    one((2, 3, 5, 5), (3, 1, 3, 3), pads=(1, 1, 1, 1), group=3)
    one((1, 4, 6, 5), (8, 1, 3, 3), dilations=(2, 1), pads=(2, 1, 2, 1), group=4)
    one((2, 5, 4, 3), (6, 5, 1, 1))
    one((1, 2, 5, 6), (3, 2, 2, 4), strides=(2, 2), auto="SAME_UPPER")
    one((1, 2, 5, 6), (3, 2, 2, 4), strides=(1, 3), auto="SAME_LOWER")
    one((2, 3, 9), (4, 3, 3), strides=(2,), pads=(1, 2), dilations=(1,))
    one((1, 4, 9), (4, 2, 2), strides=(1,), pads=(1, 1), dilations=(3,), group=2, bias=False)
    g.write()


def distinct(*size):
    """No two elements alike, so that a maximum is where everybody thinks it is."""
    count = 1
    for d in size:
        count *= d
    return (torch.randperm(count).double() - count // 2).reshape(size) / 32


def pool():
    g = Golden("pool")

    def most(x, kernel, strides, pads, dilations=(1, 1), ceil=False):
        def function(t):
            y, at = F.max_pool2d(t, kernel, strides, pads, dilations, ceil_mode=ceil, return_indices=True)
            planes = torch.arange(x[0] * x[1]).reshape(x[0], x[1], 1, 1)
            return y, at + planes * x[2] * x[3]
        g.case("MaxPool", [distinct(*x)], function,
               words(kernel_shape=kernel, strides=strides, pads=(*pads, *pads), dilations=dilations, ceil_mode=int(ceil)))

    most((2, 3, 6, 6), (2, 2), (2, 2), (0, 0))
    most((1, 2, 7, 6), (3, 2), (2, 1), (1, 1))
    most((1, 2, 9, 8), (3, 3), (1, 2), (1, 1), dilations=(2, 2))
    most((1, 2, 6, 7), (3, 3), (2, 2), (0, 1), ceil=True)
    most((1, 1, 5, 5), (2, 2), (3, 3), (1, 1), ceil=True)
    pads = (0, 1, 2, 1)
    g.case("MaxPool", [distinct(1, 2, 6, 5)],
           lambda t: F.max_pool2d(padded(t, pads, float("-inf")), (3, 2), (2, 2)),
           words(kernel_shape=(3, 2), strides=(2, 2), pads=pads))
    g.case("MaxPool", [rand(1, 2, 6, 6, low=0, high=1, unit=1)],  # equal maxima: the first one counts
           lambda t: F.max_pool2d(t, (3, 3), (2, 2)), words(kernel_shape=(3, 3), strides=(2, 2)))
    g.case("MaxPool", [distinct(2, 3, 9)], lambda t: F.max_pool1d(t, 3, 2, 1),
           words(kernel_shape=[3], strides=[2], pads=[1, 1]))

    def mean(x, kernel, strides, pads, ceil=False, include=False):
        g.case("AveragePool", [rand(*x)],
               lambda t: F.avg_pool2d(t, kernel, strides, pads, ceil_mode=ceil, count_include_pad=include),
               words(kernel_shape=kernel, strides=strides, pads=(*pads, *pads), ceil_mode=int(ceil),
                     count_include_pad=int(include)))

    mean((2, 3, 6, 6), (2, 2), (2, 2), (0, 0))
    for include in (False, True):
        mean((1, 2, 7, 6), (3, 2), (2, 1), (1, 1), include=include)
        mean((1, 2, 6, 7), (3, 3), (2, 2), (1, 1), ceil=True, include=include)
        mean((1, 1, 5, 5), (2, 2), (3, 3), (1, 1), ceil=True, include=include)
    pads = (0, 1, 1, 0)
    g.case("AveragePool", [rand(1, 2, 5, 6)],
           lambda t: F.avg_pool2d(padded(t, pads), (3, 2), (2, 2), ceil_mode=True),
           words(kernel_shape=(3, 2), strides=(2, 2), pads=pads, ceil_mode=1, count_include_pad=1))
    g.case("AveragePool", [rand(2, 3, 9)], lambda t: F.avg_pool1d(t, 3, 2, 1, count_include_pad=False),
           words(kernel_shape=[3], strides=[2], pads=[1, 1]))
    g.case("GlobalAveragePool", [rand(2, 3, 4, 5)], lambda t: t.mean((2, 3), keepdim=True))
    g.case("GlobalMaxPool", [distinct(2, 3, 4, 5)], lambda t: t.amax((2, 3), keepdim=True))
    g.write()


def matmul():
    g = Golden("matmul")
    g.case("Gemm", [rand(3, 4), rand(5, 4), rand(5)], lambda a, b, c: a @ b.T + c, "transB=1")
    g.case("Gemm", [rand(4, 3), rand(4, 5), rand(3, 1)], lambda a, b, c: 0.5 * a.T @ b + 2 * c,
           "transA=1 alpha=0.5 beta=2")
    g.case("Gemm", [rand(4, 3), rand(5, 4)], lambda a, b: -1.5 * a.T @ b.T, "transA=1 transB=1 alpha=-1.5")
    g.case("Gemm", [rand(3, 4), rand(4, 5), rand()], lambda a, b, c: a @ b + 0.25 * c, "beta=0.25")
    for a, b in [((3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((2, 3, 4), (4, 5)),
                 ((3, 4), (2, 4, 5)), ((4,), (4, 5)), ((2, 3, 4), (4,)), ((4,), (4,)), ((4,), (2, 4, 3))]:
        g.case("MatMul", [rand(*a), rand(*b)], torch.matmul)
    g.write()


def elementwise():
    g = Golden("elementwise")
    x = (2, 9)
    simple = dict(Relu=F.relu, Sigmoid=torch.sigmoid, Tanh=torch.tanh, Softplus=F.softplus, Softsign=F.softsign,
                  HardSwish=F.hardswish, Mish=F.mish, Exp=torch.exp, Neg=torch.neg, Abs=torch.abs, Erf=torch.erf,
                  Sin=torch.sin, Cos=torch.cos, Tan=torch.tan, Atan=torch.atan, Sinh=torch.sinh, Cosh=torch.cosh,
                  Floor=torch.floor, Ceil=torch.ceil, Round=torch.round, Sign=torch.sign)
    away = lambda: rand(*x, low=-64, high=63) + 1 / 64  # never on a kink
    for name, f in simple.items():
        g.case(name, [away()], f)
    g.case("Softplus", [rand(6) * 40], lambda t: F.softplus(t, threshold=500))
    g.case("Sigmoid", [rand(6) * 40], torch.sigmoid)
    for name, f in dict(Log=torch.log, Sqrt=torch.sqrt, Reciprocal=torch.reciprocal).items():
        g.case(name, [positive(*x)], f)
    for name, f in dict(Asin=torch.asin, Acos=torch.acos).items():
        g.case(name, [rand(*x, low=-28, high=28)], f)
    g.case("LeakyRelu", [away()], lambda t: F.leaky_relu(t, 0.25), "alpha=0.25")
    g.case("Elu", [away()], lambda t: F.elu(t, 0.75), "alpha=0.75")
    g.case("Celu", [away()], lambda t: F.celu(t, 0.75), "alpha=0.75")
    g.case("HardSigmoid", [away()], lambda t: (0.75 * t + 0.5).clamp(0, 1), "alpha=0.75 beta=0.5")
    g.case("ThresholdedRelu", [away()], lambda t: F.threshold(t, 0.5, 0), "alpha=0.5")
    for name, f in dict(Asinh=torch.asinh, Gelu=F.gelu, Swish=F.silu).items():
        g.case(name, [away()], f)
    g.case("Gelu", [away()], lambda t: F.gelu(t, approximate="tanh"), "approximate=tanh")
    g.case("Swish", [away()], lambda t: t * torch.sigmoid(1.25 * t), "alpha=1.25")
    g.case("Acosh", [positive(*x) + 1], torch.acosh)
    g.case("Atanh", [rand(*x, low=-28, high=28)], torch.atanh)
    soft = lambda t: torch.where(t < -0.5, t + 0.25, torch.where(t > 0.5, t - 0.25, 0 * t))
    g.case("Shrink", [away()], soft, "lambd=0.5 bias=0.25")
    g.case("Shrink", [away()], lambda t: F.hardshrink(t, 0.75), "lambd=0.75")
    bound = lambda v: torch.tensor(v)
    low, high = bound(-0.75), bound(1.25)
    g.case("Clip", [away(), low, high], lambda t, a, b: t.clamp(a.item(), b.item()), constants=(1, 2))
    g.case("Clip", [away(), None, high], lambda t, a, b: t.clamp(max=b.item()), constants=(2,))
    g.case("Clip", [away(), low], lambda t, a: t.clamp(min=a.item()), constants=(1,))
    g.case("Clip", [away(), bound(0.0), bound(6.0)], lambda t, *_: F.relu6(t), constants=(1, 2))
    g.case("Clip", [away(), low, high], torch.clamp)
    for slope in ((3, 1, 1), (1,), (3, 4, 2), (2,)):
        g.case("PRelu", [rand(2, 3, 4, 2, low=-64, high=63) + 1 / 64, rand(*slope)],
               lambda t, s: torch.where(t < 0, s * t, t))
    g.case("PRelu", [rand(2, 3, 4, low=-64, high=63) + 1 / 64, rand(3, 1)],
           lambda t, s: F.prelu(t, s.reshape(3)))
    alpha, gamma = 1.67326319217681884765625, 1.05070102214813232421875
    g.case("Selu", [away()], lambda t: gamma * torch.where(t > 0, t, alpha * torch.expm1(t)))
    for a, b in [((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (3, 1)), ((3, 4), ()), ((3, 1, 2), (1, 4, 1))]:
        for name, f in dict(Add=torch.add, Sub=torch.sub, Mul=torch.mul).items():
            g.case(name, [rand(*a), rand(*b)], f)
        g.case("Div", [rand(*a), positive(*b)], torch.div)
    g.case("Pow", [positive(3, 4), rand(4)], torch.pow)
    g.case("Max", [distinct(2, 3, 4), distinct(3, 4) + 1 / 64], torch.maximum)
    g.case("Min", [distinct(2, 3, 4), distinct(3, 1) + 1 / 64], torch.minimum)
    g.case("Max", [distinct(2, 3, 4), distinct(3, 4) + 1 / 64, distinct(4) + 1 / 128],
           lambda a, b, c: torch.maximum(torch.maximum(a, b), c))
    for name, f in dict(Sum=lambda *t: sum(t), Mean=lambda *t: sum(t) / len(t)).items():
        for shapes in ([(2, 3, 4)], [(2, 3), (3,)], [(2, 1, 4), (3, 1), (4,), ()]):
            g.case(name, [rand(*s) for s in shapes], f)
    g.case("Mod", [rand(3, 4) * 3 + 1 / 64, positive(4)], torch.fmod, "fmod=1")
    g.case("Mod", [rand(3, 4) * 3 + 1 / 64, -positive(4)], torch.remainder)
    yes = lambda t: t.to(torch.int64)
    tied, other = rand(3, 4, unit=64, low=-2, high=2), rand(4, unit=64, low=-2, high=2)
    for name, f in dict(Equal=torch.eq, Less=torch.lt, LessOrEqual=torch.le, Greater=torch.gt,
                        GreaterOrEqual=torch.ge).items():
        g.case(name, [tied, other], lambda a, b, f=f: yes(f(a.detach(), b.detach())))
    odd = torch.tensor([float("nan"), float("inf"), float("-inf"), 0.0, 1.5])
    g.case("IsNaN", [odd], lambda t: yes(t.detach().isnan()))
    g.case("IsInf", [odd], lambda t: yes(t.detach().isinf()))
    g.case("IsInf", [odd], lambda t: yes(t.detach().isneginf()), "detect_positive=0")
    bits = lambda *s: torch.randint(0, 2, s).bool()
    for name, f in dict(And=torch.logical_and, Or=torch.logical_or, Xor=torch.logical_xor).items():
        g.case(name, [bits(3, 4), bits(4)], lambda a, b, f=f: yes(f(a, b)))
    g.case("Not", [bits(7)], lambda t: yes(~t))
    for c, a, b in [((2, 3), (2, 3), (2, 3)), ((3, 1), (2, 1, 4), (4,)), ((2, 1), (3,), ())]:
        g.case("Where", [bits(*c), rand(*a), rand(*b)], torch.where)
    integers = lambda *s: torch.randint(-9, 10, s)
    for name, f in dict(BitwiseAnd=torch.bitwise_and, BitwiseOr=torch.bitwise_or, BitwiseXor=torch.bitwise_xor).items():
        g.case(name, [integers(2, 3), integers(3)], f)
    g.case("BitwiseNot", [integers(5)], torch.bitwise_not)
    divisors = torch.tensor([1, 2, 3, -1, -2, -3, 4, 5, -4, -5, 7, -7])
    g.case("Mod", [integers(12), divisors], torch.remainder)
    g.case("Mod", [integers(12), divisors], torch.fmod, "fmod=1")
    for name, f in dict(Add=torch.add, Sub=torch.sub, Mul=torch.mul).items():
        g.case(name, [integers(2, 3), integers(3)], f)
    g.case("Div", [integers(12), torch.tensor([1, 2, 3, -1, -2, -3, 4, 5, -4, -5, 7, -7])],
           lambda a, b: torch.div(a, b, rounding_mode="trunc"))
    g.case("BatchNormalization", [rand(2, 3, 4, 2), rand(3), rand(3), rand(3), positive(3)],
           lambda x, s, b, m, v: F.batch_norm(x, m.detach(), v.detach(), s, b, eps=1 / 1024),
           "epsilon=0.0009765625")
    g.write()


def shapes():
    g = Golden("shape")
    whole = lambda *v: torch.tensor(v, dtype=torch.int64)
    g.case("Flatten", [rand(2, 3, 4)], lambda t: t.flatten(1))
    g.case("Reshape", [rand(2, 3, 4), whole(0, -1, 2)], lambda t, s: t.reshape(2, 6, 2), constants=(1,))
    g.case("Transpose", [rand(2, 3, 4)], lambda t: t.permute(2, 0, 1), "perm=2,0,1")
    g.case("Transpose", [rand(2, 3, 4)], lambda t: t.permute(2, 1, 0))
    g.case("Squeeze", [rand(2, 1, 4, 1), whole(-1)], lambda t, a: t.squeeze(-1), constants=(1,))
    g.case("Unsqueeze", [rand(2, 4), whole(0, -1)], lambda t, a: t[None, :, :, None], constants=(1,))
    g.case("Expand", [rand(3, 1), whole(2, 1, 4)], lambda t, s: t.expand(2, 3, 4), constants=(1,))
    g.case("Concat", [rand(2, 3, 2), rand(2, 1, 2), rand(2, 2, 2)], lambda *t: torch.cat(t, 1), "axis=1")
    g.case("Slice", [rand(4, 8), whole(1, 1), whole(100, -1), whole(0, 1), whole(1, 3)],
           lambda t, *_: t[1:, 1:-1:3], constants=(1, 2, 3, 4))
    g.case("Slice", [rand(6, 2), whole(-1), whole(-100), whole(0), whole(-2)],
           lambda t, *_: t.flip(0)[::2], constants=(1, 2, 3, 4))
    g.case("Gather", [rand(2, 4, 3), torch.tensor([[1, 1], [3, 0]])], lambda t, i: t[:, i, :], "axis=1")
    g.case("Gather", [rand(5, 3), whole(0, 4, -1)], lambda t, i: t[i])
    g.case("ReduceSum", [rand(2, 3, 4, 2), whole(0, 2, 3)], lambda t, a: t.sum((0, 2, 3)), "keepdims=0", constants=(1,))
    g.case("ReduceSum", [rand(2, 3, 4), whole(-2)], lambda t, a: t.sum(-2, keepdim=True), constants=(1,))
    g.case("ReduceSum", [rand(2, 3)], lambda t: t.sum(), "keepdims=0")
    g.case("ReduceMean", [rand(2, 3, 4), whole(0, 2)], lambda t, a: t.mean((0, 2)), "keepdims=0", constants=(1,))
    g.case("ReduceMean", [rand(2, 3)], lambda t: t.mean().reshape(1, 1))
    g.write()


def loss():
    g = Golden("loss")
    for size, axis in [((4, 10), -1), ((2, 5, 3), 1), ((3, 4), 0)]:
        g.case("Softmax", [rand(*size)], lambda t: F.softmax(t, axis), f"axis={axis}")
        g.case("LogSoftmax", [rand(*size)], lambda t: F.log_softmax(t, axis), f"axis={axis}")
    g.case("Softmax", [rand(2, 4) * 400], lambda t: F.softmax(t, -1))

    def entropy(size, weighted=False, ignore=None, reduction="mean", scale=1):
        labels = torch.randint(0, size[1], (size[0], *size[2:]))
        if ignore is not None:
            labels.flatten()[::3] = ignore
        weights = positive(size[1]) if weighted else None
        text = f"reduction={reduction}" + (f" ignore_index={ignore}" if ignore is not None else "")

        def function(scores, labels, weights=None):
            y = F.cross_entropy(scores, labels, None if weights is None else weights.detach(),
                                ignore_index=-100 if ignore is None else ignore, reduction=reduction)
            return y, F.log_softmax(scores, 1)

        inputs = [rand(*size) * scale, labels] + ([weights] if weighted else [])
        g.case("SoftmaxCrossEntropyLoss", inputs, function, text)

    entropy((4, 10))
    entropy((3, 10), scale=500)
    for reduction in ("mean", "sum", "none"):
        entropy((6, 5), weighted=True, reduction=reduction)
        entropy((7, 5), ignore=-1, reduction=reduction)
        entropy((2, 4, 3), weighted=True, ignore=2, reduction=reduction)
    entropy((2, 3, 2, 2), weighted=True, ignore=-100)
    scored_losses(g)
    paired_losses(g)
    loss_heads()
    g.write()


def scored_losses(g):
    """Losses of scores against labels; class weights are data, without a gradient."""
    data = lambda t: None if t is None else t.detach()
    for reduction in ("mean", "sum", "none"):
        for size, ignore in (((6, 5), None), ((2, 4, 3), 2)):
            labels = torch.randint(0, size[1], (size[0], *size[2:]))
            words = f"reduction={reduction}" + (f" ignore_index={ignore}" if ignore is not None else "")
            ignored = -100 if ignore is None else ignore
            logs = F.log_softmax(rand(*size), 1).mul(1024).round() / 1024
            g.case("NegativeLogLikelihoodLoss", [logs, labels, positive(size[1])],
                   lambda s, l, w: F.nll_loss(s, l, data(w), ignore_index=ignored, reduction=reduction), words)
            g.case("CrossEntropyLoss", [rand(*size), labels, positive(size[1])],
                   lambda s, l, w: F.cross_entropy(s, l, data(w), ignore_index=ignored, reduction=reduction,
                                                   label_smoothing=0.25), words + " label_smoothing=0.25")
            shares = F.softmax(rand(*size), 1).mul(1024).round() / 1024
            g.case("CrossEntropyLoss", [rand(*size), shares, positive(size[1])],
                   lambda s, q, w: F.cross_entropy(s, data(q), data(w), reduction=reduction, label_smoothing=0.125),
                   f"reduction={reduction} label_smoothing=0.125")
            g.case("CrossEntropyLoss", [rand(*size) * 300, shares],
                   lambda s, q: F.cross_entropy(s, data(q), reduction=reduction), f"reduction={reduction}")
        labels = torch.randint(0, 5, (6,))
        for p in (1, 2):  # PyTorch divides by the number of classes
            g.case("HingeLoss", [rand(6, 5), labels],
                   lambda s, l: 5 * F.multi_margin_loss(s, l, p=p, margin=0.75, reduction=reduction),
                   f"reduction={reduction} squared={p - 1} margin=0.75")

            def most(s, l):
                wrong = s.masked_fill(F.one_hot(l, 5).bool(), float("-inf")).amax(1)
                v = (0.75 - s.gather(1, l[:, None])[:, 0] + wrong).clamp(min=0) ** p
                return dict(mean=v.mean, sum=v.sum, none=lambda: v)[reduction]()

            g.case("HingeLoss", [distinct(6, 5), labels], most,
                   f"reduction={reduction} squared={p - 1} margin=0.75 over=max")


def loss_heads():
    """Two heads' weighted losses and all gradients, for tests/train_loss.c, which draws the same numbers."""
    draw = lambda k, n: torch.tensor([((i * 37 + k * 11) % 61 - 30) / 64 for i in range(n)])
    x, labels = draw(0, 64).reshape(4, 16), torch.tensor([0, 2, 1, 1])
    sizes = [(6, 16), (6,), (3, 6), (3,), (3, 6), (3,)]
    w = [draw(k + 1, torch.Size(s).numel()).reshape(s).requires_grad_() for k, s in enumerate(sizes)]
    h = torch.tanh(x @ w[0].T + w[1])
    main, aux = h @ w[2].T + w[3], h @ w[4].T + w[5]
    loss = F.cross_entropy(main, labels, label_smoothing=0.125) + 0.3 * 3 * F.multi_margin_loss(aux, labels)
    loss = loss + 0.5 * F.mse_loss(F.softmax(aux, 1), F.one_hot(labels, 3).double())
    loss.backward()
    text = f"{loss.item():.9g}\n" + "".join(numbers(t.grad) for t in w)
    (HERE / "loss_heads.txt").write_text(text)


def paired_losses(g):
    """Losses of two tensors, both with gradients."""
    size = (4, 6)
    away = lambda: rand(*size, low=-64, high=63) + 1 / 64  # never equal to its target
    for reduction in ("mean", "sum", "none"):
        words = f"reduction={reduction}"
        g.case("SquaredErrorLoss", [rand(*size), rand(*size)], lambda x, t: F.mse_loss(x, t, reduction=reduction), words)
        g.case("AbsoluteErrorLoss", [away(), rand(*size)], lambda x, t: F.l1_loss(x, t, reduction=reduction), words)
        g.case("HuberLoss", [away(), rand(*size)],
               lambda x, t: F.huber_loss(x, t, delta=0.75, reduction=reduction), words + " delta=0.75")
        g.case("HuberLoss", [away(), rand(*size)],
               lambda x, t: F.smooth_l1_loss(x, t, beta=0.75, reduction=reduction), words + " delta=0.75 smooth=1")
        g.case("BinaryCrossEntropyLoss", [rand(*size) * 4, rand(*size, low=0, high=32)],
               lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction=reduction), words)
        logs = F.log_softmax(rand(*size), 1).mul(1024).round() / 1024
        g.case("KullbackLeiblerLoss", [logs, positive(*size)],
               lambda x, t: F.kl_div(x, t, reduction=reduction), words)
        g.case("KullbackLeiblerLoss", [logs, rand(*size)],
               lambda x, t: F.kl_div(x, t, reduction=reduction, log_target=True), words + " log_target=1")
    g.case("KullbackLeiblerLoss", [rand(*size), positive(*size)], lambda x, t: F.kl_div(x, t, reduction="batchmean"))
    g.case("SquaredErrorLoss", [rand(2, 3, 4), rand(2, 3, 4)], lambda x, t: (x - t).square().sum() / 4,
           "reduction=batchmean scale=0.5")  # Caffe's Euclidean loss


def momentum():
    """100 steps with given gradients. In: rate, first parameter, gradients [steps, …]; out: parameter and velocity."""
    g = Golden("momentum")
    for dampening, decay, nesterov in [(0, 0, False), (0, 1 / 128, False), (0.25, 1 / 128, False), (0, 1 / 128, True)]:
        x0, gradients = rand(5), rand(100, 5)
        x = x0.clone().requires_grad_()
        sgd = torch.optim.SGD([x], lr=0.0625, momentum=0.875, dampening=dampening, weight_decay=decay, nesterov=nesterov)
        for step in range(100):
            x.grad = gradients[step].clone()
            sgd.step()
        mode = "nesterov" if nesterov else "standard"
        g.text += "case Momentum\n"
        g.text += f"attributes alpha=0.875 beta={1 - dampening} norm_coefficient={decay} mode={mode}\n"
        g.tensor("in float", torch.tensor(0.0625))
        g.tensor("in float", x0)
        g.tensor("in float", gradients)
        g.tensor("out 0", x)
        g.tensor("out 1", sgd.state[x]["momentum_buffer"])
        g.text += "end\n"
    g.write()


STEPS = 60


def stepped(make, decay, rate, steps, x0, gradients):
    """The parameter and its optimiser's state after steps with given gradients."""
    x = x0.clone().requires_grad_()
    optimizer = make([x], lr=rate, weight_decay=decay)
    for step in range(steps):
        x.grad = gradients[step].clone()
        optimizer.step()
    return x.detach(), optimizer.state[x]


def optimizer():
    """Operators of optimisers over STEPS steps with given gradients. In: rate, first parameter, gradients [steps, …]; out:
    parameter and states. All settings are binary fractions, exact in float32, too."""
    g = Golden("optimizer")
    adam = dict(betas=(0.875, 0.96875), eps=1 / 1024)
    words = "beta1=0.875 beta2=0.96875 epsilon=0.0009765625"
    o = torch.optim
    for op, text, decay, make, states in [
        ("AdamUpdate", words, 0, lambda p, **k: o.Adam(p, **adam, **k), ["exp_avg", "exp_avg_sq"]),
        ("AdamUpdate", words + " weight_decay=0.125", 0.125, lambda p, **k: o.Adam(p, **adam, **k),
         ["exp_avg", "exp_avg_sq"]),
        ("AdamUpdate", words + " weight_decay=0.125 decoupled=1", 0.125, lambda p, **k: o.AdamW(p, **adam, **k),
         ["exp_avg", "exp_avg_sq"]),
        ("RMSPropUpdate", "alpha=0.9375 epsilon=0.0009765625", 0,
         lambda p, **k: o.RMSprop(p, alpha=0.9375, eps=1 / 1024, **k), ["square_avg"]),
        ("RMSPropUpdate", "alpha=0.9375 epsilon=0.0009765625 norm_coefficient=0.125", 0.125,
         lambda p, **k: o.RMSprop(p, alpha=0.9375, eps=1 / 1024, **k), ["square_avg"]),
        ("Adagrad", "epsilon=0.0009765625", 0, lambda p, **k: o.Adagrad(p, eps=1 / 1024, **k), ["sum"]),
        ("Adagrad", "decay_factor=0.25 epsilon=0.0009765625 norm_coefficient=0.125", 0.125,
         lambda p, **k: o.Adagrad(p, lr_decay=0.25, eps=1 / 1024, **k), ["sum"]),
    ]:
        x0, gradients = rand(5), rand(STEPS, 5)
        x, state = stepped(make, decay, 0.0625, STEPS, x0, gradients)
        g.text += f"case {op}\nattributes {text}\n"
        g.tensor("in float", torch.tensor(0.0625))
        g.tensor("in float", x0)
        g.tensor("in float", gradients)
        g.tensor("out 0", x)
        for i, name in enumerate(states):
            g.tensor(f"out {i + 1}", state[name])
        g.text += "end\n"
    g.write()


class Formula:
    """An optimiser that PyTorch lacks, by its paper, in float64: update(x, g, rate, t, state) gives the new x."""

    def __init__(self, parameters, lr, weight_decay, update, **state):
        self.x, self.rate, self.decay, self.update, self.t = parameters[0], lr, weight_decay, update, 0
        self.memory = {k: torch.full_like(self.x, v) for k, v in state.items()}
        self.state = {self.x: self.memory}

    def step(self):
        self.t += 1
        with torch.no_grad():
            self.x.copy_(self.update(self.x.detach(), self.x.grad, self.rate, self.decay, self.t, self.memory))


def keras_sgd(momentum, nesterov=False):
    """Keras' SGD: the rate is part of the velocity, the decay is apart."""
    def update(x, g, rate, decay, t, m):
        m["v"] = momentum * m["v"] - rate * g
        return x - rate * decay * x + (momentum * m["v"] - rate * g if nesterov else m["v"])
    return lambda p, **k: Formula(p, k["lr"], k["weight_decay"], update, v=0.0)


def lion(beta1, beta2):
    """Chen et al., "Symbolic discovery of optimization algorithms", 2023, algorithm 2."""
    def update(x, g, rate, decay, t, m):
        move = torch.sign(beta1 * m["m"] + (1 - beta1) * g)
        m["m"] = beta2 * m["m"] + (1 - beta2) * g
        return x - rate * (move + decay * x)
    return lambda p, **k: Formula(p, k["lr"], k["weight_decay"], update, m=0.0)


def lamb(beta1, beta2, epsilon):
    """You et al., "Large batch optimization for deep learning", ICLR 2020, algorithm 2, φ(x) = x."""
    def update(x, g, rate, decay, t, m):
        m["m"] = beta1 * m["m"] + (1 - beta1) * g
        m["v"] = beta2 * m["v"] + (1 - beta2) * g * g
        u = m["m"] / (1 - beta1 ** t) / ((m["v"] / (1 - beta2 ** t)).sqrt() + epsilon) + decay * x
        return x - rate * x.norm() / u.norm() * u
    return lambda p, **k: Formula(p, k["lr"], k["weight_decay"], update, m=0.0, v=0.0)


def ftrl(l1, l2, beta, initial):
    """McMahan et al., "Ad click prediction", KDD 2013, algorithm 1, with Keras' first accumulator and factor of l2."""
    def update(x, g, rate, decay, t, m):
        g = g + decay * x
        n = m["n"] + g * g
        m["z"] = m["z"] + g - (n.sqrt() - m["n"].sqrt()) / rate * x
        m["n"] = n
        return (m["z"].clamp(-l1, l1) - m["z"]) / ((n.sqrt() + beta) / rate + 2 * l2)
    return lambda p, **k: Formula(p, k["lr"], k["weight_decay"], update, n=initial, z=0.0)


def muon(**settings):
    """PyTorch's, with its iteration in float64 instead of bfloat16; vectors by AdamW."""
    source = inspect.getsource(torch.optim._muon._zeropower_via_newtonschulz).replace("torch.bfloat16", "torch.float64")
    exec(compile(source, "muon", "exec"), torch.optim._muon.__dict__)
    def make(p, **k):
        return torch.optim.Muon(p, **settings, **k) if p[0].dim() > 1 else torch.optim.AdamW(p, **k)
    return make


def optimizer_specs():
    """What --optimizer and --weight-decay mean, for tests/train_optimizer.c: the spec, decay and rate; a parameter [2, 3]
    before, its gradients [steps, 2, 3], and it after; the same of a bias [3], which does not decay."""
    o = torch.optim
    torch.manual_seed(0)
    text = f"# made by tests/golden_torch.py with PyTorch {torch.__version__.split('+')[0]}\n"
    for spec, decay, rate, make in [
        ("sgd", 0.125, 0.0625, lambda p, **k: o.SGD(p, **k)),
        ("sgd:momentum=0.9", 0.01, 0.05, lambda p, **k: o.SGD(p, momentum=0.9, **k)),
        ("sgd:momentum=0.9,nesterov=1", 0.01, 0.05, lambda p, **k: o.SGD(p, momentum=0.9, nesterov=True, **k)),
        ("adam", 0, 0.001, lambda p, **k: o.Adam(p, **k)),
        ("adam:beta1=0.8,beta2=0.95,epsilon=0.001", 0.01, 0.01,
         lambda p, **k: o.Adam(p, betas=(0.8, 0.95), eps=0.001, **k)),
        ("adamw", 0.1, 0.01, lambda p, **k: o.AdamW(p, **k)),
        ("adamw:beta1=0,epsilon=0.01", 0.1, 0.01, lambda p, **k: o.AdamW(p, betas=(0.0, 0.999), eps=0.01, **k)),
        ("rmsprop", 0.01, 0.01, lambda p, **k: o.RMSprop(p, **k)),
        ("rmsprop:alpha=0.5,epsilon=0.01", 0, 0.01, lambda p, **k: o.RMSprop(p, alpha=0.5, eps=0.01, **k)),
        ("adagrad", 0.01, 0.1, lambda p, **k: o.Adagrad(p, **k)),
        ("adagrad:decay=0.1,epsilon=0.01", 0, 0.1, lambda p, **k: o.Adagrad(p, lr_decay=0.1, eps=0.01, **k)),
        ("adagrad:initial=0.1", 0, 0.1, lambda p, **k: o.Adagrad(p, initial_accumulator_value=0.1, **k)),
        ("adadelta", 0.01, 1, lambda p, **k: o.Adadelta(p, **k)),
        ("adadelta:rho=0.5,epsilon=0.01", 0, 0.5, lambda p, **k: o.Adadelta(p, rho=0.5, eps=0.01, **k)),
        ("nadam", 0.01, 0.01, lambda p, **k: o.NAdam(p, **k)),
        ("nadam:beta1=0.8,momentum_decay=0.5", 0, 0.01, lambda p, **k: o.NAdam(p, betas=(0.8, 0.999), momentum_decay=0.5, **k)),
        ("sgd:momentum=0.9,style=keras", 0.01, 0.05, keras_sgd(0.9)),
        ("sgd:style=keras,momentum=0.9,nesterov=1", 0.01, 0.05, keras_sgd(0.9, True)),
        ("lion", 0.1, 0.01, lion(0.9, 0.99)),
        ("lion:beta1=0.5,beta2=0.75", 0, 0.01, lion(0.5, 0.75)),
        ("lamb", 0.01, 0.01, lamb(0.9, 0.999, 1e-6)),
        ("lamb:beta1=0.5,epsilon=0.01", 0, 0.01, lamb(0.5, 0.999, 0.01)),
        ("ftrl", 0, 0.1, ftrl(0, 0, 0, 0.1)),
        ("ftrl:l1=0.5,l2=0.25,beta=1,initial=0", 0.01, 0.1, ftrl(0.5, 0.25, 1, 0)),
        ("muon", 0.1, 0.02, muon()),
        ("muon:momentum=0.5,nesterov=0,steps=3", 0, 0.02, muon(momentum=0.5, nesterov=False, ns_steps=3)),
    ]:
        text += f"optimizer {spec} {decay} {rate} {STEPS}\n"
        for size, d in (((2, 3), decay), ((3,), 0)):
            x0, gradients = rand(*size), rand(STEPS, *size)
            x, _ = stepped(make, d, rate, STEPS, x0, gradients)
            text += numbers(x0) + numbers(gradients) + numbers(x)
    (HERE / "optimizer_specs.txt").write_text(text)


def norm():
    g = Golden("norm")
    eps = 1 / 1024
    text = "epsilon=0.0009765625"

    def batch_norm(x, momentum):
        def function(t, scale, bias, mean, variance):
            m, v = mean.detach().clone(), variance.detach().clone()
            y = F.batch_norm(t, m, v, scale, bias, training=True, momentum=1 - momentum, eps=eps)
            return y, m
        c = x[1]
        g.case("BatchNormalization", [rand(*x), rand(c), rand(c), rand(c), positive(c)], function,
               f"{text} training_mode=1 momentum={momentum}")

    batch_norm((4, 3, 5, 2), 0.75)
    batch_norm((6, 5), 0.5)
    for x, normal in [((3, 4, 5), 1), ((2, 3, 4, 2), 3), ((2, 3, 4, 2), 2), ((4, 7), 1)]:
        size, axis = x[len(x) - normal:], -normal
        g.case("LayerNormalization", [rand(*x), rand(*size), rand(*size)],
               lambda t, s, b: F.layer_norm(t, size, s, b, eps), f"{text} axis={axis}")
        g.case("RMSNormalization", [rand(*x), rand(*size)], lambda t, s: F.rms_norm(t, size, s, eps),
               f"{text} axis={axis}")
    for x in [(2, 3, 4, 5), (3, 2, 7)]:
        g.case("InstanceNormalization", [rand(*x), rand(x[1]), rand(x[1])],
               lambda t, s, b: F.instance_norm(t, weight=s, bias=b, eps=eps), text)
    for x, groups in [((2, 6, 3, 2), 3), ((2, 4, 5), 1), ((2, 4, 3, 3), 4)]:
        g.case("GroupNormalization", [rand(*x), rand(x[1]), rand(x[1])],
               lambda t, s, b: F.group_norm(t, groups, s, b, eps), f"{text} num_groups={groups}")
    for x, size in [((2, 7, 3, 2), 3), ((2, 5, 2, 2), 5), ((1, 4, 6), 3), ((2, 3, 4, 2), 1)]:
        g.case("LRN", [rand(*x)], lambda t: F.local_response_norm(t, size, 0.5, 0.75, 2),
               f"size={size} alpha=0.5 beta=0.75 bias=2")
    for p in (1, 2):
        g.case("LpNormalization", [rand(3, 7) + 1 / 64], lambda t: F.normalize(t, p, -1), f"p={p}")
        g.case("LpNormalization", [rand(2, 4, 3) + 1 / 64], lambda t: F.normalize(t, p, 1), f"p={p} axis=1")
    g.write()


def moves():
    """What only moves elements."""
    g = Golden("move")
    whole = lambda *v: torch.tensor(v, dtype=torch.int64)
    onnx_pads = lambda pairs: whole(*[a for a, _ in pairs], *[b for _, b in pairs])
    flat = lambda pairs: [n for pair in reversed(pairs) for n in pair]
    modes = dict(constant="constant", reflect="reflect", edge="replicate", wrap="circular")
    for mode, torch_mode in modes.items():
        for x, pairs in [((2, 3, 4, 5), ((2, 1), (3, 4))), ((2, 3, 6), ((1, 5),)), ((1, 2, 3, 4), ((0, 2), (1, 0)))]:
            every = ((0, 0), (0, 0)) + pairs
            g.case("Pad", [rand(*x), onnx_pads(every)], lambda t, p: F.pad(t, flat(pairs), torch_mode),
                   f"mode={mode}", constants=(1,))
    g.case("Pad", [rand(3, 4), whole(1, -1, 2, 3), rand()],
           lambda t, p, v: torch.cat([v.expand(1, 6), torch.cat([t[:, 1:], v.expand(3, 3)], 1), v.expand(2, 6)]),
           constants=(1,))
    g.case("Pad", [rand(3, 4, 5), whole(-1, 0, -2, -1), None, whole(2, 0)], lambda t, p, v, a: t[0:2, :, 1:3],
           constants=(1, 3))
    g.case("Split", [rand(2, 6, 3), whole(1, 3, 2)], lambda t, s: torch.split(t, (1, 3, 2), 1), "axis=1",
           constants=(1,))
    g.case("Split", [rand(7, 2)], lambda t: torch.split(t, 3), "num_outputs=3")
    g.case("Split", [rand(2, 4)], lambda t: torch.split(t, 2, -1), "axis=-1")
    for x, repeats in [((2, 3), (2, 3)), ((2, 1, 3), (1, 4, 2)), ((2, 3, 2, 2), (2, 2, 1, 3))]:
        g.case("Tile", [rand(*x), whole(*repeats)], lambda t, r: t.repeat(*repeats), constants=(1,))
    for mode, order in (("CRD", (0, 1, 4, 2, 5, 3)), ("DCR", (0, 3, 4, 1, 5, 2))):
        split = (2, 3, 2, 2, 2, 5) if mode == "CRD" else (2, 2, 2, 3, 2, 5)
        g.case("DepthToSpace", [rand(2, 12, 2, 5)],
               lambda t: F.pixel_shuffle(t, 2) if mode == "CRD" else t.reshape(split).permute(order).reshape(2, 3, 4, 10),
               f"blocksize=2 mode={mode}")
    g.case("SpaceToDepth", [rand(2, 1, 4, 6)], lambda t: F.pixel_unshuffle(t, 2), "blocksize=2")
    g.case("SpaceToDepth", [rand(2, 3, 4, 6)], lambda t: F.pixel_unshuffle(t, 2), "blocksize=2 mode=CRD")
    g.case("Concat", [rand(2, 3, 2, 2), rand(2, 1, 2, 2)], lambda *t: torch.cat(t, -3), "axis=-3")
    g.case("Gather", [rand(3, 5), whole(4, 0, 4)], lambda t, i: t.index_select(1, i), "axis=1")
    index = torch.randint(0, 4, (2, 3, 3))
    g.case("GatherElements", [rand(2, 4, 3), index], lambda t, i: t.gather(1, i), "axis=1")
    g.case("GatherND", [rand(3, 4, 2), torch.tensor([[0, 3], [2, 1], [0, 3]])], lambda t, i: t[i[:, 0], i[:, 1]])
    g.case("GatherND", [rand(2, 4, 3), torch.tensor([[1], [-1]])], lambda t, i: t[[0, 1], i[:, 0]], "batch_dims=1")
    x, u = (2, 5, 3), (2, 3, 2)
    index = torch.stack([torch.stack([torch.randperm(5)[:3] for _ in range(2)], 1) for _ in range(2)])
    g.case("ScatterElements", [rand(*x), index, rand(*u)], lambda t, i, s: t.scatter(1, i, s), "axis=1")
    index = torch.randint(0, 5, u)
    names = dict(add="sum", mul="prod", max="amax", min="amin")
    for name, torch_name in names.items():
        make = positive if name == "mul" else distinct
        inputs = [make(*x), index, make(*u) + 1 / 64]
        g.case("ScatterElements", inputs, lambda t, i, s: t.scatter_reduce(1, i, s, torch_name),
               f"axis=1 reduction={name}")
    pairs = torch.tensor([[0, 1], [2, 0], [0, 1]])
    g.case("ScatterND", [rand(3, 2, 4), pairs, rand(3, 4)],
           lambda t, i, s: t.index_put((i[:, 0], i[:, 1]), s, accumulate=True), "reduction=add")
    g.case("ScatterND", [rand(5), torch.tensor([[4], [1]]), rand(2)], lambda t, i, s: t.index_put((i[:, 0],), s))
    for axis, x in ((-1, (5,)), (1, (2, 3))):
        def hot(i, d, v):
            y = F.one_hot(i, 4).movedim(-1, axis).double()
            return v[0] + (v[1] - v[0]) * y
        g.case("OneHot", [torch.randint(0, 4, x), whole(4), rand(2)], hot, f"axis={axis}", constants=(1,))
    g.case("Range", [whole(10), whole(-3), whole(-4)], lambda a, b, c: torch.arange(10, -3, -4), constants=(0, 1, 2))
    g.write()


def conv_transpose():
    g = Golden("conv_transpose")

    def one(x, w, bias=True, strides=(1, 1), pads=(0, 0), dilations=(1, 1), group=1, more=(0, 0)):
        function = F.conv_transpose2d if len(x) == 4 else F.conv_transpose1d
        inputs = [rand(*x), rand(*w)] + ([rand(w[1] * group)] if bias else [])
        g.case("ConvTranspose", inputs,
               lambda x, w, b=None: function(x, w, b, strides, pads, more, group, dilations),
               words(strides=strides, pads=(*pads, *pads), dilations=dilations, group=group, output_padding=more))

    one((2, 3, 4, 5), (3, 2, 3, 3))
    one((1, 4, 3, 4), (4, 3, 3, 2), strides=(2, 3), pads=(1, 0), bias=False)
    one((1, 3, 3, 4), (3, 2, 3, 3), strides=(2, 2), pads=(1, 1), more=(1, 1))
    one((2, 4, 3, 3), (4, 1, 4, 4), strides=(2, 2), pads=(1, 1), group=4)
    one((1, 6, 3, 2), (6, 2, 3, 3), strides=(3, 2), group=2, more=(2, 0))
    one((1, 2, 4, 3), (2, 3, 2, 3), dilations=(3, 2), more=(2, 1), pads=(1, 1))
    one((2, 3, 5), (3, 2, 4), strides=(2,), pads=(1,), dilations=(1,), more=(1,))
    one((1, 4, 4), (4, 2, 3), strides=(1,), pads=(2,), dilations=(2,), group=2, more=(1,))
    g.write()


def space():
    """Convolution, its transpose and pooling over three dimensions."""
    g = Golden("space")

    def conv(x, w, strides=(1, 1, 1), pads=(0,) * 6, dilations=(1, 1, 1), group=1, bias=True):
        inputs = [rand(*x), rand(*w)] + ([rand(w[0])] if bias else [])
        g.case("Conv", inputs, lambda x, w, b=None: F.conv3d(padded(x, pads), w, b, strides, 0, dilations, group),
               words(strides=strides, pads=pads, dilations=dilations, group=group))

    def transpose(x, w, strides=(1, 1, 1), pads=(0, 0, 0), dilations=(1, 1, 1), group=1, more=(0, 0, 0)):
        g.case("ConvTranspose", [rand(*x), rand(*w), rand(w[1] * group)],
               lambda x, w, b: F.conv_transpose3d(x, w, b, strides, pads, more, group, dilations),
               words(strides=strides, pads=(*pads, *pads), dilations=dilations, group=group, output_padding=more))

    def most(x, kernel, strides, pads, dilations=(1, 1, 1), ceil=False):
        def function(t):
            y, at = F.max_pool3d(t, kernel, strides, pads, dilations, ceil_mode=ceil, return_indices=True)
            images = torch.arange(x[0] * x[1]).reshape(x[0], x[1], 1, 1, 1)
            return y, at + images * x[2] * x[3] * x[4]
        g.case("MaxPool", [distinct(*x)], function,
               words(kernel_shape=kernel, strides=strides, pads=(*pads, *pads), dilations=dilations, ceil_mode=int(ceil)))

    def mean(x, kernel, strides, pads, ceil=False, include=False):
        g.case("AveragePool", [rand(*x)],
               lambda t: F.avg_pool3d(t, kernel, strides, pads, ceil_mode=ceil, count_include_pad=include),
               words(kernel_shape=kernel, strides=strides, pads=(*pads, *pads), ceil_mode=int(ceil),
                     count_include_pad=int(include)))

    conv((2, 2, 4, 5, 3), (3, 2, 3, 3, 2), pads=(1, 1, 0, 1, 1, 1))
    conv((1, 4, 6, 5, 5), (4, 2, 2, 3, 2), strides=(2, 1, 3), dilations=(2, 2, 1), pads=(0, 2, 1, 1, 1, 0), group=2)
    conv((1, 3, 3, 4, 4), (5, 3, 1, 1, 1), bias=False)
    transpose((1, 2, 3, 2, 3), (2, 3, 2, 3, 2), strides=(2, 3, 1), pads=(1, 0, 1), more=(1, 0, 0))
    transpose((1, 4, 2, 3, 2), (4, 1, 3, 2, 2), dilations=(1, 2, 2), group=2)
    most((1, 2, 4, 5, 6), (2, 2, 2), (2, 2, 2), (0, 0, 0))
    most((1, 2, 5, 6, 4), (3, 2, 2), (1, 2, 2), (1, 1, 0), dilations=(1, 2, 1), ceil=True)
    mean((1, 2, 5, 4, 6), (2, 3, 2), (2, 1, 2), (1, 1, 0))
    mean((1, 2, 5, 4, 6), (2, 3, 3), (2, 2, 2), (0, 1, 1), ceil=True, include=True)
    g.write()


def conv_depthwise():
    """Channels of their own: 3×3 and 5×5, stride 1 and 2, several results of each channel, one-pixel images."""
    g = Golden("conv_depthwise")

    def one(x, each, kernel, stride=1, pads=(0, 0, 0, 0), dilation=1, bias=True):
        w = (x[1] * each, 1, kernel, kernel)
        g.case("Conv", [rand(*x), rand(*w)] + ([rand(w[0])] if bias else []),
               lambda x, w, b=None: F.conv2d(padded(x, pads), w, b, stride, 0, dilation, x.shape[1]),
               words(strides=(stride, stride), pads=pads, dilations=(dilation, dilation), group=x[1]))

    one((1, 4, 6, 8), 1, 3, pads=(1, 1, 1, 1))
    one((1, 4, 7, 8), 1, 3, 2, (0, 0, 1, 1))
    one((1, 3, 6, 5), 1, 5, 1, (2, 2, 2, 2), bias=False)
    one((1, 3, 7, 7), 1, 5, 2, (2, 1, 2, 3))
    one((1, 3, 5, 4), 3, 3, 1, (1, 1, 1, 1))
    one((1, 2, 7, 7), 2, 3, 3, (1, 0, 0, 2), 2)
    one((3, 5, 1, 1), 1, 3, 1, (1, 1, 1, 1))
    g.write()


def conv_local():
    """Unshared weights, position by position."""
    g = Golden("conv_local")

    def one(x, oc, kernel, stride=(1, 1), pads=(0, 0, 0, 0)):
        high, wide = ((x[2 + d] + pads[d] + pads[2 + d] - kernel[d]) // stride[d] + 1 for d in range(2))
        w = rand(high, wide, *kernel, x[1], oc)

        def function(x, w, b):
            rows = F.unfold(padded(x, pads), kernel, stride=stride).reshape(x.shape[0], x.shape[1], *kernel, high, wide)
            return torch.einsum("bcuvpq,pquvco->bopq", rows, w) + b.permute(2, 0, 1)

        g.case("LocallyConnected", [rand(*x), w, rand(high, wide, oc)], function, words(strides=stride, pads=pads))

    one((2, 2, 5, 4), 3, (3, 2))
    one((1, 3, 5, 6), 2, (2, 3), (2, 1), (1, 0, 1, 2))
    g.write()


def reductions():
    g = Golden("reduce")
    whole = lambda *v: torch.tensor(v, dtype=torch.int64)

    def one(name, x, axes, f, keep=True, constants=(1,)):
        g.case(name, [x, whole(*axes)], lambda t, a: f(t, axes, keep), f"keepdims={int(keep)}", constants)

    def prod(t, axes, keep):
        for d in sorted((d % t.dim() for d in axes), reverse=True):
            t = t.prod(d, keepdim=keep)
        return t

    functions = dict(ReduceMax=lambda t, a, k: t.amax(a, k), ReduceMin=lambda t, a, k: t.amin(a, k),
                     ReduceL1=lambda t, a, k: torch.linalg.vector_norm(t, 1, a, k),
                     ReduceL2=lambda t, a, k: torch.linalg.vector_norm(t, 2, a, k),
                     ReduceSumSquare=lambda t, a, k: t.square().sum(a, k), ReduceProd=prod,
                     ReduceLogSumExp=lambda t, a, k: torch.logsumexp(t, a, k),
                     ReduceMean=lambda t, a, k: t.mean(a, k))
    for name, f in functions.items():
        one(name, distinct(2, 3, 4), (0, 2), f)
        one(name, distinct(3, 5), (-1,), f, keep=False)
    one("ReduceMax", rand(3, 6, low=0, high=1, unit=1), (1,), functions["ReduceMax"])  # equal ones share
    one("ReduceMin", rand(3, 6, low=0, high=1, unit=1), (0,), functions["ReduceMin"])
    one("ReduceProd", torch.tensor([[1.0, 2, 3], [4, 0, 6], [0, 5, 0]]), (1,), prod)
    one("ReduceL2", torch.tensor([[1.0, 2, -3], [0, 0, 0]]), (1,), functions["ReduceL2"])
    one("ReduceLogSumExp", rand(2, 5) * 400, (1,), functions["ReduceLogSumExp"])
    one("ReduceLogSum", positive(2, 3, 4), (1,), lambda t, a, k: t.sum(a, k).log())
    g.case("ArgMax", [distinct(2, 5, 3)], lambda t: t.argmax(1, keepdim=True), "axis=1")
    g.case("ArgMin", [distinct(2, 5, 3)], lambda t: t.argmin(-1), "axis=-1 keepdims=0")
    g.case("Hardmax", [distinct(3, 7)], lambda t: F.one_hot(t.argmax(1), 7).double())
    for largest in (0, 1):
        g.case("TopK", [distinct(2, 6, 3), whole(4)], lambda t, k: tuple(t.topk(4, 1, bool(largest))),
               f"axis=1 largest={largest}", (1,))
    g.write()


def pool_windows():
    """Indices of one dimension, norms, windows larger than the image, global forms, unpooling."""
    g = Golden("pool_windows")

    def line(x, kernel, stride, pad, dilation, ceil):
        def function(t):
            y, at = F.max_pool1d(t, kernel, stride, pad, dilation, ceil_mode=ceil, return_indices=True)
            return y, at + torch.arange(x[0] * x[1]).reshape(x[0], x[1], 1) * x[2]
        g.case("MaxPool", [distinct(*x)], function, words(kernel_shape=[kernel], strides=[stride], pads=[pad, pad],
                                                          dilations=[dilation], ceil_mode=int(ceil)))

    line((2, 3, 11), 3, 2, 1, 1, False)
    line((1, 2, 10), 3, 2, 1, 2, True)
    line((1, 2, 9), 2, 4, 0, 1, True)
    for value in (float("-inf"), float("nan")):
        x = distinct(1, 2, 6, 6)
        if value == value: x[0, 0, 1:5, 1:5] = value  # a window of nothing else
        else: x[0, 0, ::3, ::3] = value  # one a window: of several PyTorch takes the last
        g.case("MaxPool", [x], lambda t: F.max_pool2d(t, 2, 2), words(kernel_shape=(2, 2), strides=(2, 2)))
    g.case("MaxPool", [distinct(1, 2, 3, 2)], lambda t: F.max_pool2d(t, (4, 3), 1, (2, 1)),
           words(kernel_shape=(4, 3), pads=(2, 1, 2, 1)))
    g.case("AveragePool", [rand(1, 2, 3, 2)], lambda t: F.avg_pool2d(t, (4, 3), 1, (2, 1), count_include_pad=False),
           words(kernel_shape=(4, 3), pads=(2, 1, 2, 1)))
    g.case("AveragePool", [rand(1, 2, 10)], lambda t: F.avg_pool1d(t, 3, 2, 1, ceil_mode=True),
           words(kernel_shape=[3], strides=[2], pads=[1, 1], ceil_mode=1, count_include_pad=1))
    for p in (1, 2, 3):
        norm = lambda t, k, s: F.avg_pool2d(t.abs() ** p, k, s).mul(k[0] * k[1]) ** (1 / p)
        g.case("LpPool", [rand(2, 3, 7, 6, low=1)], lambda t: norm(t, (3, 2), (2, 2)),
               words(kernel_shape=(3, 2), strides=(2, 2), p=p))
        g.case("LpPool", [rand(2, 2, 8, low=1)], lambda t: F.lp_pool1d(t, float(p), 3, 2),
               words(kernel_shape=[3], strides=[2], p=p))
        g.case("GlobalLpPool", [rand(2, 3, 4, 5)],
               lambda t: torch.linalg.vector_norm(t, p, (2, 3), True), words(p=p))
    g.case("GlobalMaxPool", [distinct(2, 3, 9)], lambda t: F.adaptive_max_pool1d(t, 1))
    g.case("GlobalAveragePool", [rand(2, 3, 5, 7)], lambda t: F.adaptive_avg_pool2d(t, 1))
    _, at = F.max_pool2d(distinct(1, 2, 6, 6), 2, 2, return_indices=True)
    g.case("MaxUnpool", [rand(1, 2, 3, 3), at + torch.tensor([0, 36]).reshape(1, 2, 1, 1)],
           lambda t, i: F.max_unpool2d(t, at, 2, 2), words(kernel_shape=(2, 2), strides=(2, 2)))
    g.write()


def resizing():
    g = Golden("resize")
    whole = lambda *v: torch.tensor(v, dtype=torch.int64)
    where = "coordinate_transformation_mode="
    sizes = [((1, 2, 4, 5), (7, 9)), ((1, 2, 8, 7), (3, 5)), ((1, 1, 5, 6), (5, 3)), ((1, 2, 3, 3), (1, 6))]
    for x, size in sizes:
        def one(function, attributes):
            g.case("Resize", [rand(*x), None, None, whole(*x[:2], *size)], lambda t, *_: function(t), attributes, (3,))

        one(lambda t: F.interpolate(t, size), where + "asymmetric nearest_mode=floor")
        one(lambda t: F.interpolate(t, size, mode="nearest-exact"), "nearest_mode=round_prefer_ceil")
        one(lambda t: F.interpolate(t, size, mode="bilinear"), "mode=linear")
        one(lambda t: F.interpolate(t, size, mode="bilinear", align_corners=True), "mode=linear " + where + "align_corners")
        one(lambda t: F.interpolate(t, size, mode="bicubic"), "mode=cubic")
        one(lambda t: F.interpolate(t, size, mode="bicubic", align_corners=True), "mode=cubic " + where + "align_corners")
        one(lambda t: F.interpolate(t, size, mode="bilinear", antialias=True), "mode=linear antialias=1 exclude_outside=1")
        one(lambda t: F.interpolate(t, size, mode="bicubic", antialias=True),
            "mode=cubic antialias=1 exclude_outside=1 cubic_coeff_a=-0.5")
    g.case("Resize", [rand(2, 3, 7), None, torch.tensor([1.0, 1.0, 2.0])],
           lambda t, *_: F.interpolate(t, scale_factor=2, mode="linear"), "mode=linear", (2,))
    g.case("Resize", [rand(2, 3, 4, 4), None, torch.tensor([2.0, 3.0])],
           lambda t, *_: F.interpolate(t, scale_factor=(3, 2), mode="bilinear"), "mode=linear axes=3,2", (2,))
    g.write()


for make in (conv, pool, matmul, elementwise, shapes, loss, momentum, norm, moves, conv_transpose, space, conv_depthwise,
             conv_local, reductions, pool_windows, resizing, optimizer, optimizer_specs):
    make()
