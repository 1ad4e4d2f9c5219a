#!/usr/bin/env bash
# stria bench: the trace is in Chrome's format and says what --json says; the page's figures are those of --json; two files
# are compared; hostile names, broken files.
. "${SOURCE:-.}/tests/cli.sh"
expect 0 bench lenet5 --batch 4 --repeat 3 --threads 1 --json --trace trace.json --html page.html
cp stdout bench.json
jq -e '.bandwidth_gbs > 0 and .peak_gflops > 0 and (.layers | length) > 6' bench.json >/dev/null || fail "--json lacks the machine"
# conv1: 4 images of 6×28×28 results, each of 25 products; read 4·784 and 6·25 + 6 numbers, written 4·4704
jq -e '.layers[] | select(.name == "conv1") | .multiply_adds == 4 * 6 * 784 * 25 and .bytes == 4 * (4 * 784 + 156 + 4 * 4704)' bench.json >/dev/null ||
    fail "conv1 counts otherwise: $(jq -c '.layers[] | select(.name == "conv1")' bench.json)"

# The format: an array of events; complete ones have numbers in microseconds, layers lie within their run and do not overlap.
jq -e --slurpfile b bench.json '
    (.traceEvents | type) == "array" and .displayTimeUnit == "ms" and
    all(.traceEvents[]; (.name | type) == "string" and (.ph == "X" or .ph == "M") and (.pid | type) == "number" and (.tid | type) == "number") and
    all(.traceEvents[] | select(.ph == "X"); (.ts | type) == "number" and (.dur | type) == "number" and .ts >= 0 and .dur >= 0) and
    any(.traceEvents[]; .ph == "M" and .name == "process_name" and .args.name == "lenet5") and
    ([.traceEvents[] | select(.cat == "run")] | length) == 3 and
    ([.traceEvents[] | select(.ph == "X")] | length) == 3 * (1 + ($b[0].layers | length))' trace.json >/dev/null || fail "the trace is not in the format"
jq -e '[.traceEvents[] | select(.ph == "X")] | reduce .[] as $e ({good: true, end: 0, run: 0};
    if $e.cat == "run" then .good = (.good and $e.ts >= .run - 0.0005) | .end = $e.ts | .run = $e.ts + $e.dur
    else .good = (.good and $e.ts >= .end - 0.0005 and $e.ts + $e.dur <= .run + 0.0005) | .end = $e.ts + $e.dur end) | .good' trace.json >/dev/null ||
    fail "layers are not within their runs"
# The median of a layer's three pieces is that of --json.
jq -e --slurpfile b bench.json '[.traceEvents[] | select(.name == "conv2" and .ph == "X") | .dur] | (sort | .[1] / 1000) as $ms |
    $b[0].layers[] | select(.name == "conv2") | ((.median_ms - $ms) | fabs) < 1e-5' trace.json >/dev/null || fail "conv2 takes another time in the trace"

# The page: figures of --json, a dot for each layer with multiply-adds, the kernels, no script, no outside links.
for word in '<!DOCTYPE html>' 'inference · batch 4' direct_ '>conv1<' '>Conv+Sigmoid<' 'measured bandwidth'; do says page.html "$word"; done
jq -r '.layers[] | select(.gflops > 0) | [.name, (.median_ms | . * 10000 | round), .gflops] | @tsv' bench.json | while IFS=$'\t' read -r name ms _; do
    ms=$(printf '%d.%04d' $((ms / 10000)) $((ms % 10000)))
    grep -q "<td>$name</td>.*<td class=\"n\">$ms</td>" page.html || echo "$name is not there with $ms ms"
    grep -q "<title>$name: [0-9.e+-]* GFLOP/s" page.html || echo "$name has no dot"
done >missing
[ ! -s missing ] || { fail "the page lacks:"; head -n 3 missing; }
[ "$(grep -c '<circle class="dot' page.html)" -eq "$(jq '[.layers[] | select(.gflops > 0)] | length' bench.json)" ] || fail "dots are too many"
if grep -q '<script\|https\?:' page.html; then fail "the page asks for something"; fi
expect 0 bench lenet5 --train --batch 2 --repeat 1 --html zh.html --lang zh
for word in 'lang="zh"' 计时 屋顶线模型 Momentum; do says zh.html "$word"; done

# Two files: what lost most comes first; layers of one name go in pairs; what is in one file only is told.
layer() { printf '{"name":"%s","operator":"%s","implementation":"%s","median_ms":%s}' "$@"; }
printf '{"median_ms":10,"layers":[%s,%s,%s,%s]}' "$(layer a Conv direct 4)" "$(layer same Relu vector 1)" "$(layer same Relu vector 2)" "$(layer gone Add vector 3)" >A.json
printf '{"median_ms":12.5,"layers":[%s,%s,%s,%s]}' "$(layer new Add vector 0.5)" "$(layer same Relu vector 1)" "$(layer same Relu vector 3)" "$(layer a Conv gemm 8)" >B.json
expect 0 bench --compare A.json B.json
says stdout 'all layers: 10.0000 ms before, 12.5000 ms after: 1.25 times slower'
sed -n 2p stdout | grep -q '^a  *Conv  *4.0000  *8.0000  *+4.0000  *2.00×  *direct → gemm' || fail "a is not first: $(sed -n 2p stdout)"
tail -n 3 stdout | head -n 1 | grep -q '^gone  *Add  *3.0000  *-3.0000' || fail "gone is not last: $(cat stdout)"
expect 0 bench --compare A.json B.json --json
jq -e '.after_ms == 12.5 and [.layers[].name] == ["a", "same", "new", "same", "gone"] and .layers[0].ratio == 2 and .layers[1].difference_ms == 1 and
    .layers[2].before_ms == null and .layers[4].after_ms == null' stdout >/dev/null || fail "--compare --json: $(cat stdout)"
printf '{"median_ms":1,"layers":[7,null,{"name":3},%s]}' "$(layer '\u001b[31mx' Conv direct 1)" >odd.json
expect 0 bench --compare odd.json odd.json
if grep -q $'\033' stdout; then fail "a name drives the terminal"; fi
echo '{"median_ms": 1}' >half.json
echo '{"median_ms":' >cut.json
refused 1 "'half.json' is not a file of stria bench --json: it lacks layers" bench --compare A.json half.json
refused 1 "cannot open 'none.json'" bench --compare none.json B.json
expect 1 bench --compare cut.json B.json
says stderr "'cut.json' is not JSON: line"
refused 2 "bench: --compare takes two files of stria bench --json, but 1 is given" bench --compare A.json
refused 2 "bench: one MODEL is timed, but 2 are given; --compare takes two files" bench A.json B.json
expect 1 bench linear --repeat 1 --trace none/t.json
expect 1 bench linear --repeat 1 --html none/t.html
finish
