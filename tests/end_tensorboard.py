"""Reads RUN/tensorboard with the tensorboard package, by its server with both of its loaders, and compares with
metrics.jsonl: end_tensorboard.py LOGDIR RUN SETTING=VALUE… (settings that the run must have)."""
import json
import os
import re
import struct
import subprocess
import sys
import time
import urllib.parse
import urllib.request

logdir, run = sys.argv[1:3]
settings = dict(s.split("=", 1) for s in sys.argv[3:])
bad = []


def wanted():
    """By tag: [(step, value)…] of the log."""
    tags = {}
    for line in open(os.path.join(logdir, run, "metrics.jsonl")):
        event = json.loads(line)
        for key, value in event.items():
            if isinstance(value, (int, float)) and key not in ("step", "epoch", "seconds"):
                tags.setdefault(f"{event['kind']}/{key}", []).append((event["step"], value))
            for name, inner in (value.items() if isinstance(value, dict) else ()):
                if inner is not None:
                    tags.setdefault(f"{event['kind']}/{key}/{name}", []).append((event["step"], inner))
    return tags


class Server:
    def __init__(self, fast):
        self.log = open("server.log", "w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tensorboard.main", "--logdir", logdir, "--port", "0", "--host", "127.0.0.1",
             f"--load_fast={fast}", "--samples_per_plugin", "scalars=10000,images=100,histograms=1000"],
            stdout=self.log, stderr=subprocess.STDOUT)
        self.url = None
        for _ in range(1200):
            self.log.seek(0)
            found = re.search(r"http://[^ )]*:(\d+)/", self.log.read())
            if found:
                self.url = f"http://127.0.0.1:{found.group(1)}/data/plugin/"
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.log.seek(0)
        sys.exit(f"the server does not start: {self.log.read()}")

    def raw(self, path, body=None, **query):
        url = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"} if data else {})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def get(self, path, body=None, **query):
        return json.loads(self.raw(path, body, **query))

    def until(self, path, good):
        for _ in range(300):
            answer = self.get(path)
            if good(answer):
                return answer
            time.sleep(0.2)
        return answer


def same(a, b):
    return len(a) == len(b) and all(x[0] == y[0] and abs(x[1] - y[1]) <= 1e-6 * max(1, abs(y[1])) for x, y in zip(a, b))


def check(s, fast):
    def fail(what):
        bad.append(f"load_fast={fast}: {what}")

    tags = wanted()
    name = f"{run}/tensorboard"
    seen = s.until("scalars/tags", lambda a: set(tags) <= set(a.get(name, {}))).get(name, {})
    if set(seen) != set(tags):
        fail(f"scalars are {sorted(seen)}, not {sorted(tags)}")
        return
    for tag, points in tags.items():
        for _ in range(20):  # the loader may be at work
            got = [(step, value) for _, step, value in s.get("scalars/scalars", run=name, tag=tag)]
            if len(got) >= len(points):
                break
            time.sleep(0.2)
        if not same(got, points):
            fail(f"{tag} has {len(got)} points, the log {len(points)}; {got[:3]}… {points[:3]}…")

    # By tag: the elements of the parameter, or of its gradient, in every histogram.
    histograms = s.until("histograms/tags", lambda a: len(a.get(name, {})) == 4).get(name, {})
    if set(histograms) != {f"{kind}/logits.{what}" for kind in ("weights", "gradients") for what in ("weight", "bias")}:
        fail(f"histograms are {sorted(histograms)}")
    for tag in histograms:
        count = 7840 if tag.endswith("weight") else 10
        for _, step, bins in s.get("histograms/histograms", run=name, tag=tag):
            if sum(b[2] for b in bins) != count or any(b[0] > b[1] for b in bins):
                fail(f"{tag} at step {step} counts {sum(b[2] for b in bins)} of {count}")
        steps = [e[1] for e in s.get("histograms/histograms", run=name, tag=tag)]
        if steps[-1] != tags["epoch/loss"][-1][0] or steps != sorted(set(steps)):
            fail(f"{tag} is at steps {steps}")

    images = s.until("images/tags", lambda a: "confusion matrix" in a.get(name, {})).get(name, {})
    if not any(tag.startswith("surest hits/01 ") for tag in images):
        fail(f"images are {sorted(images)}")
    for tag in images:
        query = s.get("images/images", run=name, tag=tag, sample=0)[0]["query"]
        png = s.raw("images/individualImage?" + query)
        size = struct.unpack(">II", png[16:24])
        if png[:8] != b"\x89PNG\r\n\x1a\n" or size != ((400, 400) if tag == "confusion matrix" else (28, 28)):
            fail(f"{tag} is a picture of {size}")

    graph = s.raw("graphs/graph", run=name, conceptual="false").decode()
    for word in ('op: "Gemm"', 'op: "Placeholder"', 'op: "VariableV2"', 'input: "logits.weight"'):
        if word not in graph:
            fail(f"the graph lacks {word}")

    columns = s.get("hparams/experiment", {"experimentName": "", "hparamsLimit": 0})
    have = {h["name"] for h in columns.get("hparamInfos", [])}
    if not set(settings) <= have:
        fail(f"hyperparameters are {sorted(have)}")
    groups = s.get("hparams/session_groups", {
        "experimentName": "", "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"],
        "colParams": [], "startIndex": 0, "sliceSize": 10})["sessionGroups"]
    values = groups[0]["hparams"] if groups else {}
    for key, value in settings.items():
        if str(values.get(key)) not in (value, f"{value}.0"):
            fail(f"hyperparameter {key} is {values.get(key)}, not {value}")
    best = [m["value"] for m in groups[0]["metricValues"] if m["name"]["tag"] == "epoch/val_top1"] if groups else []
    if not best or abs(best[0] - tags["epoch/val_top1"][-1][1]) > 1e-6:
        fail(f"the hyperparameters' page shows {best}")


for fast in ("true", "false"):
    server = Server(fast)
    try:
        check(server, fast)
    finally:
        server.process.terminate()
        server.process.wait()
print("\n".join(bad) if bad else "ALL GOOD")
sys.exit(bool(bad))
