#!/usr/bin/env bash
# bench/inference.py and bench/network, which time Stria beside its peers: figures of a run without any peer, ratios and means of
# given figures, a page and a picture of them, what is wrong with arguments.
. "${SOURCE:-.}/tests/cli.sh"
command -v python3 >/dev/null || { echo "skipped: python3 is not there"; exit 77; }
network=$(dirname "$STRIA")/bench/network
[ -x "$network" ] || { echo "skipped: bench/network is not built"; exit 77; }

"$network" lenet5 2 1 0.01 >stdout || fail "network exits with $?"
jq -e '.min_ms > 0 and .med_ms >= .min_ms and .cpu_ms >= .cpu_min_ms and .runs >= 5' stdout >/dev/null || fail "network prints $(cat stdout)"
"$network" nosuch >stdout 2>stderr && fail "network runs what there is not"
says stderr nosuch

script=$(cd "${SOURCE:-$OLDPWD}" && pwd)/bench/inference.py
python3 "$script" "$(dirname "$STRIA")" --only nosuch,lenet5 --out out >stdout 2>stderr
[ $? -eq 2 ] || fail "an unknown network is no wrong argument"
says stderr 'there is no nosuch'
python3 "$script" "$(dirname "$STRIA")" --peers tract --out out >stdout 2>stderr
[ $? -eq 2 ] || fail "an unknown peer is no wrong argument"

python3 - "$(dirname "$script")" <<'PYTHON' || fail "figures, page or picture are wrong"
import sys, xml.dom.minidom
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import inference
rows = [{"network": "lenet5", "batch": 1, "threads": 1, "ms": {"stria": [1, 0.5], "onnxruntime": [2, 2], "mnn": [4, 1]}},
        {"network": "vgg16", "batch": 8, "threads": 1, "ms": {"stria": [8, 8], "openvino": [4, 4]}},
        {"network": "vgg16", "batch": 1, "threads": 1, "ms": {"stria": [8, 8]}}]
early, late = ({"date": d, "commit": c, "realtime": r, "versions": {"mnn": "3"}} for d, c, r in (("2026-01-01", "aaa", False), ("2026-01-02", "bbb", True)))
for row, taken in zip(rows, (early, late, late)):
    row |= {"taken": taken, "load": 0.5}
assert inference.ratio(rows[0], 0) == 2 and inference.ratio(rows[0], 1) == 2 and inference.ratio(rows[1], 0) == 0.5
assert inference.ratio(rows[2], 0) is None
machine = {"cpu": "A CPU", "isa": "avx2", "cpus": 2, "peak_gflops": 100}
text = inference.page(rows, machine)
assert "geometric mean 1.00 / 1.00" in text, text
assert "| lenet5, 1 | 1 / 0.5 | 2 / 2 | – | 4 / 1 | – | 1, 0.5 | 2.00 / 2.00 |" in text, text
assert "2. 2026-01-02, Stria bbb, at real-time priority; MNN 3" in text, text
picture = xml.dom.minidom.parseString(inference.picture(rows, 1))
bars = [r for r in picture.getElementsByTagName("rect") if r.getAttribute("height") == "14"]
assert len(bars) == 2 and bars[0].getAttribute("width") == bars[1].getAttribute("width")
assert {c for c, _ in inference.CASES} == set(inference.networks.NETWORKS)
PYTHON
exit $((failed > 0))
