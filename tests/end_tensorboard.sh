#!/usr/bin/env bash
# RUN/tensorboard as the tensorboard package of PyPI reads it, with both of its loaders: what a training wrote while it ran,
# what stria report writes again, and a run that was killed and went on. PYTHON names a Python that has the package; without
# one, it is installed into the build folder, where there is a network.
. "${SOURCE:-.}/tests/cli.sh"
source=$(cd "$SOURCE" && pwd)
has() { "$1" -c 'import tensorboard.main' >/dev/null 2>&1; }
python=
kept=$(dirname "$STRIA")/tensorboard-python
for candidate in "${PYTHON:-python3}" "$kept/bin/python"; do
    if has "$candidate"; then python=$candidate && break; fi
done
if [ -z "$python" ] && python3 -m venv "$kept" >/dev/null 2>&1; then
    timeout 240 "$kept/bin/pip" install -q --retries 1 --timeout 10 tensorboard >/dev/null 2>&1
    if has "$kept/bin/python"; then python=$kept/bin/python; else rm -rf "$kept"; fi
fi
if [ -z "$python" ]; then
    echo "skipped: the Python package tensorboard is neither there nor to be installed"
    exit 77
fi
digits data
export CUDA_VISIBLE_DEVICES= TF_CPP_MIN_LOG_LEVEL=3
read_back() { "$python" "$source/tests/end_tensorboard.py" "$@" >read 2>&1 || { fail "$*:"; tail -n 20 read; }; }

expect 0 train linear --data mnist:data --epochs 3 --batch 20 --lr 0.25 --out runs/a --tensorboard
read_back runs a lr=0.25 batch=20 optimizer=sgd:momentum=0.9

# Killed between two checkpoints and gone on with: no step is there twice or missing.
"$STRIA" train linear --data mnist:data --epochs 60000 --batch 20 --lr 0.25 --out killed/a --tensorboard >/dev/null 2>&1 &
pid=$!
for _ in $(seq 1 300); do [ -s killed/a/metrics.jsonl ] && [ "$(grep -c '"epoch", ' killed/a/metrics.jsonl)" -gt 40 ] && break; sleep 0.1; done
kill -KILL $pid
wait $pid 2>/dev/null
epoch=$(grep -ao '"epoch":"[0-9]*"' killed/a/checkpoint.safetensors | grep -o '[0-9]*')
"$STRIA" train --resume killed/a >/dev/null 2>&1 &
pid=$!
for _ in $(seq 1 300); do grep -q "\"kind\": \"epoch\".*\"epoch\": $((epoch + 3))," killed/a/metrics.jsonl && break; sleep 0.1; done
kill -TERM $pid
wait $pid
[ "$(ls killed/a/tensorboard | wc -l)" -eq 2 ] || fail "there are $(ls killed/a/tensorboard | wc -l) files of a run that went on once"
cat >steps.py <<'PYTHON'
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
read = EventAccumulator("killed/a/tensorboard", size_guidance={"scalars": 0, "tensors": 0})
read.Reload()
lines = [json.loads(l) for l in open("killed/a/metrics.jsonl")]
for kind in "step", "epoch":
    want = [(l["step"], l["loss"]) for l in lines if l["kind"] == kind]
    got = [(e.step, e.value) for e in read.Scalars(kind + "/loss")]
    if [g[0] for g in got] != [w[0] for w in want] or any(abs(g[1] - w[1]) > 1e-6 for g, w in zip(got, want)):
        sys.exit(f"{kind}: {len(got)} points, the log has {len(want)}")
PYTHON
"$python" steps.py >read 2>&1 || { fail "a run that went on"; tail -n 5 read; }

# Again, from the log; the old files go.
cp -r runs again
expect 0 report again/a --tensorboard --json
says stdout '"tensorboard":"again/a/tensorboard/events.out.tfevents.'
[ "$(ls again/a/tensorboard | wc -l)" -eq 1 ] || fail "the old event files stay"
finish
