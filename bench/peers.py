#!/usr/bin/env python3
"""Stria beside PyTorch and ONNX Runtime, in one script: alternated runs, medians, two threads each.

usage: peers.py STRIA [--threads 2] [--rounds 7] [--markdown]
Needs torch, onnxruntime and numpy from PyPI. Every round times each contestant for about a second, one after the other, so that
what else the machine does hits all alike; a line's ratio is the median over the rounds of (peer's best median / Stria's median).
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

parser = argparse.ArgumentParser()
parser.add_argument("stria")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--markdown", action="store_true")
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(args.threads)

import numpy as np
import onnxruntime as ort
import torch
import torch.nn as nn

torch.set_num_threads(args.threads)


def lenet5():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Sigmoid(),
                         nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(),
                         nn.Linear(84, 10))


def median_ms(run, seconds=1.0):
    for _ in range(3):
        run()
    times, start = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - start < seconds:
        t = time.perf_counter()
        run()
        times.append((time.perf_counter() - t) * 1e3)
    return statistics.median(times)


def stria(model, batch, train):
    command = [args.stria, "bench", model, "--batch", str(batch), "--threads", str(args.threads), "--json"]
    return json.loads(subprocess.check_output(command + (["--train"] if train else [])))["median_ms"]


def torch_step(batch, channels_last, compiled):
    model = lenet5().train()
    x, y = torch.randn(batch, 1, 28, 28), torch.randint(0, 10, (batch,))
    if channels_last:
        model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    forward = torch.compile(lambda: criterion(model(x), y)) if compiled else lambda: criterion(model(x), y)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = forward()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def ort_session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = args.threads
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def contest(name, peers, ours):
    rows = []
    for _ in range(args.rounds):
        rows.append(({peer: median_ms(run) for peer, run in peers.items()}, ours()))
    best = [min(times.values()) for times, _ in rows]
    result = {
        "case": name,
        "peers_ms": {peer: statistics.median(t[peer] for t, _ in rows) for peer in peers},
        "stria_ms": statistics.median(o for _, o in rows),
        "ratio": statistics.median(b / o for b, (_, o) in zip(best, rows)),
    }
    if args.markdown:
        peer = min(result["peers_ms"], key=result["peers_ms"].get)
        print(f"| {name} | {result['stria_ms']:.3f} | {result['peers_ms'][peer]:.3f} ({peer}) | {result['ratio']:.2f} |", flush=True)
    else:
        print(json.dumps(result), flush=True)


def main():
    if args.markdown:
        print("| case | Stria ms | best peer ms | peer / Stria |\n|---|---|---|---|")
    for batch in (64, 256):
        peers = {"PyTorch": torch_step(batch, False, False), "PyTorch channels-last": torch_step(batch, True, False)}
        try:
            compiled = torch_step(batch, False, True)
            compiled()
            peers["PyTorch compiled"] = compiled
        except Exception as error:  # no compiler, or one that torch cannot use
            print(f"PyTorch compiled left out: {str(error).splitlines()[0]}", file=sys.stderr)
        contest(f"training step, lenet5, batch {batch}", peers, lambda: stria("lenet5", batch, True))
    with tempfile.TemporaryDirectory() as folder:
        for model in ("lenet5", "lenet"):
            path = os.path.join(folder, f"{model}.onnx")
            subprocess.check_call([args.stria, "convert", model, path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for batch in (1, 64):
                session = ort_session(path)
                x = np.random.default_rng(0).standard_normal((batch, 1, 28, 28)).astype(np.float32)
                feed = {session.get_inputs()[0].name: x}
                contest(f"inference, {model}, batch {batch}", {"ONNX Runtime": lambda: session.run(None, feed)},
                        lambda: stria(path, batch, False))


if __name__ == "__main__":
    main()
