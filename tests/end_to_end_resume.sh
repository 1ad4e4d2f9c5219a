#!/usr/bin/env bash
# A training that is interrupted at any moment, in any way, and goes on ends as one that never was: the same bits in the
# checkpoint and the model, the same lines but the seconds in metrics.jsonl.
. "${SOURCE:-.}/tests/cli.sh"
digits data
RECIPE=(--epochs 12 --batch 10 --lr 0.1 --seed 5)

# The tensors of a checkpoint: everything after the header, whose texts (path of the data, …) may differ.
tensors() {
    local length
    length=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    tail -c +$((9 + length)) "$1"
}

# An IDX file of 600 items cut to 500, which are so many bytes.
shorter() {
    { head -c 6 "$1"; printf '\001\364'; head -c "$2" "$1" | tail -c +9; } >shorter
    mv shorter "$1"
}

# same RUN OTHER WHAT
same() {
    cmp -s <(tensors "$1/checkpoint.safetensors") <(tensors "$2/checkpoint.safetensors") || fail "$3: the checkpoint differs"
    cmp -s "$1/model.onnx" "$2/model.onnx" || fail "$3: model.onnx differs"
    cmp -s "$1/best.onnx" "$2/best.onnx" || fail "$3: best.onnx differs"
    cmp -s <(sed -E 's/, "(seconds|wait_share|peak_bytes)": [^,}]*//g' "$1/metrics.jsonl") <(sed -E 's/, "(seconds|wait_share|peak_bytes)": [^,}]*//g' "$2/metrics.jsonl") ||
        { fail "$3: metrics.jsonl differs"; diff "$1/metrics.jsonl" "$2/metrics.jsonl" | head -n 4; }
    # shellcheck disable=SC2012
    [ "$(ls "$1")" = "$(ls "$2")" ] || { fail "$3: the folders hold other files"; ls "$1"; }
}

# Starts a training and ends it by a signal after about so many seconds, if it has not ended itself.
cut_off() {
    local signal=$1 seconds=$2
    shift 2
    "$STRIA" train "$@" >stdout 2>stderr </dev/null &
    local pid=$!
    sleep "$seconds"
    kill "-$signal" "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    return $?
}

# FOLDER and options: the same as soon as there is a checkpoint. A slow machine may have none after any fixed time.
cut_off_saved() {
    local folder=$1
    shift
    rm -rf "$folder"
    "$STRIA" train "$@" --out "$folder" >stdout 2>stderr </dev/null &
    local pid=$!
    until [ -e "$folder/checkpoint.safetensors" ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
}

# Goes on with a run, however often that needs.
finish_run() {
    expect 0 train --resume "$@" --json
}

expect 0 train lenet5 --data mnist:data "${RECIPE[@]}" --out whole --json
keys='^{"run":"whole","epochs":12,"steps":660,"train_loss":[0-9.e-]*,"val_top1":[0-9.e-]*,"test_top1":[0-9.e-]*,"skipped":0,"seconds":[0-9.e-]*,"peak_bytes":[0-9]*,"wait_share":[0-9.e-]*}$'
grep -q "$keys" stdout || { fail "train --json says otherwise:"; cat stdout; }
lines=$(wc -l <whole/metrics.jsonl)
[ "$lines" -eq 672 ] || fail "metrics.jsonl has $lines lines, not one for each of 660 steps and 12 epochs"

# Another thread count changes nothing.
expect 0 train lenet5 --data mnist:data "${RECIPE[@]}" --out threads --threads 3
same threads whole "three threads"

# Killed without a word, several times at random moments, before and after the first checkpoint.
RANDOM=${RESUME_SEED:-$$}
echo "RESUME_SEED=$RANDOM repeats the moments"
cut_off KILL 0.2 lenet5 --data mnist:data "${RECIPE[@]}" --out killed
if [ ! -e killed/checkpoint.safetensors ]; then
    expect 0 train lenet5 --data mnist:data --epochs 1 --batch 10 --lr 0.1 --seed 5 --out other
    cut_off_saved killed lenet5 --data mnist:data "${RECIPE[@]}"
fi
for ((i = 0; i < 4; i++)); do cut_off KILL "0.$((RANDOM % 6 + 1))" --resume killed --threads $((i % 3 + 1)); done
finish_run killed
same killed whole "killed"
rm killed/run.json # as where a kill came before it was written
finish_run killed
same killed whole "without run.json"

# Optimisers with more than one state, and those that count the steps.
for optimizer in adam:beta1=0.8 adamw rmsprop adagrad:decay=0.01 nadam lamb lion muon ftrl sgd:momentum=0.9,style=keras; do
    name=${optimizer%%:*}
    options=(lenet5 --data mnist:data --epochs 3 --batch 10 --lr 0.01 --seed 5 --weight-decay 0.01 --optimizer "$optimizer")
    expect 0 train "${options[@]}" --out "$name-whole"
    cut_off KILL "0.$((RANDOM % 3 + 1))" "${options[@]}" --out "$name-killed"
    if [ ! -e "$name-killed/checkpoint.safetensors" ]; then
        cut_off_saved "$name-killed" "${options[@]}"
    fi
    finish_run "$name-killed" --threads 3
    same "$name-killed" "$name-whole" "killed with $optimizer"
done

# Ended politely: it saves, says how to go on, exits with 1.
for signal in INT TERM; do
    # bash makes background jobs ignore SIGINT; env takes that back
    env --default-signal=INT "$STRIA" train lenet5 --data mnist:data "${RECIPE[@]}" --out "$signal" >stdout 2>stderr </dev/null &
    pid=$!
    for ((i = 0; i < 400; i++)); do
        [ -s "$signal/model.onnx" ] && break
        sleep 0.02
    done
    sleep "0.$((RANDOM % 3))"
    kill "-$signal" $pid
    wait $pid
    code=$?
    [ $code -eq 1 ] || fail "after SIG$signal it exits with $code"
    says stderr "everything is saved, continue with: stria train --resume $signal"
    finish_run "$signal"
    same "$signal" whole "SIG$signal"
done

# --epochs may grow; the schedule counts to the new end, so only a constant rate gives the bits of a longer run.
CONSTANT=(--batch 10 --lr 0.1 --seed 5 --schedule constant)
expect 0 train lenet5 --data mnist:data "${CONSTANT[@]}" --epochs 3 --out long
expect 0 train lenet5 --data mnist:data "${CONSTANT[@]}" --epochs 1 --out grown
mv data moved
expect 1 train --resume grown --epochs 3
says stderr "no folder data"
finish_run grown --epochs 3 --data mnist:moved
same grown long "with more epochs and moved data"
expect 0 eval grown --limit 10 --json

# Other data under the same name is not what the training began with.
cp -r moved changed
shorter changed/train-images-idx3-ubyte 392016
shorter changed/train-labels-idx1-ubyte 508
expect 1 train --resume grown --epochs 4 --data mnist:changed
says stderr "is not what this training began with"
mv moved data

# Half a line, lines after the checkpoint and files of a killed writer go when it goes on.
expect 0 train lenet5 --data mnist:data "${CONSTANT[@]}" --epochs 1 --out tidy
printf '{"kind": "step", "step": 999, "epoch": 9, "loss": 1}\n{"kind": "st' >>tidy/metrics.jsonl
touch tidy/checkpoint.safetensors.999999-0.tmp tidy/model.onnx.999999-1.tmp tidy/mine.tmp
finish_run tidy --epochs 3
[ -e tidy/mine.tmp ] || fail "a file of the user's is gone"
rm -f tidy/mine.tmp
same tidy long "after tidying up"

# Two trainings into one folder: the second is told, the first goes on.
"$STRIA" train lenet5 --data mnist:data "${RECIPE[@]}" --epochs 100000 --out shared >/dev/null 2>&1 </dev/null &
pid=$!
for ((i = 0; i < 400; i++)); do
    [ -s shared/model.onnx ] && break
    sleep 0.05
done
expect 1 train --resume shared
grep -q "^stria: 'shared' is locked by process $pid$" stderr && [ "$(wc -l <stderr)" -eq 1 ] || { fail "the lock says:"; cat stderr; }
expect 1 train lenet5 --data mnist:data --out shared
[ "$(wc -l <stderr)" -eq 1 ] || { fail "one sentence wanted:"; cat stderr; }
kill -0 $pid || fail "the first training has ended"
kill -TERM $pid
wait $pid
expect 0 eval shared --limit 10

expect 1 train --resume nowhere
[ "$(wc -l <stderr)" -eq 1 ] || { fail "one sentence wanted:"; cat stderr; }
finish
