#!/bin/bash
# What training can do besides steps: plateaus, early ends, averages of the weights, bounded weights; and that they go on
# where they stopped.
. "${SOURCE:-.}/tests/cli.sh"
digits data
options=(mlp:hidden=16 --data mnist:data --batch 50 --seed 3)

tensors() { # tensors RUN: of its checkpoint, after the header
    local length
    length=$(od -An -tu8 -N8 "$1/checkpoint.safetensors" | tr -d ' ')
    tail -c +$((9 + length)) "$1/checkpoint.safetensors"
}

# Stripes are learnt at once: no epoch is better than the first that has all right, so the rate falls and training ends.
recipe=(--epochs 40 --lr 0.1 --ema 0.9 --max-norm 2 --l1 0.0001 --clip-value 0.5 --accumulate 5 --schedule plateau:patience=1,threshold=0.999,factor=0.5)
expect 0 train "${options[@]}" "${recipe[@]}" --patience 6 --out early
epochs=$(grep -c '"val_top1"' early/metrics.jsonl)
[ "$epochs" -ge 7 ] && [ "$epochs" -lt 30 ] || fail "with --patience 6 there were $epochs epochs"
grep -o '"lr": [0-9.e-]*' early/metrics.jsonl | sort -u | wc -l >rates
[ "$(cat rates)" -ge 3 ] || fail "the rate took $(cat rates) values on plateaus"
expect 0 train --resume early
[ "$(grep -c '"val_top1"' early/metrics.jsonl)" = "$epochs" ] || fail "a training that ended early went on"

# Cut in two, the same bits: the plateau's count and the averages are in the checkpoint.
expect 0 train "${options[@]}" "${recipe[@]}" --epochs 9 --out whole
expect 0 train "${options[@]}" "${recipe[@]}" --epochs 4 --out parts
expect 0 train --resume parts --epochs 9
cmp -s <(tensors whole) <(tensors parts) || fail "a training in two parts has another checkpoint"
cmp -s whole/model.onnx parts/model.onnx || fail "a training in two parts has another model"

# The model that is saved has the averages: it is another one than without them, and it is as good.
expect 0 train "${options[@]}" --epochs 9 --lr 0.1 --schedule constant --out plain
expect 0 train "${options[@]}" --epochs 9 --lr 0.1 --schedule constant --ema 0.99 --out averaged
cmp -s plain/model.onnx averaged/model.onnx && fail "--ema saves the weights themselves"
expect 0 eval averaged --json
grep -q '"top1":1[,.}]' stdout || { fail "the averages are no good:"; cut -c1-200 stdout; }

# A run that goes on may have another rate, schedule and size of batches, and says what that means; steps are counted on.
expect 0 train "${options[@]}" --epochs 2 --lr 0.1 --out other
expect 0 train --resume other --epochs 4 --lr 0.02 --schedule constant --batch 110
says stderr "changed: batch, lr, schedule; the result"
says stderr "will not be bit-identical to that of a training without a break"
grep '"kind": "epoch"' other/metrics.jsonl | grep -o '"step": [0-9]*, "epoch": [0-9]*' >places
printf '"step": %s, "epoch": %s\n' 11 1 22 2 27 3 32 4 | cmp -s places - || { fail "steps are not counted on:"; cat places; }
[ "$(grep '"kind": "step"' other/metrics.jsonl | tail -n 1 | grep -o '"lr": [0-9.]*')" = '"lr": 0.02' ] || fail "the rate is not the new one"
expect 0 train --resume other --epochs 5
says stderr "resuming after step 32"
grep -q "changed:" stderr && fail "what was changed before is said again"
expect 0 train --resume other --epochs 6 --lr 0.02 --json
grep -q "changed:" stderr && fail "the same rate is no change"
expect 0 train --resume other --epochs 6 --eval-every 5 --cache 1
grep -q "changed:" stderr && fail "options that change no bit are said to change some"
: >other/results.csv # a kill came between its creation and the first line
expect 0 train --resume other --epochs 7
[[ $(head -n 1 other/results.csv) == kind,step,epoch,loss,* ]] || { fail "an empty results.csv gets no heading:"; head -c 200 other/results.csv; }
# In the middle of an epoch it begins again.
"$STRIA" train "${options[@]}" --epochs 4000 --lr 0.01 --out middle >stdout 2>stderr &
pid=$!
await $pid 'epoch 1/4000' stderr
kill -TERM $pid
wait $pid
expect 0 train --resume middle --batch 110 --epochs 4000 --patience 1
says stderr "changed: "

# The norms of gradients and weights: of one step of plain descent, weights move by the rate times the gradient's norm.
expect 0 train linear --data mnist:data --steps 1 --batch 50 --optimizer sgd --lr 0.5 --schedule constant --val no --out step1
moved=$(sed -n 's/.*"gradients": {\([^}]*\)}.*/\1/p' step1/metrics.jsonl)
[ "$(echo "$moved" | tr ',' '\n' | wc -l)" = 2 ] || fail "linear has the gradients $moved"
all=$(sed -n '1s/.*"gradient_norm": \([0-9.e-]*\).*/\1/p' step1/metrics.jsonl)
echo "$moved" | tr ',' '\n' | awk -v all="$all" '{ s += $2 * $2 } END { d = sqrt(s) / all - 1; exit !(d < 1e-5 && d > -1e-5) }' ||
    fail "the norm over all parameters is $all, not that of $moved"
read -r -a names <<<"$(head -n 1 step1/results.csv | tr ',' ' ')"
[ "$(wc -l <step1/results.csv)" = 2 ] && [ "${names[9]} ${names[10]}" = "wait_share peak_bytes" ] &&
    [ "${names[11]%%:*} ${names[14]%%:*}" = "gradient weight" ] && [ ${#names[@]} = 15 ] ||
    { fail "results.csv is another:"; cat step1/results.csv; }
tail -n 1 step1/metrics.jsonl | jq -e '.wait_share >= 0 and .wait_share < 1 and .peak_bytes > 1000000' >/dev/null ||
    { fail "an epoch does not say what it waited and held:"; tail -n 1 step1/metrics.jsonl; }
for word in "waited for pictures" memory; do
    grep -q "<b>[0-9.]* [^<]*</b><span>$word</span>" step1/report.html || fail "the report has no tile '$word'"
done
grep -q "system    at most [0-9.]* MiB of memory" stderr || { fail "no system line:"; cat stderr; }

# Parts of the network computed again instead of kept: the same model.
expect 0 train resnet20:size=1x28x28 --data mnist:data --limit 64 --batch 16 --steps 3 --val no --out kept
expect 0 train resnet20:size=1x28x28 --data mnist:data --limit 64 --batch 16 --steps 3 --val no --recompute --out again
cmp -s kept/model.onnx again/model.onnx || fail "--recompute makes another model"
expect 0 train --resume kept --recompute --steps 4

# So many steps, in the middle of an epoch (11 steps), with validations within epochs; in two parts it has the same bits.
counted=(--steps 27 --eval-every 4 --lr 0.1 --batch 50)
expect 0 train "${options[@]}" "${counted[@]}" --out counted --json
grep -q '"steps": *27[,}]' stdout || { fail "--steps 27 made others:"; cat stdout; }
grep -q '"val_top1": *[01]' stdout || { fail "--steps has no validation at the end:"; cat stdout; }
places() { # places RUN: kind, step and epoch of its validations
    grep -v '"kind": "step"' "$1/metrics.jsonl" | sed 's/.*"kind": "\([a-z]*\)", "step": \([0-9]*\), "epoch": \([0-9]*\),.*"val_loss".*/\1 \2 \3/' | tr '\n' ';'
}
wanted="eval 4 1;eval 8 1;epoch 11 1;eval 12 2;eval 16 2;eval 20 2;epoch 22 2;eval 24 3;eval 27 3;"
[ "$(places counted)" = "$wanted" ] || fail "validations are at $(places counted), not at $wanted"
[ "$(grep -c '"kind": "step"' counted/metrics.jsonl)" = 27 ] || fail "--steps 27 has other lines"
expect 0 train "${options[@]}" "${counted[@]}" --steps 14 --schedule constant --out first14
expect 0 train --resume first14 --steps 27
grep -q "changed:" stderr && fail "more steps are no change"
expect 0 train "${options[@]}" "${counted[@]}" --schedule constant --out whole27
cmp -s <(tensors first14) <(tensors whole27) || fail "27 steps in two parts have another checkpoint"
grep '"kind": "eval", "step": 14' first14/metrics.jsonl >/dev/null || fail "the last of 14 steps has no validation"
expect 0 train --resume whole27
says stderr "complete: all its steps are done"
says stderr "--steps 54"
refused 2 "this run already has 27 steps; --steps must be at least 27" train --resume whole27 --steps 20
refused 2 "this run has begun 3 epochs; --epochs must be at least 3" train --resume whole27 --epochs 2
expect 0 train --resume whole27 --epochs 5
[ "$(grep -c '"kind": "epoch"' whole27/metrics.jsonl)" = 5 ] || fail "--epochs 5 after --steps 27 has other epochs"
# Killed in the middle, it goes on to the same bits, with each validation's line once.
"$STRIA" train "${options[@]}" --steps 3000 --eval-every 3 --lr 0.01 --out killed >stdout 2>stderr &
pid=$!
await $pid '^step 12/' stderr
kill -KILL $pid
wait $pid 2>/dev/null
expect 0 train --resume killed
expect 0 train "${options[@]}" --steps 3000 --eval-every 3 --lr 0.01 --out unkilled
cmp -s <(tensors killed) <(tensors unkilled) || fail "a killed training of 3,000 steps has another checkpoint"
[ "$(places killed)" = "$(places unkilled)" ] || fail "a killed training has other validations"
cmp -s <(cut -d, -f1-7,12- killed/results.csv) <(cut -d, -f1-7,12- unkilled/results.csv) || fail "a killed training has another results.csv"
refused 2 "--eval-every needs validation images, and there are none" train "${options[@]}" --eval-every 2 --val no

refused 2 "--patience needs validation images, and there are none" \
    train "${options[@]}" --patience 2 --val no
refused 2 "--ema: 1.5 is out of range 0…0.999999" \
    train lenet5 --data mnist:data --ema 1.5
for optimizer in adadelta nadam lamb lion muon ftrl sgd:style=keras; do
    expect 0 train "${options[@]}" --epochs 1 --optimizer $optimizer --lr 0.01 --out "run-${optimizer%%:*}"
done
finish
