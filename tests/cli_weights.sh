#!/usr/bin/env bash
# Files of weights: --weights of every verb that takes a model, .safetensors and .npz out of convert, and what is said of
# files that do not fit.
. "${SOURCE:-.}/tests/cli.sh"
golden="${SOURCE:-.}/tests/golden/weights"

expect 0 convert "$golden/torch.net" net.onnx --weights "$golden/views.pth"
says stdout "passed"
[ ! -s stderr ] || fail "convert --weights warns: $(cat stderr)"
expect 0 run net.onnx --input "$golden/input.npy" --output a
for file in zip.pth checkpoint.pth net.npz net.safetensors; do
    expect 0 run "$golden/torch.net" --weights "$golden/$file" --input "$golden/input.npy" --output b
    cmp -s a/fc.npy b/fc.npy || fail "$file gives other outputs"
done

# Out again, by name and by any verb.
for ending in safetensors npz; do
    expect 0 convert net.onnx w.$ending
    says stdout "passed"
    expect 0 run "$golden/torch.net" --weights w.$ending --input "$golden/input.npy" --output b
    cmp -s a/fc.npy b/fc.npy || fail "w.$ending is not what net.onnx holds"
done
expect 0 convert mlp mlp.safetensors --seed 1
expect 0 convert mlp mlp.npz --weights mlp.safetensors --json
jq -e .passed stdout >/dev/null || fail "convert to .npz does not say that it passed"
for verb in summary explain bench; do
    options=
    [ $verb != bench ] || options="--repeat 1"
    # shellcheck disable=SC2086 # words
    expect 0 $verb mlp --weights mlp.npz $options
done
expect 0 summary mlp
says stdout "untrained"
expect 0 summary mlp --weights mlp.npz
if grep -q untrained stdout; then fail "a model with weights is called untrained"; fi
digits data
expect 0 train mlp --weights mlp.npz --data mnist:data --epochs 1 --out run
expect 0 eval run --data mnist:data --split test --limit 10

# What does not fit.
misfit() { # misfit SENTENCE… -- WORDS…: exit 1, and each sentence on stderr
    local sentences=()
    while [ "$1" != -- ]; do sentences+=("$1"); shift; done
    shift
    expect 1 "$@"
    for sentence in "${sentences[@]}"; do says stderr "$sentence"; done
    [ ! -s stdout ] || fail "stria $* is refused and writes to stdout"
}
misfit "it does not fit 'mlp' in 2 of 8 tensors: 'logits.weight' is [10, 256], not [12, 256]; 'logits.bias' is [10], not [12]" \
    "mlp.npz: does not fit: 'logits.bias' is [10], not [12]" -- summary mlp:classes=12 --weights mlp.npz
misfit "nothing for 'conv2.bias' [6]" "not used: 'extra.weight' [2, 3]" -- summary "$golden/torch.net" --weights "$golden/other.pth"
misfit "wants to call '__main__.Net'" -- summary mlp --weights "$golden/whole.pth"
misfit "cannot open 'none.pth': no such file" -- summary mlp --weights none.pth
refused 2 "convert: 'x.pth' does not end in .onnx, .net, .safetensors or .npz, so its format is not known" convert mlp x.pth
finish
