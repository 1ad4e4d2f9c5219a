#!/usr/bin/env bash
# From images to a run folder and back, on ten classes of stripes that this script draws itself.
. "${SOURCE:-.}/tests/cli.sh"
digits data

expect 0 train lenet5 --data mnist:data --epochs 12 --batch 20 --lr 0.5 --schedule constant --seed 1 --out runs/a
for word in machine data model memory training "550 images" "50 for validation" "10 classes" "61,706" "epoch 12/12"; do says stderr "$word"; done
for word in "test images" "100 images" precision "true class" "true: " "predicted: " written runs/a/model.onnx \
    runs/a/checkpoint.safetensors runs/a/metrics.jsonl "try next" "stria predict runs/a"; do says stdout "$word"; done
if grep -q $'\033' stdout stderr; then fail "colours where there is no terminal"; fi

# The default folder is the next free number; --json has its keys; the same seed gives the same numbers.
expect 0 train linear --data mnist:data --epochs 2 --batch 20 --limit 200 --val no --json
says stdout '"run":"runs/linear-1"'
for key in epochs steps train_loss val_top1 test_top1 seconds; do says stdout "\"$key\":"; done
says stdout '"val_top1":null'
sed 's/"run":"[^"]*",//; s/,"seconds":.*//' stdout >first
expect 0 train linear --data mnist:data --epochs 2 --batch 20 --limit 200 --val no --json --threads 1
says stdout '"run":"runs/linear-2"'
sed 's/"run":"[^"]*",//; s/,"seconds":.*//' stdout | cmp -s - first || fail "the same seed gives other numbers"

refused 1 "folder 'runs/a' is not empty; 'stria train --resume runs/a' continues its run, --out takes another folder" \
    train lenet5 --data mnist:data --out runs/a

# The header names what was given; of a run that goes on, too. A complete one says so, and what it says works.
expect 0 train linear --data mnist:data --epochs 1 --weight-decay 5e-4 --loss hinge:margin=0.5 --out runs/given
says stderr ", loss hinge:margin=0.5, weight-decay 0.0005"
expect 0 train --resume runs/given
says stderr ", loss hinge:margin=0.5, weight-decay 0.0005"
advice=$(sed -n '/complete: all its epochs are done; to train further:$/{n;s/^ *stria //p;}' stderr)
[ -n "$advice" ] || { fail "a complete run does not say so:"; cat stderr; }
# shellcheck disable=SC2086
expect 0 $advice
says stderr "resuming after step"
says stderr "epoch 2/2"

# After a divergence, the advice works as it is typed: options, limit and validation of the run, its weights, a lower rate.
cat >steep.net <<'NET'
stria-net 1
x = input(batch x 1 x 28 x 28)
h = dense(x, 20)
y = dense(h, 10)
output(y)
NET
expect 1 train steep.net --data mnist:data --epochs 2 --batch 20 --limit 300 --val no --lr 900000 --schedule constant --out 'runs/a b'
says stderr "training diverged at step"
advice=$(sed -n 's/^stria: to start again from there with a lower learning rate: stria //p' stderr)
wanted="train 'runs/a b' --data mnist:data --limit 300 --val no --epochs 2 --batch 20 --schedule constant --lr 9e+04"
[ "$advice" = "$wanted" ] || { fail "after a divergence it advises: $advice"; cat stderr; }
resume=$(sed -n 's/^stria: to continue the same run instead: stria //p' stderr)
[ "$resume" = "train --resume 'runs/a b' --lr 9e+04" ] || { fail "after a divergence it advises to go on by: $resume"; cat stderr; }
eval "set -- ${advice/9e+04/0.01}"
expect 0 "$@"
eval "set -- ${resume/9e+04/0.01}"
expect 0 "$@"

# A run folder is a model, and knows its data.
expect 0 eval runs/a --json
says stdout '"images":100'
cp stdout score
expect 0 eval runs/a --data mnist:data --split test --json --batch 7
for key in loss top1 top5 classes confusion; do says stdout "\"$key\":"; done
grep -o '"confusion":.*' stdout | cmp -s - <(grep -o '"confusion":.*' score) || fail "the batch changes what is counted"
expect 0 eval runs/a --split val
expect 0 eval runs/a/model.onnx --data mnist:data --limit 10
says stdout "10 images"
expect 0 predict runs/a --limit 8
[ "$(grep -o 'true: ' stdout | wc -l)" -eq 8 ] || fail "predict --limit 8 does not show eight true labels"
expect 0 predict runs/a --data mnist:data --split train --limit 3 --top 2 --json
[ "$(grep -o '"label":' stdout | wc -l)" -eq 3 ] || fail "predict --json --limit 3"
[ "$(grep -o '"probability":' stdout | wc -l)" -eq 6 ] || fail "predict --top 2"
{ printf 'P5\n28 28\n255\n'; head -c 784 ten-images; } >zero.pgm
expect 0 predict runs/a zero.pgm
says stdout "zero.pgm"
expect 0 predict runs/a zero.pgm zero.pgm --json
[ "$(grep -o '"image":"zero.pgm"' stdout | wc -l)" -eq 2 ] || fail "predict of two pictures"

# Trainings that begin at once take folders of their own; what a batch leaves over is said.
pids=()
for i in 1 2 3; do
    "$STRIA" train mlp --data mnist:data --epochs 1 --batch 30 >/dev/null 2>"stderr$i" & pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "one of three trainings at once failed: $(cat stderr?)"; done
[ "$(ls -d runs/mlp-*/ | wc -l)" -eq 3 ] || fail "three trainings at once made $(ls runs)"
grep -q "the last, incomplete batch of each epoch is dropped" stderr1 || fail "the images that fill no batch are not said"
expect 1 train mlp --data mnist:nowhere
[ ! -e runs/mlp-4 ] || fail "a training that never began left a folder"

# Interrupted: everything is saved, and it says how to go on. --resume alone finds it.
"$STRIA" train lenet5 --data mnist:data --epochs 3000 --batch 20 --out runs/stopped >stdout 2>stderr &
pid=$!
for ((i = 0; i < 300; i++)); do
    grep -q 'epoch 1/3000' stderr && break
    sleep 0.1
done
kill -TERM $pid
wait $pid
code=$?
[ $code -eq 1 ] || { fail "an interrupted training exits with $code"; tail -n 3 stderr; }
says stderr "everything is saved, continue with: stria train --resume runs/stopped"
expect 2 train --resume runs/stopped --accumulate 7
says stderr "a new run can begin with its weights: stria train runs/stopped --accumulate N --data DATA"
says stderr "cannot change"
finish
