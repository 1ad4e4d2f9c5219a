#!/usr/bin/env bash
# stria show and stria compare: pictures as files, what they say, what they refuse. The numbers are tests/golden_show.c's.
. "${SOURCE:-.}/tests/cli.sh"
model=$(cd "$SOURCE" && pwd)/tests/golden/show.onnx picture=$(cd "$SOURCE" && pwd)/tests/golden/show.ppm

for kind in features gradcam gradcam++ saliency smoothgrad integrated occlusion; do
    expect 0 show "$model" "$kind" --image "$picture" --out "$kind.ppm" --json
    says stdout "\"kind\":\"$kind\""
    head -n 1 "$kind.ppm" | grep -qx P6 || fail "$kind.ppm is not a picture"
done
[ "$(sed -n 2p saliency.ppm)" = '252 252' ] || fail "saliency.ppm has $(sed -n 2p saliency.ppm) pixels"
expect 0 show "$model" filters --out filters.ppm
says stdout 'filters.ppm: filters, layer w1'
expect 0 show "$model" features --image "$picture" --layer conv2 --out f.npy --json
says stdout '"shape":[1,6,4,4]'
expect 0 show "$model" gradcam --image "$picture" --class 3 -o c.ppm
says stdout 'c.ppm: gradcam for class 3, 3 ('
expect 0 show "$model" smoothgrad --image "$picture" --noise 0 --samples 3 --out a.npy
expect 0 show "$model" saliency --image "$picture" --out b.npy
cmp -s a.npy b.npy || fail "smoothgrad without noise is not saliency"
expect 0 show "$model" smoothgrad --image "$picture" --out a.npy
expect 0 show "$model" smoothgrad --image "$picture" --out b.npy --threads 1
cmp -s a.npy b.npy || fail "smoothgrad differs from run to run"

refused 2 "show: there is no kind 'gradcm'; did you mean 'gradcam'?" show "$model" gradcm --image "$picture" -o x.ppm
refused 2 "show: --image IMAGE is missing; usage: stria show MODEL saliency --image IMAGE --out OUT" show "$model" saliency -o x.ppm
refused 2 "show: --out OUT is missing; usage: stria show MODEL filters --out OUT" show "$model" filters
expect 2 show "$model" gradcam --image "$picture" --layer covn2 -o x.ppm
says stderr "--layer: the model has no layer 'covn2'; did you mean 'conv2'?"
expect 2 show "$model" gradcam --image "$picture" --class 5 -o x.ppm
says stderr "--class: 5 is out of range, the model has classes 0 to 4"
expect 1 show "$model" gradcam --image "$picture" --layer dense -o x.ppm
says stderr "layer 'y' has 2 dimensions, Grad-CAM needs [1, channels, height, width]"
refused 2 "--layer: 'relu1' (Relu) has no filters; convolutions have" show "$model" filters --layer relu1 -o x.ppm
expect 1 show "$model" saliency --image nothere.png -o x.ppm
[ ! -e x.ppm ] || fail "half a picture was written"

digits data
expect 0 train linear --data mnist:data --epochs 3 --batch 20 --out runs/a
expect 0 train linear --data mnist:data --epochs 2 --batch 20 --lr 0.01 --optimizer adam --out 'runs/<b>'
expect 0 compare runs/a 'runs/<b>'
says stdout adam
expect 0 compare runs/a 'runs/<b>' -o c.svg --json
jq -e --slurpfile m <(jq -s '[.[] | select(.kind == "epoch") | .val_top1]' runs/a/metrics.jsonl) \
    '.runs[0].best_val_top1 - ($m[0] | max) | fabs < 1e-9' stdout >/dev/null || fail "compare has another best accuracy"
jq -e '.runs[1].steps == 54 and .runs[1].lr == "0.01" and .file == "c.svg"' stdout >/dev/null || fail "compare --json: $(cat stdout)"
grep -q '<b>' c.svg && fail "a run's name became an element"
[ "$(grep -c 'class="curve k1" d=' c.svg)" -eq 4 ] || fail "the second run has not four curves"
for word in 'Compared runs' 'Training loss' 'Validation accuracy' 'Learning rate' '&lt;b&gt;'; do says c.svg "$word"; done
expect 0 compare runs/a -o zh.svg --lang zh --log
says zh.svg 训练对比
# Names that differ late, or in a folder above, are told apart; no character is cut in two.
long=$(printf '猫%.0s' $(seq 1 30))
for name in "x/$long-1" "x/$long-2" y/run z/run; do mkdir -p "runs/$name" && cp runs/a/*.* "runs/$name"; done
expect 0 compare "runs/x/$long-1/" "runs/x/$long-2" runs/y/run runs/z/run -o names.svg
for name in "$long-1" "$long-2" y/run z/run; do
    says stdout "$name "
    says names.svg "$name"
done
for name in '猫-1' '猫-2'; do grep -q ">猫*….*$name<" names.svg || fail "names.svg shows no ${name}"; done
if grep -q $'\xef\xbf\xbd' names.svg; then fail "a character is cut in two"; fi

expect 1 compare runs/a nowhere -o x.svg
[ ! -e x.svg ] || fail "half a comparison was written"
refused 2 "compare: 'x.png' does not end in .svg" compare runs/a -o x.png
finish
