#!/usr/bin/env bash
# --labels and --preprocess: what a model from elsewhere does not say is stored in it, and classes are matched by name.
. "${SOURCE:-.}/tests/cli.sh"
digits data
printf '%s\n' 9 8 7 6 5 4 3 2 1 0 >names
printf '9\r\n8 \n7\n6\n5\n4\n3\n2\n1\n0\n\n\n' >windows

expect 0 convert linear named.onnx --labels names
expect 0 eval named.onnx --data mnist:data --json
says stdout '"classes":[{"name":"9"'
expect 0 eval linear --data mnist:data --json --labels windows
says stdout '"classes":[{"name":"9"'
expect 0 eval linear --data mnist:data --json
says stdout '"classes":[{"name":"0"'
expect 0 predict named.onnx --data mnist:data --limit 1 --json
says stdout '"class":9,"name":"0"'

# A training keeps them, and its best class is the right one by name, not by number.
expect 0 train linear --data mnist:data --epochs 8 --batch 20 --lr 0.5 --labels names --out run
expect 0 eval run --json
says stdout '"top1":1.0'
says stdout '"classes":[{"name":"9"'
refused 2 "train: --labels cannot change when a run is resumed; --epochs, --lr, --schedule, --batch, --data and others can; a new run can begin with its weights: stria train run --labels FILE --data DATA" train --resume run --labels names

# A preset is four values, which other flags change.
expect 0 eval linear --data mnist:data --json --preprocess tf --channels grey
cp stdout preset
expect 0 eval linear --data mnist:data --json --scale 1/127.5 --mean 1
cmp -s stdout preset || fail "the preset 'tf' is not its values"
expect 0 eval linear --data mnist:data --json --preprocess tf --channels grey --scale 1/255 --mean 0
cp stdout changed
expect 0 eval linear --data mnist:data --json
cmp -s stdout changed || fail "flags do not change the preset"
refused 2 "no preprocessing is called 'torch': there are imagenet, caffe and tf" eval linear --data mnist:data --preprocess torch

head -n 9 names >short
refused 1 "--labels: 'short' has 9 names, but the model has 10 classes" eval linear --data mnist:data --labels short
sed '3s/.*/9/' names >double
refused 2 "the model has no class '7'; its 10 classes are '9 (0)', '8', …" eval linear --data mnist:data --labels double
sed '3s/.*//' names >gap
refused 1 "--labels: line 3 of 'gap' is empty" eval linear --data mnist:data --labels gap
sed "3s/.*/$(printf '%0300d' 0)/" names >long
expect 0 convert linear long.onnx --labels long
expect 0 predict long.onnx --data mnist:data --limit 1 --top 10 --json
says stdout "\"name\":\"$(printf '%0300d' 0)\""
refused 1 "--labels: cannot open 'nowhere': no such file or directory" eval linear --data mnist:data --labels nowhere
refused 1 "--labels: cannot read '.': is a directory" eval linear --data mnist:data --labels .
refused 1 "--labels: 'data/train-images-idx3-ubyte' is not a text file of class names" \
    eval linear --data mnist:data --labels data/train-images-idx3-ubyte
sed 's/^/class /' names >others
refused 2 "the model has no class '0'; its 10 classes are 'class 9', 'class 8', …" eval linear --data mnist:data --labels others

# Fewer epochs than the run has are not overlooked.
refused 2 "this run already has 8 epochs; --epochs must be at least 8" train --resume run --epochs 5
finish
