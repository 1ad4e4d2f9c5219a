"""Writes golden/*.txt: inputs, attributes, outputs and gradients of operators as PyTorch computes them in float64, an
oracle that shares nothing with Stria. Run: python3 tests/golden_torch.py (needs PyTorch; only to make the files anew).

A file is a list of cases:
    case OPERATOR
    attributes NAME=TEXT …
    in|const float|int SHAPE, then the numbers      (an input in order; const: known before the run)
    none                                            (an absent input)
    out INDEX SHAPE, then the numbers               (what output INDEX must be)
    dy SHAPE, then the numbers                      (the gradient of output 0)
    dx INDEX SHAPE, then the numbers                (what the gradient of input INDEX must be)
    end
SHAPE is its rank and its sizes. Inputs are small multiples of 1/32, so that their text is exact."""

import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(20240229)
torch.set_default_dtype(torch.float64)
HERE = pathlib.Path(__file__).parent / "golden"


def rand(*shape, low=-64, high=64, unit=32):
    return torch.randint(low, high + 1, shape).double() / unit


def positive(*shape):
    return rand(*shape, low=8, high=80)


def numbers(t):
    if t.dtype == torch.int64:
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
            kind = "float" if t.is_floating_point() else "int"
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
    alpha, gamma = 1.67326319217681884765625, 1.05070102214813232421875
    g.case("Selu", [away()], lambda t: gamma * torch.where(t > 0, t, alpha * torch.expm1(t)))
    for a, b in [((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (3, 1)), ((3, 4), ()), ((3, 1, 2), (1, 4, 1))]:
        for name, f in dict(Add=torch.add, Sub=torch.sub, Mul=torch.mul).items():
            g.case(name, [rand(*a), rand(*b)], f)
        g.case("Div", [rand(*a), positive(*b)], torch.div)
    g.case("Pow", [positive(3, 4), rand(4)], torch.pow)
    g.case("Max", [distinct(2, 3, 4), distinct(3, 4) + 1 / 64], torch.maximum)
    g.case("Min", [distinct(2, 3, 4), distinct(3, 1) + 1 / 64], torch.minimum)
    integers = lambda *s: torch.randint(-9, 10, s)
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
    g.write()


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


for make in (conv, pool, matmul, elementwise, shapes, loss, momentum):
    make()
