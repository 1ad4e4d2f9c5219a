#!/bin/bash
# Networks built in: their options as flags and after the name, their text, receptive fields, heads.
. "${SOURCE:-.}/tests/cli.sh"

number() { # number KEY: of the JSON document on stdout
    grep -o "\"$1\":[0-9]*" stdout | head -n 1 | grep -o '[0-9]*$'
}
expect 0 summary alexnet-2012 --groups 1 --dense 2048 --json
[ "$(number parameters)" = 28868968 ] || fail "alexnet-2012 --groups 1 --dense 2048 has $(number parameters) parameters"
expect 0 summary mobilenet-v1:width=0.5 --size 3x64x64 --classes=17 --dropout 0 --json
[ "$(number parameters)" = 827313 ] || fail "mobilenet-v1 of half the width has $(number parameters) parameters"
expect 0 train --help
says stdout "--zero-last"
expect 0 convert resnet20:zero_last=1 key.onnx
expect 0 convert resnet20 --zero-last flag.onnx
cmp -s key.onnx flag.onnx || fail "--zero-last is not zero_last=1"
expect 0 convert resnet20 none.onnx
cmp -s none.onnx flag.onnx && fail "--zero-last changes nothing"
refused 2 "lenet5: there is no option 'zero_last'; there are classes, size, activation and pooling" summary lenet5 --zero-last
expect 0 summary mlp --hidden 32x8 --bn --activation tanh
says stdout "batch_norm2"
says stdout "tanh2"
expect 0 summary resnet20 --plain --receptive-field --formula
says stdout "(32 + 1 + 1 - 3) / 2 + 1 = 16"
says stdout "receptive field"
if grep -q "Add" stdout; then fail "a plain network has sums"; fi
expect 0 summary lenet5 --json
says stdout '"connected_to":["image"]'

refused 2 "lenet5: there is no option 'width'; there are classes, size, activation and pooling" summary lenet5 --width 2
refused 2 "--classes: 'x.onnx' is not a built-in network" summary x.onnx --classes 3
refused 2 "--size: '3x8x8,classes=3' has a colon or comma in it" summary lenet5 --size 3x8x8,classes=3
expect 1 summary alexnet --size 3x40x40
says stderr "alexnet with pictures of 3x40x40: layer 'features.12' (MaxPool): a window of 3 does not fit"

# The text reads back, and says the same once more.
for network in lenet5 squeezenet1.1:bypass=simple,size=3x64x64; do
    expect 0 summary $network --net
    cp stdout one.net
    expect 0 summary one.net --net
    cmp -s stdout one.net || fail "the text of $network changes when it is read"
done

# Heads are in training's text only.
expect 0 summary googlenet --size 3x96x96 --classes 3 --net
says stdout "output(aux2"
expect 0 summary googlenet --size 3x96x96 --classes 3
says stdout "auxiliary heads, in training only: "
expect 0 convert googlenet small.onnx --size 3x96x96 --classes 3
expect 0 summary small.onnx --json
if grep -q '"aux1' stdout; then fail "convert keeps auxiliary heads"; fi
says stdout '"auxiliary_parameters":0'
expect 0 help
says stdout "resnet1202"
if awk '/^MODEL/ { on = 1 } /^$/ { on = 0 } on && length($0) > 80' stdout | grep .; then fail "a line of help is long"; fi
finish
