"""Optimisers that Keras defines, or has in another form than PyTorch, step by step for tests/train_optimizer.c:
golden/optimizer_keras.txt, in the form of golden_torch.py's optimizer_specs.txt. Run: python3 tests/golden_keras.py
(needs keras and jax; only to make the file again)."""

import os
import pathlib

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"

import keras
import numpy

STEPS = 60


def numbers(x):
    words = ["%.13g" % v for v in numpy.asarray(x).reshape(-1)]
    return "".join(" ".join(words[i:i + 16]) + "\n" for i in range(0, len(words), 16))


def stepped(make, decay, rate, x0, gradients):
    """x0 after a step by each gradient. Keras' own weight decay is apart from the gradient in every optimiser."""
    x = keras.Variable(x0, dtype="float64")
    optimizer = make(learning_rate=rate, **({"weight_decay": decay} if decay else {}))
    optimizer.build([x])
    for g in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g, dtype="float64")], [x])
    return numpy.asarray(x.value)


def main():
    keras.config.set_floatx("float64")
    random = numpy.random.default_rng(0)
    k = keras.optimizers
    text = f"# made by tests/golden_keras.py with Keras {keras.__version__}\n"
    for spec, decay, rate, make in [
        ("sgd:style=keras", 0.125, 0.0625, lambda **o: k.SGD(**o)),
        ("sgd:momentum=0.9,style=keras", 0.01, 0.05, lambda **o: k.SGD(momentum=0.9, **o)),
        ("sgd:style=keras,momentum=0.9,nesterov=1", 0.01, 0.05, lambda **o: k.SGD(momentum=0.9, nesterov=True, **o)),
        ("lion", 0.1, 0.01, lambda **o: k.Lion(**o)),
        ("lion:beta1=0.5,beta2=0.75", 0, 0.01, lambda **o: k.Lion(beta_1=0.5, beta_2=0.75, **o)),
        ("lamb:epsilon=1e-7", 0, 0.01, lambda **o: k.Lamb(**o)),
        ("ftrl", 0, 0.1, lambda **o: k.Ftrl(**o)),
        ("ftrl:l1=0.5,l2=0.25,beta=1,initial=0.5", 0, 0.1,
         lambda **o: k.Ftrl(initial_accumulator_value=0.5, l1_regularization_strength=0.5,
                            l2_regularization_strength=0.25, beta=1.0, **o)),
        ("adadelta:rho=0.95,epsilon=1e-7", 0, 1.0, lambda **o: k.Adadelta(**o)),
        ("adamw:epsilon=1e-7", 0.1, 0.01, lambda **o: k.AdamW(**{"weight_decay": 0.0, **o})),
        ("adagrad:initial=0.1,epsilon=0", 0, 0.1, lambda **o: k.Adagrad(epsilon=0.0, **o)),
    ]:
        text += f"optimizer {spec} {decay} {rate} {STEPS}\n"
        for size, d in (((2, 3), decay), ((3,), 0)):
            x0, gradients = (random.integers(-64, 65, s) / 32 for s in (size, (STEPS, *size)))
            text += numbers(x0) + numbers(gradients) + numbers(stepped(make, d, rate, x0, gradients))
    (pathlib.Path(__file__).parent / "golden" / "optimizer_keras.txt").write_text(text)


main()
