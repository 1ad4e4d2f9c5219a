#!/usr/bin/env bash
# diff: two models layer by layer.
. "${SOURCE:-.}/tests/cli.sh"

printf 'stria-net 1\nx = input(batch x 3 x 8 x 8)\nc = conv(x, 4, kernel=3, name=first)\nr = relu(c, name=act)\np = max_pool(r, name=pool)\ny = dense(p, 5, name=head)\noutput(y, scores)\n' >a.net
expect 0 convert a.net a.npz
expect 0 convert a.net a.onnx
expect 0 convert a.net other.onnx --seed 1

# The same network in two formats, by its names.
expect 0 diff a.net a.onnx
says stdout "input: a drawn picture"
says stdout "first         Conv"
says stdout "the same within the bounds"
[ "$(awk '{ if (length($0) > 80) n++ } END { print n + 0 }' stdout)" -eq 0 ] || fail "a line is wider than 80: $(cat stdout)"
expect 0 diff a.net a.onnx --json
jq -e '.passed and .first == null and ([.layers[].name] | index("first", "act", "pool")) != null and
    ([.layers[], .outputs[]] | all(.passed and .max_abs_error == 0)) and .outputs[0].name == "scores"' stdout >/dev/null ||
    fail "diff --json: $(cat stdout)"

# Other weights: the first layer is named, with an element of it.
expect 1 diff a.net other.onnx
says stdout "they first differ in layer 'first' (Conv), at [0, 0, 0, 0]: "
says stdout "the models DIFFER"
expect 1 diff a.net other.onnx --json
jq -e '(.passed | not) and .first == "first" and .layers[0].first.index == [0, 0, 0, 0] and
    .layers[0].first.a != .layers[0].first.b and (.outputs[0].passed | not) and .layers[0].max_rel_error > 1e-3' stdout >/dev/null ||
    fail "diff --json: $(cat stdout)"
expect 0 diff a.net other.onnx --rtol 1000
expect 0 diff a.net a.onnx --seed 7 --weights a.npz

# Other names: by order and numbers. One file of weights for both, then one for each.
sed 's/first/eins/; s/act/zwei/; s/name=pool/name=drei/; s/head/vier/; s/, scores/, ergebnis/' a.net >b.net
expect 0 diff a.net b.net --weights a.npz
says stdout "first         eins"
says stdout "scores        ergebnis"
expect 0 convert b.net b.npz --seed 3
expect 1 diff a.net b.net --weights a.npz --weights b.npz
expect 0 convert b.net b3.onnx --seed 3
expect 0 diff b3.onnx b.net --weights b.npz
refused 2 "diff: --weights is given more than twice, for two models" diff a.net b.net --weights a.npz --weights b.npz --weights nowhere.npz

# A normalisation that changes nothing: the layers around it find each other by their numbers, whatever their names.
norm() { printf 'stria-net 1\nx = input(batch x 3 x 8 x 8)\nc = conv(x, 4, kernel=3, name=first)\n%s\ny = dense(%s, 5, name=head)\n' "$1" "$2"; }
norm 'n = batch_norm(c, name=norm)
r = relu(n, name=left)' r >n.net
norm 'r = relu(c, name=right)' r >o.net
expect 0 diff n.net o.net
says stdout "left          right"
says stdout "1 layer of n.net without a counterpart"
expect 0 diff n.net o.net --json
jq -e '.unmatched == {"a": ["norm"], "b": []} and (.layers[] | select(.name == "left") | .other == "right")' stdout >/dev/null ||
    fail "diff --json: $(cat stdout)"

# Another output, another input, a picture, arrays.
printf 'stria-net 1\nx = input(batch x 3 x 8 x 8)\nc = conv(x, 4, kernel=3, name=first)\noutput(c)\n' >c.net
expect 1 diff c.net a.net
says stdout "they first differ in output 'c': [1, 5], not [1, 4, 6, 6]"
printf 'stria-net 1\nx = input(batch x 3 x 9 x 8)\nc = conv(x, 4, kernel=3, name=first)\n' >d.net
refused 1 "input 'x' wants [N, 3, 9, 8], 'a.net' holds [1, 3, 8, 8]" diff a.net d.net
printf 'P6\n8 8\n255\n' >p.ppm && head -c 192 /dev/urandom >>p.ppm
expect 0 diff a.net a.onnx --image p.ppm
says stdout "input: p.ppm"
{ printf '\x93NUMPY\x01\x00v\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3, 8, 8), }" && head -c 2304 /dev/zero; } >x.npy
expect 0 diff a.net a.onnx --input x.npy --reference
expect 0 diff a.net a.onnx --input x=x.npy --json
jq -e '.input == "x=x.npy" and .outputs[0].shape == [3, 5]' stdout >/dev/null || fail "diff --input: $(cat stdout)"
printf 'stria-net 1\nx = input(batch x 6)\ny = dense(x, 4)\n' >v.net
expect 0 diff v.net v.net
says stdout "input: random numbers"
expect 0 convert a.net scaled.onnx --scale 1/255 --mean 0.5 --std 0.5
expect 0 diff scaled.onnx a.onnx
says stderr "warning: stria.mean is '0.5' and ''"
says stderr "warning: stria.std is '0.5' and ''"
grep -q stria.scale stderr && fail "1/255 is what is taken where nothing is said: $(cat stderr)"
expect 0 convert a.net said.onnx --scale 0.00392156862745098 --mean 0 --std 1,1,1
expect 0 diff said.onnx a.onnx
[ ! -s stderr ] || fail "the same inputs in other words: $(cat stderr)"

refused 2 "diff: --image and --input are given; give one of the two" diff a.net a.onnx --image p.ppm --input x.npy
expect 2 diff a.net
expect 1 diff a.net nowhere.onnx
finish
