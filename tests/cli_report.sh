#!/usr/bin/env bash
# report.html: what a training writes by itself and stria report again; broken, half-written and running runs; hostile names;
# a million steps.
. "${SOURCE:-.}/tests/cli.sh"
digits data

expect 0 train linear --data mnist:data --epochs 3 --batch 20 --seed 7 --out runs/a
says stdout runs/a/report.html
page=runs/a/report.html
for word in '<!DOCTYPE html>' 'data-state="complete"' '<title>runs/a · Training report</title>' \
    'stria train linear --data mnist:data --epochs 3 --batch 20 --seed 7 --out runs/a' '<dt>seed</dt><dd>7</dd>' \
    'epochs 3, batch 20' '<dt>data</dt><dd>mnist:data</dd>' 'evaluated on mnist:data, test, 100 images' \
    '<dt>training images</dt><dd>550</dd>' '>Gemm<' '<b>3 / 3</b>' '<b>81</b>'; do says "$page" "$word"; done
checksum=$(grep -ao '"data.checksum":"[0-9a-f]*"' runs/a/checkpoint.safetensors | cut -d'"' -f4)
says "$page" "<code>$checksum</code>"

# The figures are those that eval gives: accuracy, every cell of the matrix, the classes' bars, the worst mistake.
expect 0 eval runs/a --json
cp stdout eval.json
jq -r '.top1 * 10000 | round | . / 100' eval.json >top1
grep -qE "<b>$(awk '{ printf "%.2f", $1 }' top1) %</b><span>accuracy" "$page" || fail "the accuracy is not $(cat top1) %"
jq -r '.classes as $c | .confusion | to_entries[] | .key as $r | .value | to_entries[] |
    "<title>\($c[$r].name) → \($c[.key].name): \(.value) ("' eval.json >cells
[ "$(wc -l <cells)" -eq 100 ] || fail "eval gives $(wc -l <cells) cells"
while read -r cell; do grep -qF -- "$cell" "$page" || { fail "the matrix lacks $cell"; break; }; done <cells
jq -r '.classes[] | "\(.name) \(.precision * 10000 | round / 100) \(.recall * 10000 | round / 100)"' eval.json |
    while read -r name precision recall; do
        grep -qF "<title>$name, precision: $(printf %.2f "$precision") %</title>" "$page" &&
            grep -qF "<title>$name, recall: $(printf %.2f "$recall") %</title>" "$page" || echo "$name"
    done >missing
[ ! -s missing ] || fail "bars are missing: $(tr '\n' ' ' <missing)"
[ "$(grep -c '<img alt="mnist/test/' "$page")" -ge 12 ] || fail "there are no pictures"

# Training pictures as the training saw them: twelve, spread over the data; a report that is written again has the same ones.
sheet() { grep -o '<img alt="mnist/train/[0-9]*" src="[^"]*"' "$1"; }
[ "$(sheet "$page" | wc -l)" -eq 12 ] || fail "there are $(sheet "$page" | wc -l) training pictures"
sheet "$page" | cut -d'"' -f2 | head -n 3 | tr '\n' ' ' | grep -qx 'mnist/train/0 mnist/train/45 mnist/train/91 ' || fail "other pictures are shown: $(sheet "$page" | cut -d'"' -f2)"
expect 0 train linear --data mnist:data --epochs 1 --batch 20 --seed 7 --augment 'crop pad 4' --out runs/moved
says runs/moved/report.html 'changed at random: <code>crop pad 4</code>'
[ "$(sheet runs/moved/report.html | sort - <(sheet "$page") | uniq -d | wc -l)" -lt 12 ] || fail "no picture is changed"
sheet runs/moved/report.html >before
expect 0 report runs/moved
sheet runs/moved/report.html | cmp -s - before || fail "the report that is written again has other training pictures"

# Nothing outside is asked for, and nothing but one script runs.
if grep -oE '(src|href|action|data)="[^"]*"|url\(|@import|https?:' "$page" | grep -vE '^(src="data:image/png;base64,|href="#)' | grep -q .; then fail "the page has outside links"; fi
[ "$(grep -o '<script' "$page" | wc -l)" -eq 1 ] || fail "the page has not one script"

# The validation accuracies can be read back from the curve.
jq -r 'select(.kind == "epoch") | .val_top1' runs/a/metrics.jsonl >wanted
grep -oE '<title>validation, [0-9]+: [0-9.]+ %' "$page" | sed 's/.*: //; s/ %//' >drawn
paste wanted drawn | awk '{ if ($1 * 100 - $2 > 0.006 || $2 - $1 * 100 > 0.006) bad = 1 } END { exit bad || NR != 3 }' ||
    { fail "the curve says otherwise:"; paste wanted drawn; }

# Again, in Chinese, elsewhere, as JSON; without an evaluation.
expect 0 report runs/a --lang zh --out zh.html --json
says stdout '"state":"complete"'
says stdout '"images":100'
jq -e --slurpfile e eval.json '.reports[0].top1 == $e[0].top1' stdout >/dev/null || fail "report --json has another top1"
for word in '<html lang="zh">' 混淆矩阵 如何复现 准确率; do says zh.html "$word"; done
expect 0 report runs/a --no-eval -o short.html
grep -q 'id="evaluation"' short.html && fail "--no-eval evaluates"
says short.html '<h2 id="curves">'

# A longer run names both commands.
expect 0 train --resume runs/a --epochs 4
says "$page" '<dt>continued with</dt><dd><code>stria train --resume runs/a --epochs 4</code>'
says "$page" '<b>4 / 4</b>'

# Interrupted: the page says so, and how far it came. A log that is cut off, and lines that are no lines.
cp -r runs/a runs/cut
head -c 700 runs/a/metrics.jsonl >runs/cut/metrics.jsonl
expect 0 report runs/cut --no-eval
says runs/cut/report.html "<b>$(head -c 700 runs/a/metrics.jsonl | grep -c '}$')</b><span>steps"
printf 'no JSON\n{"kind": "step", "step": 99}\n' >>runs/cut/metrics.jsonl
expect 0 report runs/cut --no-eval
says runs/cut/report.html "1 lines of metrics.jsonl could not be read"
rm runs/cut/metrics.jsonl runs/cut/model.onnx runs/cut/run.json
expect 0 report runs/cut
says runs/cut/report.html "No metrics yet"
rm runs/cut/report.html
head -c 3000 runs/a/checkpoint.safetensors >runs/cut/checkpoint.safetensors
expect 1 report runs/cut
[ "$(wc -l <stderr)" -eq 1 ] || fail "a damaged run is told in $(wc -l <stderr) lines"
[ ! -e runs/cut/report.html ] || fail "a damaged run has a report"
expect 1 report nowhere
[ "$(wc -l <stderr)" -eq 1 ] || fail "no run is told in $(wc -l <stderr) lines"
refused 2 "report: --out names one file, but 2 runs are given; each writes its own report.html without it" report a b --out x
expect 1 report runs/a --no-eval --out none/x.html
expect 1 report runs/a nowhere --no-eval
says stdout runs/a/report.html

# Running: the page is there and says so; it is refreshed; killed, the verb tells the truth.
"$STRIA" train lenet --data mnist:data --epochs 100000 --batch 20 --out runs/long >/dev/null 2>&1 &
pid=$!
for _ in $(seq 1 300); do [ -s runs/long/report.html ] && break; sleep 0.1; done
says runs/long/report.html 'data-state="running"'
expect 0 report runs/long --out now.html --json
says stdout '"state":"running"'
says stdout '"images":null'
kill -KILL $pid
wait $pid 2>/dev/null
expect 0 report runs/long --no-eval
says runs/long/report.html 'data-state="stopped"'
"$STRIA" train --resume runs/long >/dev/null 2>&1 &
pid=$!
sleep 1
kill -TERM $pid
wait $pid
says runs/long/report.html 'data-state="stopped"'

# A folder that cannot take the report does not stop the training.
expect 0 train linear --data mnist:data --epochs 1 --batch 20 --out runs/taken
cp -r runs/taken other
rm other/report.html && mkdir other/report.html
expect 0 train --resume other --epochs 2
says stderr "stria: no report: "
[ "$(grep -c 'no report' stderr)" -eq 1 ] || fail "that there is no report is said $(grep -c 'no report' stderr) times"

# Names of classes, files and folders stay text.
evil='<script>alert("1")<⁄script>&'
for part in train val test; do
    for class in "$evil" $'a\033[31mred'; do
        mkdir -p "bad/$part/$class"
        for i in 1 2 3 4 5 6 7 8; do
            { printf 'P5\n8 8\n255\n'; head -c 64 /dev/zero | tr '\0' "\\$((i % 2))77"; } >"bad/$part/$class/<img src=x onerror=alert($i)>.pgm"
        done
    done
done
expect 0 train linear:size=1x8x8,classes=2 --data folder:bad --epochs 1 --batch 4 --out 'runs/<b>'
page='runs/<b>/report.html'
[ "$(grep -o '<script' "$page" | wc -l)" -eq 1 ] || fail "a class's name became a script"
if grep -q '<img src=x' "$page"; then fail "a file's name became an element"; fi
if grep -q $'\033' "$page"; then fail "an escape sequence is in the page"; fi
says "$page" '&lt;script&gt;alert(&quot;1&quot;)'
says "$page" 'runs/&lt;b&gt; · Training report'

# A million steps: little time (of the processor: others may use the machine), little space.
cp -r runs/a runs/big
awk 'BEGIN { for (n = 1; n <= 1000000; n++) {
    printf "{\"kind\": \"step\", \"step\": %d, \"epoch\": %d, \"loss\": %.9g, \"lr\": %.9g, \"seconds\": %.9g}\n",
        n, (n - 1) / 10000 + 1, n == 654321 ? 77 : 2.3 / (1 + n * 1e-4), 0.2 * (1 - n / 1e6), n * 0.01
    if (n % 10000 == 0) printf "{\"kind\": \"epoch\", \"step\": %d, \"epoch\": %d, \"loss\": 1, \"lr\": 0.1, \"top1\": %g, " \
        "\"val_loss\": 1, \"val_top1\": 0.5, \"seconds\": %g}\n", n, n / 10000, n / 2e6, n * 0.01 } }' >runs/big/metrics.jsonl
TIMEFORMAT='%U %S'
expect 0 report runs/big --no-eval
{ time "$STRIA" report runs/big --no-eval >/dev/null; } 2>times
awk '{ exit !($1 + $2 <= 0.5) }' times || { case ${BUILD:-} in *asan* | *tsan* | *ubsan*) ;; *) fail "a million steps take $(cat times) s" ;; esac; }
[ "$(wc -c <runs/big/report.html)" -le 2000000 ] || fail "a million steps make $(wc -c <runs/big/report.html) bytes"
says runs/big/report.html '<b>1M</b><span>steps'
says runs/big/report.html '>80</text>' # the peak of 77 is on the axis

# A thousand classes with long names stay a page that can be mailed.
name=$(printf 'a name of about a hundred bytes, like those of a collection of plants %.0s' 1)
mkdir -p wide/{train,val,test}
(cd wide && for part in train val test; do seq -f "$part/%g $name" 1 1000; done | tr '\n' '\0' | xargs -0 mkdir)
i=0
for class in wide/*/*; do
    i=$((i + 1))
    for k in 1 2; do printf 'P2 3 3 255 %d %d %d %d %d %d %d %d %d\n' $((i % 256)) $((i / 4 % 256)) $k 1 9 $((i % 7)) 5 6 7 >"$class/$k.pgm"; done
done
expect 0 train linear:size=1x3x3,classes=1000 --data folder:wide --epochs 1 --batch 100 --out runs/wide
[ "$(wc -c <runs/wide/report.html)" -le 2000000 ] || fail "a thousand classes make $(wc -c <runs/wide/report.html) bytes"
[ "$(grep -c '<tr><td>[0-9]* a name' runs/wide/report.html)" -ge 1000 ] || fail "the table of classes is not whole"
finish
