#!/usr/bin/env bash
# predict, eval and train of models from elsewhere: what an output holds, one number for two classes, a probability for
# each class, untrained weights, pictures that cannot be read, files by name.
. "${SOURCE:-.}/tests/cli.sh"
untrained="stria: warning: the model is untrained: its weights are random numbers, and so are its results"
pixels="stria: warning: the model does not say how pixels become its input, so they are divided by 255"

net() { # net FILE LINES: a network of a 2×2 picture; f are its four pixels
    printf 'stria-net 1\nx = input(batch x 1 x 2 x 2)\nf = flatten(x)\n%s\noutput(y)\n' "$2" >"$1"
}
picture() { # picture FILE BYTES
    { printf 'P5\n2 2\n255\n'; printf '%b' "$2"; } >"$1"
}
picture p.pgm '\001\002\003\004'
shown() { # shown MODEL PROBABILITY CLASS [OPTION…]: the first line says so
    local model=$1 line="$2 %  $3"
    shift 3
    expect 0 predict "$model" p.pgm --scale 1 "$@"
    says stdout "$line"
}

# No probability passes a softmax again: e^4 / (e + e^2 + e^3 + e^4) is 64.4 %.
soft="p = Softmax(f)"
for last in "y = Cast(p, to=10)" "y = Dropout(p)" "lo = constant(scalar, [1e-7])
hi = constant(scalar, [0.9999999])
y = Clip(p, lo, hi)" "l = LogSoftmax(f)
y = Exp(l)" "e = Exp(f)
i = constant(int64, 1, [1])
s = ReduceSum(e, i)
y = Div(e, s)" "y = LogSoftmax(f)"; do
    net soft.net "$soft
$last"
    shown soft.net 64.4 3 --top 1
    [ ! -s stderr ] || { fail "predict warns of $last:"; cat stderr; }
done
# What cannot be told is said, and settled by a flag or by what is stored.
net tanh.net "y = Tanh(f)"
shown tanh.net 26.7 3 --top 1
says stderr "stria: warning: the model does not show whether output 'y' holds logits or probabilities; logits are assumed, --output logits|probabilities says it"
shown tanh.net 99.9 3 --output probabilities
[ ! -s stderr ] || fail "--output does not settle it"
shown tanh.net 26.7 3 --output logits --top 1
expect 0 convert tanh.net told.onnx --output probabilities --scale 1
expect 0 predict told.onnx p.pgm
says stdout "99.9 %  3"
[ ! -s stderr ] || fail "convert --output is not stored"

# One number: class 1 with the sigmoid's probability, whose logit is 1 - 2 + 3 - 4 = -2 here; 0 with the rest.
net one.net "w = constant(4x1, [1, -1, 1, -1])
o = MatMul(f, w)
y = Sigmoid(o)"
shown one.net 88.1 0
shown one.net 11.9 1
[ ! -s stderr ] || fail "a sigmoid is in doubt"
net logit.net "w = constant(4x1, [1, -1, 1, -1])
y = MatMul(f, w)"
shown logit.net 11.9 1
says stderr "whether output 'y' holds logits or probabilities (of class 1)"
shown logit.net 11.9 1 --output logits
[ ! -s stderr ] || fail "--output logits does not settle one number"
printf 'cat\ndog\n' >names
shown one.net 11.9 dog --labels names
# A probability for each class.
net many.net "w = constant(4x3, [1,0,0, 0,-1,0, 0,0,0, 0,0,0])
o = MatMul(f, w)
y = Sigmoid(o)"
shown many.net 73.1 0
shown many.net 50.0 2
shown many.net 11.9 1

# eval measures the same, and says what. Two pictures of class a, one of b; the first pixel decides.
mkdir -p two/a two/b three/0 three/1 three/2
for n in 1 2 3; do picture two/a/$n.pgm '\000\001\001\001'; picture two/b/$n.pgm '\011\001\001\001'; done
net pixel.net "w = constant(4x1, [1, -1, -1, -1])
o = MatMul(f, w)
y = Sigmoid(o)"
printf 'a\nb\n' >names
expect 0 eval pixel.net --data folder:two --split train --scale 1 --labels names --json
says stdout '"top1":1.0'
says stdout '"output":"probabilities","relation":"binary","untrained":false'
# log(1 + exp(-3)) for a's logit -3, log(1 + exp(-6)) for b's 6
says stdout '"loss":0.02553'
for c in 0 1 2; do picture three/$c/1.pgm '\001\002\003\004'; done
expect 0 eval many.net --data folder:three --split train --scale 1
says stdout "Each class has its own probability (multi-label)"
says stdout "top-1 33.33 %"
expect 0 eval many.net --data folder:three --split train --scale 1 --json
says stdout '"relation":"multi-label"'
# Classes 0, 1, 2 with logits 1, -2, 0: log(1+e) + log(1+exp(-2)) + log 2, less the mean logit of the labels, by three.
says stdout '"loss":0.8'

# Weights that nothing has trained.
expect 0 predict lenet5 p.pgm
grep -qxF "$untrained" stderr || fail "predict says nothing of untrained weights"
expect 0 convert lenet5 fresh.onnx
expect 0 predict fresh.onnx p.pgm --json
grep -qxF "$untrained" stderr || fail "untrained weights are forgotten by convert"
says stdout '"untrained":true'
digits data
expect 0 eval fresh.onnx --data mnist:data --limit 10 --json
grep -qxF "$untrained" stderr || fail "eval says nothing of untrained weights"
says stdout '"untrained":true'
expect 0 train linear --data mnist:data --epochs 1 --out run
if grep -q untrained stderr; then fail "train warns of what it trains"; fi
expect 0 eval run --json
[ ! -s stderr ] || fail "a trained model is said to be untrained"
says stdout '"untrained":false'

# predict, eval and train warn of silent preprocessing in the same words.
printf 'stria-net 1\nx = input(batch x 1 x 28 x 28)\nf = flatten(x)\ny = dense(f, 10)\n' >bare.net
expect 0 train bare.net --data mnist:data --epochs 1 --out bare
if grep warning stderr; then fail "a new network is warned of"; fi
expect 0 convert bare.net bare.onnx
LC_ALL=C sed 's/stria.weights/other.weights/' bare.onnx >foreign.onnx # as if trained elsewhere
for words in "predict foreign.onnx p.pgm" "eval foreign.onnx --data mnist:data --limit 10" \
    "train foreign.onnx --data mnist:data --epochs 1 --out foreign"; do
    # shellcheck disable=SC2086
    expect 0 $words
    grep -F "$pixels" stderr >warned || fail "$words says nothing of pixels"
    [ ! -f before ] || cmp -s before warned || fail "$words warns in other words"
    mv warned before
done

# Colour and size are not thrown away in silence: train says what is made of pictures, predict warns where the model does
# not say it itself, with their shape.
mkdir -p colours/a colours/b
for n in $(seq 1 12); do
    for c in a b; do { printf 'P6\n8 8\n255\n'; head -c 192 /dev/zero | tr '\0' $c; } >colours/$c/$n.ppm; done
done
expect 0 train mlp:size=1x28x28 --data folder:colours --epochs 1 --batch 4 --out grey
says stderr "input     1×28×28: pictures are turned grey and resized"
expect 0 predict grey colours/a/1.ppm
[ ! -s stderr ] || { fail "a model that says what it makes of pictures is warned of"; cat stderr; }
made="are turned grey and resized for input 1×28×28, which the model does not say; --resize, --crop and --channels say it"
expect 0 predict lenet5 colours/a/1.ppm colours/a/2.ppm
[ "$(grep -cF "stria: warning: pictures of 3×8×8 $made" stderr)" -eq 1 ] || { fail "predict squashes in silence"; cat stderr; }
expect 0 predict lenet5 colours/a/1.ppm --resize 28x28 --channels grey
if grep -q "for input" stderr; then fail "flags do not silence the warning"; fi
expect 0 train linear --data mnist:data --epochs 1 --out same
says stderr "input     1×28×28"
if grep -q "1×28×28: pictures" stderr; then fail "pictures that fit are said to be changed"; fi

# One picture that cannot be read: the others are judged, the exit code is 1.
echo text >bad.png
cp p.pgm q.pgm
expect 1 predict one.net p.pgm bad.png nowhere.png q.pgm --scale 1
says stdout "p.pgm"
says stdout "q.pgm"
[ "$(grep -c '88.1 %  0' stdout)" -eq 2 ] || fail "not both good pictures are judged"
says stderr "stria: bad.png: not a "
says stderr "nowhere.png"
expect 1 predict one.net bad.png p.pgm nowhere.png --scale 1 --json
says stdout '[{"image":"bad.png","error":"'
says stdout '{"image":"p.pgm","predictions":[{"class":0,'
says stdout '{"image":"nowhere.png","error":"'
# The same of a folder, whose pictures are called by their files.
cp bad.png two/b/9.png
expect 1 predict pixel.net --data folder:two --split train --limit 0 --scale 1 --labels names
[ "$(grep -c '^two/[ab]/[123].pgm  true: [ab]  ' stdout)" -eq 6 ] || { fail "files are not named"; cat stdout; }
says stderr "two/b/9.png"
expect 1 predict pixel.net --data folder:two --split train --limit 0 --scale 1 --labels names --json
says stdout '{"image":"two/b/9.png","error":"'
says stdout '"image":"two/a/1.pgm"'
# The surest mistakes, with their files; a mirrored picture is another one.
rm two/b/9.png
cp two/b/1.pgm two/a/wrong.pgm
expect 0 eval pixel.net --data folder:two --split train --scale 1 --labels names --mistakes 2 --json
[ "$(jq -c '.mistakes | map([.image, .label, .predicted, .probability > 0.99])' stdout)" = \
    '[["two/a/wrong.pgm","a","b",true]]' ] || { fail "the mistake is another one"; cat stdout; }
expect 0 eval pixel.net --data folder:two --split train --scale 1 --labels names --mistakes 1
says stdout "surest mistakes"
says stdout "two/a/wrong.pgm"
says stdout ", calibration error 1"
rm two/a/wrong.pgm
expect 0 predict pixel.net two/b/1.pgm --scale 1 --labels names --tta flip --json # logits 6 and, mirrored, -10
[ "$(jq '.[0].predictions[] | select(.name == "b") | .probability * 1000 | round' stdout)" = 499 ] || { fail "--tta flip is no mean"; cat stdout; }
refused 2 "--tta: 'twice' is not one of no|flip|ten-crop" eval pixel.net --data folder:two --tta twice
cp bad.png two/b/9.png
# An evaluation has no part that is right without the rest.
expect 1 eval pixel.net --data folder:two --split train --scale 1 --labels names
says stderr "two/b/9.png"
[ ! -s stdout ] || fail "a part of an evaluation is printed"
finish
