#!/bin/bash
# Trials that leave no run (--overfit, --find-lr), weights of classes, and what a run keeps of its options and its test.
. "${SOURCE:-.}/tests/cli.sh"
digits data
common=(mlp:hidden=16 --data mnist:data --seed 1)

expect 0 train "${common[@]}" --overfit 20 --lr 0.1
says stdout "20 pictures known by heart after"
expect 0 train "${common[@]}" --overfit 20 --lr 0.1 --json
says stdout '"known":true'
expect 1 train "${common[@]}" --overfit 20 --lr 1e-9 --epochs 2
says stdout "% of 20 pictures known after 2 epochs"

expect 0 train "${common[@]}" --find-lr rates.svg
says stdout "the loss falls fastest at a rate of"
says rates.svg "loss by learning rate"
rate=$(grep -o -- '--lr [0-9.e-]*' stdout | grep -o '[0-9.e-]*$')
awk -v r="$rate" 'BEGIN { exit !(r > 1e-4 && r < 10) }' || fail "a rate of $rate is suggested"
# The rate is good for something: one epoch with it learns the stripes.
expect 0 train "${common[@]}" --lr "$rate" --epochs 8 --out good
expect 0 eval good --json
grep -q '"top1":1[,.}]' stdout || { fail "the rate that --find-lr suggests does not learn stripes"; cut -c1-100 stdout; }
expect 0 train "${common[@]}" --find-lr --json
says stdout '"rates":[{"lr":'
refused 2 "train: --find-lr: 'rates.png' does not end in .svg" train "${common[@]}" --find-lr rates.png
refused 2 "train: --overfit and --find-lr write no run folder, so --resume and --out cannot be used with them" \
    train "${common[@]}" --overfit 5 --out x
[ ! -e runs ] || fail "a trial leaves a run"

# What the run keeps.
grep -q '"lr": '"$rate" good/options.json || { fail "options.json does not have the rate"; cat good/options.json; }
says good/options.json '"optimizer": "sgd:momentum=0.9"'
says good/options.json '"batch": 64'
says good/test.json '"split": "test"'
says good/test.json '"top1": 1.0'
says good/test.json '"step": 64'

# Weights of classes: balanced is 1 for each where every class has as many pictures, to the bit; others change the model.
expect 0 train "${common[@]}" --val no --epochs 1 --out even
expect 0 train "${common[@]}" --val no --epochs 1 --class-weights balanced --out balanced
expect 0 train "${common[@]}" --val no --epochs 1 --class-weights 9,1,1,1,1,1,1,1,1,1 --out first
cmp -s even/model.onnx balanced/model.onnx || fail "balanced classes are weighed"
cmp -s even/model.onnx first/model.onnx && fail "weights of classes change nothing"
refused 2 "--class-weights: 2 numbers, but the data has 10 classes" train "${common[@]}" --class-weights 1,2
expect 0 train "${common[@]}" --val no --epochs 1 --class-weights 9,1,1,1,1,1,1,1,1,1 --loss hinge --out hinge
expect 0 train "${common[@]}" --val no --epochs 1 --loss hinge --out evenhinge
cmp -s hinge/model.onnx evenhinge/model.onnx && fail "weights of classes change nothing of hinge"
finish
