#!/usr/bin/env bash
# stria show and stria compare: pictures as files, what they say, what they refuse. The numbers are tests/golden_show.c's.
. "${SOURCE:-.}/tests/cli.sh"
model=$(cd "$SOURCE" && pwd)/tests/golden/show.onnx picture=$(cd "$SOURCE" && pwd)/tests/golden/show.ppm

for kind in features gradcam gradcam++ saliency smoothgrad guided integrated occlusion; do
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
refused 2 "show: 'x.svg' does not end in .png, .ppm, .pgm, .pnm or, for the numbers, .npy" show "$model" filters -o x.svg
expect 2 show "$model" gradcam --image "$picture" --layer covn2 -o x.ppm
says stderr "--layer: the model has no layer 'covn2'; did you mean 'conv2'?"
expect 2 show "$model" gradcam --image "$picture" --class 5 -o x.ppm
says stderr "--class: 5 is out of range, the model has classes 0 to 4"
expect 1 show "$model" gradcam --image "$picture" --layer dense -o x.ppm
says stderr "layer 'y' has 2 dimensions, Grad-CAM needs [1, channels, height, width]"
refused 2 "--layer: 'relu1' (Relu) has no filters; convolutions have" show "$model" filters --layer relu1 -o x.ppm
expect 1 show "$model" saliency --image nothere.png -o x.ppm
[ ! -e x.ppm ] || fail "half a picture was written"

# Guided backpropagation of a network without a ReLU would be its gradient under another name.
printf 'stria-net 1\nx = input(batch x 3 x 8 x 8)\nc = tanh(conv(x, 2, kernel=3))\ny = dense(c, 2)\noutput(y)\n' >smooth.net
expect 1 show smooth.net guided --image "$picture" --out x.npy
[ ! -e x.npy ] || fail "guided backpropagation without a ReLU was written"

# A binary model has one score: what speaks for class 1 speaks against class 0.
printf 'stria-net 1\nx = input(batch x 3 x 8 x 8)\nc = conv(x, 2, kernel=3)\no = dense(c, 1)\ny = Sigmoid(o)\noutput(y)\n' >one.net
values() { od -An -tf4 -v -w4 -j128 "$1" | awk -v s="$2" '{ printf "%.6g\n", s * $1 }' | sed 's/^-0$/0/'; }
for kind in integrated occlusion; do
    for class in 0 1; do expect 0 show one.net $kind --image "$picture" --class $class --out "$kind$class.npy"; done
    [ "$(values ${kind}0.npy -1)" = "$(values ${kind}1.npy 1)" ] || fail "$kind: class 0 is not against class 1"
    values ${kind}1.npy 1 | grep -qv '^0$' || fail "$kind of a binary model is blank"
done

digits data

# A dream rises; a picture that a class likes is that class; the numbers are the model's input.
expect 0 train linear --data mnist:data --epochs 3 --batch 20 --out runs/likes
expect 0 show runs/likes activation-max --class 4 -o four.ppm --json
jq -e '.kind == "activation-max" and .after > .before and .shape == [1, 1, 28, 28]' stdout >/dev/null || fail "activation-max: $(cat stdout)"
expect 0 predict runs/likes four.ppm --json
jq -e '.[0].predictions[0] | .class == 4 and .probability > 0.5' stdout >/dev/null || fail "four.ppm is no four: $(cat stdout)"
expect 0 show "$model" activation-max --layer conv2 --channel 5 --steps 20 -o c.npy
says stdout 'c.npy: activation-max, layer c2, '
expect 0 show "$model" deepdream --image "$picture" --layer conv2 --steps 20 -o dream.ppm --json
jq -e '.after > 2 * .before and .layer == "c2"' stdout >/dev/null || fail "deepdream: $(cat stdout)"
expect 0 show "$model" deepdream --image "$picture" --layer conv2 --steps 0 -o still.ppm
cmp -s dream.ppm still.ppm && fail "a dream changes nothing"
expect 2 show "$model" activation-max --layer conv2 --channel 6 -o x.ppm
says stderr "channel 6 is out of range, there are 0 to 5"
refused 2 "activation-max needs --class N, or --layer NAME --channel N" show "$model" activation-max -o x.ppm

# In the terminal: half blocks of the picture that the file has.
expect 0 show "$model" deepdream --image "$picture" --steps 0 --terminal --protocol blocks -o same.ppm
rgb=$(tail -c $((252 * 252 * 3)) same.ppm | head -c 3 | od -An -tu1 | sed 's/^ *//; s/  */;/g')
[ "$(grep -c '▀' stdout)" -eq 40 ] || fail "the terminal has $(grep -c '▀' stdout) rows of blocks"
# 80 columns of 252 pixels: the first is a mean of three by three
tail -c $((252 * 252 * 3)) same.ppm | od -An -v -tu1 -w756 | head -n 3 | awk '{ for (i = 1; i <= 9; i++) sum[i % 3] += $i } END {
    printf "\033[38;2;%d;%d;%dm", int(sum[1] / 9 + 0.5), int(sum[2] / 9 + 0.5), int(sum[0] / 9 + 0.5) }' >first
head -c "$(wc -c <first)" stdout | cmp -s - first || fail "the first block is not $(cat -v first), the file begins with $rgb"
for protocol in kitty:'_Ga=T,f=100' sixel:'P0;1;0q'; do
    expect 0 show "$model" gradcam --image "$picture" --terminal --protocol "${protocol%%:*}"
    says stdout "${protocol#*:}"
done
refused 2 "show: --terminal and --json both write to standard output; give one of the two" show "$model" filters --terminal --json

# Where the images are put: a point each, classes apart; numbers of both methods.
expect 0 show runs/likes embedding --layer logits -o points.svg --limit 50
says stdout 'points.svg: layer logits, principal components of 50 images, 10 numbers each: '
[ "$(grep -c 'class="mark' points.svg)" -eq 60 ] || fail "points.svg has $(grep -c 'class="mark' points.svg) marks, not 50 and 10 of the legend"
grep -q '<title>3: mnist:data/test/3</title>' points.svg || grep -q '<title>3: .*/3</title>' points.svg || fail "points.svg does not name an image"
expect 0 show runs/likes embedding --layer logits --method tsne --perplexity 5 --limit 50 -o points.npy --json
jq -e '.method == "tsne" and .images == 50 and .numbers == 10 and .divergence >= 0 and .layer == "logits"' stdout >/dev/null || fail "embedding --json: $(cat stdout)"
[ "$(tail -c $((50 * 2 * 8)) points.npy | wc -c)" -eq 800 ] && head -c 128 points.npy | grep -aq "'shape': (50, 2)" || fail "points.npy has other points"
refused 2 "--perplexity: 49 is out of range 1 to 48, the other images" show runs/likes embedding --method tsne --perplexity 49 --limit 50 -o x.svg
refused 2 "show: 'x.png' does not end in .svg or .npy, the formats of embeddings" show runs/likes embedding -o x.png
expect 2 show runs/likes embedding --layer nothere -o x.svg
[ ! -e x.svg ] || fail "half an embedding was written"

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
