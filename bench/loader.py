#!/usr/bin/env python3
"""Loading photos by Stria and by PyTorch's DataLoader: decode, crop at random, resize, flip, to floats.

usage: loader.py BUILD DATA [--workers 2] [--rounds 5] [--batch 32] [--side 224] [--cpus 2]

BUILD is a build folder, whose bench/loader times Stria; DATA a folder with sub-folders of JPEG files (Oxford's flowers-17:
the folder above jpg/). Both read all its pictures, RandomResizedCrop with torchvision's defaults and antialias, flip half of
them, scale and normalise them, in batches that another process or thread takes. PyTorch has --workers processes, which stay
between epochs, and two pipelines of torchvision.transforms.v2: on tensors of torchvision.io.decode_image, and on pictures of
Pillow. Neither side keeps pictures between epochs. The first epoch of every process is not counted. All contestants are held
to the same --cpus and take turns, the other way round every second round (A B C, C B A); a figure is the median over the
rounds, and the ratio that of Stria's to the better pipeline's, round by round, its median.

Needs torch and torchvision: pip install torch torchvision.
"""
import argparse, glob, json, os, statistics, subprocess, sys, time

PEERS = {"torch-tensor": "DataLoader, decode_image", "torch-pil": "DataLoader, Pillow"}


# ---- one contestant: what a child process does ----


def torch_epoch(kind, data, workers, batch, side):
    import torch, torchvision
    from torchvision.transforms import v2
    from torch.utils.data import DataLoader, Dataset
    from PIL import Image
    torchvision.disable_beta_transforms_warning()
    files = sorted(f for f in glob.glob(os.path.join(data, "*", "*")) if f.lower().endswith((".jpg", ".jpeg")))
    change = v2.Compose([v2.RandomResizedCrop(side, antialias=True), v2.RandomHorizontalFlip(), v2.ToImage(),
                         v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])

    class Pictures(Dataset):
        def __len__(self):
            return len(files)

        def __getitem__(self, i):
            if kind == "torch-pil":
                return change(Image.open(files[i]).convert("RGB")), 0
            return change(torchvision.io.decode_image(files[i], mode=torchvision.io.ImageReadMode.RGB)), 0

    loader = DataLoader(Pictures(), batch_size=batch, shuffle=True, num_workers=workers, drop_last=True, persistent_workers=True)
    for _ in range(2):
        start, seen = time.perf_counter(), 0
        for x, _ in loader:
            seen += len(x)
        seconds = time.perf_counter() - start
    print(json.dumps({"pictures": seen, "seconds": seconds}))


# ---- the contest ----


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[2][7:])
    parser.add_argument("build")
    parser.add_argument("data")
    for name, standard in (("workers", 2), ("rounds", 5), ("batch", 32), ("side", 224), ("cpus", 2)):
        parser.add_argument("--" + name, type=int, default=standard)
    args = parser.parse_args()
    args.program = os.path.join(args.build, "bench", "loader")
    missing = [m for m in ("torch", "torchvision") if subprocess.run([sys.executable, "-c", f"import {m}"], stderr=subprocess.DEVNULL).returncode]
    if missing:
        sys.exit(f"loader.py: not run, {sys.executable} lacks {' and '.join(missing)}: pip install torch torchvision")
    if not os.path.exists(args.program):
        sys.exit(f"loader.py: there is no {args.program}: cmake --build {args.build} --target bench_loader")
    if not glob.glob(os.path.join(args.data, "*", "*.jp*g")):
        sys.exit(f"loader.py: {args.data} has no sub-folder with JPEG files")
    return args


def measure(args, contestant):
    """Pictures per second."""
    figures = [str(args.workers), str(args.batch), str(args.side)]
    command = [args.program, "folder:" + args.data] + figures if contestant == "stria" else [
        sys.executable, os.path.abspath(__file__), "--one", contestant, args.data] + figures
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(f"loader.py: {contestant}: {(run.stderr.strip().splitlines() or ['?'])[-1]}")
    result = json.loads(run.stdout.strip().splitlines()[-1])
    return result["pictures"] / result["seconds"]


def main():
    args = arguments()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:args.cpus])
    contestants = ["stria", *PEERS]
    rates = {c: [] for c in contestants}
    for turn in range(args.rounds):
        for c in contestants if turn % 2 == 0 else contestants[::-1]:
            rates[c].append(measure(args, c))
        print(f"round {turn + 1}: " + ", ".join(f"{c} {r[-1]:.0f}/s" for c, r in rates.items()), flush=True)
    ratios = [rates["stria"][i] / max(rates[p][i] for p in PEERS) for i in range(args.rounds)]
    for c in contestants:
        print(f"{c}: {statistics.median(rates[c]):.0f} pictures/s (least {min(rates[c]):.0f}, most {max(rates[c]):.0f})")
    print(f"Stria / better DataLoader: {statistics.median(ratios):.2f} (least {min(ratios):.2f}, most {max(ratios):.2f}), "
          f"{args.workers} workers, {args.cpus} CPUs, load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    if len(sys.argv) == 7 and sys.argv[1] == "--one":
        torch_epoch(sys.argv[2], sys.argv[3], *map(int, sys.argv[4:]))
    else:
        main()
