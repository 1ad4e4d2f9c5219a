#!/usr/bin/env python3
"""Inference of the zoo's networks by Stria and by its peers: ONNX Runtime, OpenVINO, MNN and ncnn.

usage: inference.py BUILD [--threads 1,2] [--rounds 5] [--seconds 1] [--only NAME[:BATCH],…] [--peers NAME,…] [--realtime] [--out FOLDER]

BUILD is a build folder: its bench/network times Stria. `make bench-peers` makes a virtual environment with the peers and calls
this. Every contestant is a process of its own, one at a time; they take turns in every round, the other way round every second
time (A B C, C B A). A figure is the median over the rounds of a process's median run, and the least run of all. With one
thread it is processor time, which other processes disturb less; with more, wall time. A contestant that fails, or whose result
is not one finite score per class, is left out and named.

On a shared machine, --realtime lets every contestant run at real-time priority (chrt -f 1, which needs the right to it): nothing
else takes its core meanwhile, so keep --seconds small.

Figures are kept in FOLDER/CPU-ISA.json, in which a case that is measured again replaces the old one; the .md and .svg beside it are
made of it. So a busy machine may be measured a few cases at a time; each case keeps its date, commit and versions.
"""
import argparse, datetime, importlib.metadata, json, math, os, re, statistics, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import networks

CASES = [(name, batch) for name in networks.NETWORKS for batch in (1, 128 if name in ("lenet5", "resnet20") else 8)]
PEERS = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "mnn": "MNN", "ncnn": "ncnn"}
RUNS_MAX, RUNS_MIN = 2000, 5
SHAPES = {"lenet5": (1, 28, 28), "resnet20": (3, 32, 32)}


# ---- one contestant: what a child process does ----


def onnxruntime(path, x, threads):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: x}
    return lambda: session.run(None, feed)[0]


def openvino(path, x, threads):
    import openvino as ov
    core = ov.Core()
    model = core.read_model(path)
    model.reshape(list(x.shape))
    options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(model, "CPU", options).create_infer_request()
    request.set_input_tensor(ov.Tensor(x))
    return lambda: request.infer()[0]


def convert(tool, path, made, *arguments):
    """Runs a peer's converter, once, in the model's folder."""
    if not os.path.exists(made):
        subprocess.run([os.path.join(os.path.dirname(sys.executable), tool), *arguments], check=True, cwd=os.path.dirname(path),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def mnn(path, x, threads):
    import MNN.expr, MNN.nn
    made = path[:-5] + ".mnn"
    convert("mnnconvert", path, made, "-f", "ONNX", "--modelFile", path, "--MNNModel", made, "--bizCode", "x")
    manager = MNN.nn.create_runtime_manager(({"backend": "CPU", "precision": "high", "numThread": threads},))
    net = MNN.nn.load_module_from_file(made, ["image"], ["logits"], runtime_manager=manager)
    variable = MNN.expr.const(x, list(x.shape), MNN.expr.NCHW)
    return lambda: net.forward([variable])[0].read()


def ncnn(path, x, threads):
    import ncnn as library
    made = path[:-5] + ".ncnn"
    convert("pnnx", path, made + ".param", path, "fp16=0", "inputshape=[1,{},{},{}]".format(*x.shape[1:]))
    net = library.Net()
    net.opt.num_threads = threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
    if net.load_param(made + ".param") or net.load_model(made + ".bin"):
        sys.exit("ncnn does not read what pnnx wrote")
    image = library.Mat(x[0].copy())

    def run():
        extractor = net.create_extractor()
        extractor.input("in0", image)
        return extractor.extract("out0")[1]
    return run


def timed(run, seconds):
    wall, cpu, start = [], [], time.perf_counter()
    while len(wall) < RUNS_MAX and (len(wall) < RUNS_MIN or time.perf_counter() - start < seconds):
        t, c = time.perf_counter(), time.process_time()
        run()
        wall.append((time.perf_counter() - t) * 1e3)
        cpu.append((time.process_time() - c) * 1e3)
    return {"min_ms": min(wall), "med_ms": statistics.median(wall), "cpu_ms": statistics.median(cpu), "cpu_min_ms": min(cpu)}


def one(peer, path, batch, threads, seconds):
    import numpy as np
    name = os.path.basename(path)[:-5]
    x = np.random.default_rng(0).standard_normal((batch, *SHAPES.get(name, (3, 224, 224)))).astype(np.float32)
    run = globals()[peer](path, x, threads)
    for _ in range(RUNS_MIN):
        scores = np.array(run())
    classes = 10 if name in SHAPES else 1000
    if scores.size != batch * classes or not np.isfinite(scores).all():
        sys.exit(f"{scores.size} scores, or some that are not finite, of {batch * classes}")
    print(json.dumps(timed(run, seconds)))


# ---- the contest ----


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[2][7:])
    parser.add_argument("build")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--realtime", action="store_true")
    parser.add_argument("--out", default="docs/benchmarks")
    args = parser.parse_args()
    unknown = [p for p in args.peers.split(",") if p not in PEERS]
    wanted = [w for w in args.only.split(",") if w]
    known = {name for name, _ in CASES} | {f"{name}:{batch}" for name, batch in CASES}
    if unknown or not set(wanted) <= known:
        parser.error(f"there is no {', '.join(unknown + [w for w in wanted if w not in known])}; peers: {', '.join(PEERS)}; "
                     f"networks: {', '.join(networks.NETWORKS)}")
    args.peers = args.peers.split(",")
    args.cases = [c for c in CASES if not wanted or c[0] in wanted or f"{c[0]}:{c[1]}" in wanted]
    args.stria = os.path.join(os.path.abspath(args.build), "stria")
    args.models = os.path.join(os.path.abspath(args.build), "peers-models")
    os.makedirs(args.models, exist_ok=True)
    os.makedirs(args.out, exist_ok=True)
    return args


def model(args, name):
    path = os.path.join(args.models, name + ".onnx")
    if not os.path.exists(path):
        subprocess.run([args.stria, "convert", networks.NETWORKS[name], path], check=True, stdout=subprocess.DEVNULL)
    return path


def measure(args, contestant, name, batch, threads):
    figures = [model(args, name), str(batch), str(threads), str(args.seconds)]
    command = [os.path.join(args.build, "bench", "network")] if contestant == "stria" else [
        sys.executable, os.path.abspath(__file__), "--one", contestant]
    first = ["chrt", "-f", "1"] if args.realtime else []
    run = subprocess.run(first + command + figures, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         env=dict(os.environ, OMP_NUM_THREADS=str(threads)))
    if run.returncode:
        print(f"left out: {contestant}, {name}, batch {batch}: {(run.stderr.strip().splitlines() or ['?'])[-1]}", file=sys.stderr)
        return None
    return json.loads(run.stdout.strip().splitlines()[-1])


def contest(args, name, batch, threads):
    """{contestant: [median ms, least ms]} of one case."""
    contestants = ["stria"] + [p for p in args.peers if p != "ncnn" or batch == 1]  # ncnn takes one image at a time
    runs = {c: [] for c in contestants}
    for turn in range(args.rounds):
        for c in contestants if turn % 2 == 0 else contestants[::-1]:
            result = measure(args, c, name, batch, threads) if runs[c] is not None else None
            runs[c] = runs[c] + [result] if result else None
    middle, least = ("cpu_ms", "cpu_min_ms") if threads == 1 else ("med_ms", "min_ms")
    return {c: [statistics.median(r[middle] for r in rs), min(r[least] for r in rs)] for c, rs in runs.items() if rs}


def ratio(row, which):
    peers = [ms[which] for c, ms in row["ms"].items() if c != "stria"]
    return min(peers) / row["ms"]["stria"][which] if peers and "stria" in row["ms"] else None


def mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


# ---- the page and its picture ----


def commit():
    run = subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return run.stdout.strip() or "?"


def machine(args):
    ask = lambda *command: json.loads(subprocess.run([args.stria, *command, "--json"], check=True, stdout=subprocess.PIPE, text=True).stdout)
    info = ask("info")
    return {"cpu": info["processor"], "isa": info["isa"], "cpus": len(os.sched_getaffinity(0)), "stria": info["version"],
            "peak_gflops": ask("bench", "lenet5", "--threads", "1", "--repeat", "3")["peak_gflops"], "date": datetime.date.today().isoformat(),
            "commit": commit(), "realtime": args.realtime, "versions": {p: importlib.metadata.version(p) for p in args.peers}}


def page(rows, m):
    takes = []  # what rows were taken with, in the order of first use; a row names its number
    for r in rows:
        if r["taken"] not in takes:
            takes.append(r["taken"])
    lines = [f"# Inference on {m['cpu']}", "",
             f"By `make bench-peers`: {m['cpus']} CPUs, {m['isa']}, float32, peak of one thread {m['peak_gflops']:.0f} GFLOP/s.", ""]
    lines += [f"{i + 1}. {t['date']}, Stria {t['commit']}{', at real-time priority' if t['realtime'] else ''}; " +
              ", ".join(f"{PEERS[p]} {v}" for p, v in t["versions"].items()) for i, t in enumerate(takes)]
    lines += ["",
             "Milliseconds, median / least of alternated runs; one thread: processor time, more: wall time. The last column is the best "
             "peer's time / Stria's, of the medians and of the least: above 1, Stria is faster. The last column but one is the number "
             "of the line above with which a case was taken, and the load average after it."]
    for threads in sorted({r["threads"] for r in rows}):
        some = [r for r in rows if r["threads"] == threads and ratio(r, 0)]
        if not some:
            continue
        ratios = [ratio(r, 0) for r in some], [ratio(r, 1) for r in some]
        lines += ["", f"## {threads} thread{'s' * (threads > 1)}: geometric mean {mean(ratios[0]):.2f} / {mean(ratios[1]):.2f}", "",
                  "| network, batch | Stria | " + " | ".join(PEERS.values()) + " | taken, load | peer / Stria |",
                  "|---" * (len(PEERS) + 4) + "|"]
        for r in some:
            cells = ["{:.3g} / {:.3g}".format(*r["ms"][c]) if c in r["ms"] else "–" for c in ["stria", *PEERS]]
            lines.append(f"| {r['network']}, {r['batch']} | " + " | ".join(cells) +
                         f" | {takes.index(r['taken']) + 1}, {r['load']:.1f} | {ratio(r, 0):.2f} / {ratio(r, 1):.2f} |")
    return "\n".join(lines) + "\n"


def picture(rows, threads):
    """Bars of best peer / Stria on a logarithmic axis from 1/4 to 4."""
    some = [r for r in rows if r["threads"] == threads and ratio(r, 0)]
    at = lambda v: 380 + 90 * max(-2, min(2, math.log2(v)))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 {60 + 20 * len(some)}" font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="#fff"/>',
           f'<text x="10" y="20">best peer\'s time / Stria\'s, {threads} thread{"s" * (threads > 1)}; right of 1, Stria is faster</text>']
    for v in (0.25, 0.5, 1, 2, 4):
        out.append(f'<path d="M{at(v):.0f} 32V{50 + 20 * len(some)}" stroke="{"#000" if v == 1 else "#ccc"}"/>'
                   f'<text x="{at(v):.0f}" y="{58 + 20 * len(some)}" text-anchor="middle" font-size="10">{v:g}</text>')
    for i, r in enumerate(some):
        v, y = ratio(r, 0), 38 + 20 * i
        left, right = sorted((at(1), at(v)))
        out.append(f'<text x="10" y="{y + 11}">{r["network"]}, batch {r["batch"]}</text><rect x="{left:.1f}" y="{y}" '
                   f'width="{right - left:.1f}" height="14" fill="{"#2a7" if v >= 1 else "#c53"}"/>'
                   f'<text x="170" y="{y + 11}">{v:.2f}</text>')
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    args = arguments()
    m = machine(args)
    base = os.path.join(args.out, re.sub(r"[^a-z0-9]+", "-", f"{m['cpu']} {m['isa']}".lower()).strip("-"))
    rows = []
    if os.path.exists(base + ".json"):
        with open(base + ".json") as file:
            rows = json.load(file)["rows"]
    for name, batch in args.cases:
        for threads in map(int, args.threads.split(",")):
            row = {"network": name, "batch": batch, "threads": threads, "ms": contest(args, name, batch, threads),
                   "taken": {key: m[key] for key in ("date", "commit", "realtime", "versions")}, "load": os.getloadavg()[0]}
            rows = [r for r in rows if (r["network"], r["batch"], r["threads"]) != (name, batch, threads)] + [row]
            rows.sort(key=lambda r: (r["threads"], CASES.index((r["network"], r["batch"]))))
            print(f"{name}, batch {batch}, threads {threads}: " + ", ".join("{} {:.3g} / {:.3g}".format(c, *ms) for c, ms in row["ms"].items()) +
                  (f"; best peer / Stria {ratio(row, 0):.2f} / {ratio(row, 1):.2f}" if ratio(row, 0) else ""), flush=True)
            for suffix, text in ((".json", json.dumps({"machine": m, "rows": rows}, indent=1) + "\n"), (".md", page(rows, m)),
                                 (".svg", picture(rows, max(r["threads"] for r in rows)))):
                with open(base + suffix, "w") as file:
                    file.write(text)


if __name__ == "__main__":
    if len(sys.argv) == 7 and sys.argv[1] == "--one":
        one(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]))
    else:
        main()
