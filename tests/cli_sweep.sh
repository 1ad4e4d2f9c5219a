#!/bin/bash
# Grids of trainings: every combination once, alike to a training by itself; going on; what is refused; the summary.
. "${SOURCE:-.}/tests/cli.sh"
digits data
common=(mlp:hidden=16 --data mnist:data --batch 50 --epochs 2)

expect 0 train "${common[@]}" --sweep "optimizer = momentum, adam lr=0.001; weight-decay=0|0.01" --repeat 2 --seed 5 --out grid --lr 0.1
[ "$(ls -d grid/0* | tr '\n' ' ')" = "grid/001-momentum-0-seed5 grid/001-momentum-0-seed6 grid/002-momentum-0.01-seed5 grid/002-momentum-0.01-seed6 grid/003-adam_lr_0.001-0-seed5 grid/003-adam_lr_0.001-0-seed6 grid/004-adam_lr_0.001-0.01-seed5 grid/004-adam_lr_0.001-0.01-seed6 " ] ||
    { fail "other folders:"; ls grid; }
[ "$(wc -l <grid/sweep.csv)" = 9 ] && [ "$(head -n 1 grid/sweep.csv)" = "run,optimizer,weight-decay,seed,epochs,steps,train_loss,val_top1,test_top1,seconds,diverged" ] ||
    { fail "sweep.csv is another:"; cat grid/sweep.csv; }
[ "$(grep -c "^optimizer\|^momentum\|^adam" stdout)" = 5 ] || { fail "the table has other rows:"; cat stdout; }
says stdout " ± "
says stderr "8/8  optimizer=adam lr=0.001 weight-decay=0.01 seed 6: validation"
[ "$(grep -c "epoch 1/2" stderr)" = 0 ] || fail "a sweep shows every epoch"
grep -q "<svg" grid/sweep.svg && grep -q "optimizer=adam lr=0.001 weight-decay=0.01" grid/sweep.svg || fail "sweep.svg lacks a combination"

# Each is the training that its options say.
expect 0 train "${common[@]}" --optimizer adam --lr 0.001 --weight-decay 0.01 --seed 6 --out alone
cmp -s alone/model.onnx grid/004-adam_lr_0.001-0.01-seed6/model.onnx || fail "a training of the sweep is not the one by itself"
grep -q -- "--lr 0.001 --optimizer adam --weight-decay 0.01 --seed 6" grid/004-adam_lr_0.001-0.01-seed6/run.json ||
    { fail "run.json has another command:"; cat grid/004-adam_lr_0.001-0.01-seed6/run.json; }

# What is there is not trained again; more seeds are added; what was cut off goes on.
touch -d 2001-01-01 grid/*/model.onnx
expect 0 train "${common[@]}" --sweep "optimizer = momentum, adam lr=0.001; weight-decay=0|0.01" --repeat 3 --seed 5 --out grid --lr 0.1 --json
[ "$(find grid -name model.onnx -newermt 2020-01-01 | wc -l)" = 4 ] || fail "not only the four new trainings were made"
grep -q '"runs": *3' stdout || { fail "--json says other numbers of runs:"; cat stdout; }
refused 2 "'grid' holds another sweep; choose another folder, or give the same options" \
    train "${common[@]}" --sweep "optimizer=adam" --out grid
"$STRIA" train "${common[@]}" --epochs 600 --sweep "lr=0.1,0.01" --schedule constant --out cut >stdout 2>stderr &
pid=$!
await $pid '"epoch": 3,' cut/001-0.1-seed0/metrics.jsonl
kill -TERM $pid
wait $pid
[ $? = 1 ] || fail "a sweep that was stopped exits with another code"
says stderr "the same command with --out cut goes on"
[ ! -e cut/002-0.01-seed0 ] || fail "a sweep that was stopped went on with the next training"
expect 0 train "${common[@]}" --epochs 600 --sweep "lr=0.1,0.01" --schedule constant --out cut
[ "$(grep -c . cut/sweep.csv)" = 3 ] || fail "a sweep that went on has not both trainings"
grep -q "continued" cut/001-0.1-seed0/run.json || fail "the training that was cut off began again"
# A kill came after a training was complete and before sweep.json had it: its results are not lost.
cp cut/sweep.csv whole.csv
{ sed '/^  "results": {/,$d' cut/sweep.json; echo '"results": {}}'; } >sweep.json
mv sweep.json cut
expect 0 train "${common[@]}" --epochs 600 --sweep "lr=0.1,0.01" --schedule constant --out cut
cmp -s <(cut -d, -f1-8,10 whole.csv) <(cut -d, -f1-8,10 cut/sweep.csv) || { fail "results were lost:"; cat whole.csv cut/sweep.csv; }
awk -F, 'NR > 1 && !($9 > 0.01) { exit 1 }' cut/sweep.csv || { fail "the time of a complete training was lost:"; cat cut/sweep.csv; }

# Seeds of unequal length, and one that diverged: the mean is of those that did not, as far as all of them go. The logs are
# cut by hand and everything counts as trained, so that the command only reports.
uneven=(train "${common[@]}" --batch 20 --epochs 6 --sweep "lr=0.1,0.01" --repeat 3 --out uneven)
curve() { # PANEL: how many points the first combination's curve has there
    grep -o 'class="curve k0" d="[^"]*"' uneven/sweep.svg | sed -n "${1}p" | tr -cd ML | wc -c
}
expect 0 "${uneven[@]}"
[ "$(curve 1) $(curve 4)" = "6 162" ] || fail "a mean of whole runs has $(curve 1) epochs and $(curve 4) steps, not 6 and 162"
sed -i '/"step": 109,/,$d' uneven/001-0.1-seed1/metrics.jsonl # four epochs
sed -i '/"step": 30,/,$d' uneven/001-0.1-seed2/metrics.jsonl  # one epoch
expect 0 "${uneven[@]}"
[ "$(curve 1) $(curve 4)" = "1 29" ] || fail "a mean of unequal runs has $(curve 1) epochs and $(curve 4) steps, not 1 and 29"
sed -i '/"run": "uneven\/001-0.1-seed2"/,/val_top1/ { s/"epochs"/"diverged": true, &/; s/"val_top1": .*/"val_top1": 0.1,/ }' \
    uneven/sweep.json
expect 0 "${uneven[@]}"
[ "$(curve 1) $(curve 4)" = "4 108" ] || fail "a mean without the diverged run has $(curve 1) epochs and $(curve 4) steps, not 4 and 108"
grep -q "lr=0.1 (1 of 3 diverged)" uneven/sweep.svg || fail "sweep.svg does not say that a run diverged"
says stdout "mean ± deviation over 3 seeds, without those that diverged"
grep -q '^0.1  *3  *1 .*100.00 ± 0.00 %' stdout || { fail "the diverged run counts in the mean:"; cat stdout; }
expect 0 "${uneven[@]}" --json
grep -q '"runs":3,"diverged":1,.*"val_top1":{"mean":1.0,"deviation":0.0,"runs":2}' stdout || { fail "--json has another number of runs in a mean:"; cat stdout; }

# Values with commas in them, parted by bars.
expect 0 train "${common[@]}" --epochs 1 --sweep "optimizer=sgd:momentum=0.9,nesterov=1|adam:beta1=0.8,beta2=0.9|lion" --lr 0.001 --out bars
[ "$(ls -d bars/0* | tr '\n' ' ')" = "bars/001-sgd_momentum_0.9_nesterov_1-seed0 bars/002-adam_beta1_0.8_beta2_0.9-seed0 bars/003-lion-seed0 " ] ||
    { fail "bars part other values:"; cat stderr; ls bars; }

# A rate that diverges is a result; other failures end it.
expect 0 train "${common[@]}" --sweep "lr=0.1,1000000" --weight-decay 1 --out wild
says stderr "lr=1000000 seed 0: diverged"
grep -q ",1$" wild/sweep.csv || fail "sweep.csv does not say what diverged"
grep -q "lr=1000000 (diverged)" wild/sweep.svg || fail "sweep.svg does not say what diverged"

refused 2 "'bars' is the folder of a sweep: the same command with --sweep and --out bars goes on" train --resume bars
expect 2 train mlp --data mnist:data --epochs 1 --sweep "model=mlp:hidden=4,linear:hidden=4" --out early
[ ! -e early ] || fail "a sweep trains before it refuses a model"
for class in a b; do
    mkdir -p bad/$class
    for i in 1 2 3 4 5; do { printf 'P5 20 16 255\n'; head -c 320 /dev/zero; } >bad/$class/$i.pgm; done
done
printf 'P5 20 16 255\nshort' >bad/b/4.pgm
expect 1 train linear --data folder:bad --val no --batch 5 --epochs 1 --sweep "lr=0.1,0.2" --out half
says stderr "when the cause is removed, the same command with --out half goes on; with other values it needs another folder"
refused 2 "--sweep: 'momentun' is not an option of a training with a value" train "${common[@]}" --sweep "momentun=1" --out no
refused 2 "--optimizer: there is no optimiser 'adan'; did you mean 'adam'?" train "${common[@]}" --sweep "optimizer=sgd,adan" --out no
refused 2 "--sweep: lr stands there twice; all its values go together: lr=VALUE,VALUE" train "${common[@]}" --sweep "lr=0.1; lr=0.2" --out no
refused 2 "--sweep: lr has the value 0.1 twice; --repeat N trains each combination from N seeds" train "${common[@]}" --sweep "lr=0.1, 0.1" --out no
refused 2 "--sweep: optimizer has the value adam lr=0.1 twice" train "${common[@]}" --sweep "optimizer=adam lr=0.1,sgd,adam lr=0.1" --repeat 2 --out no
refused 2 "--sweep: 'lr' is not of the form OPTION=VALUE,VALUE,…" train "${common[@]}" --sweep "lr" --out no
refused 2 "--sweep: lr has an empty value" train "${common[@]}" --sweep "lr=0.1,,0.2" --out no
refused 2 "--sweep: there is nothing in it" train "${common[@]}" --sweep ";" --out no
refused 2 "--sweep: more than 1000 trainings" train "${common[@]}" --sweep "lr=0.1,0.2" --repeat 501 --out no
# The last combination is looked at before the first is trained: its model, its options, its pictures.
early() { # CODE WORDS OPTIONS…
    expect "$1" train "${@:3}" --out no
    says stderr "$2"
    [ "$(wc -l <stderr)" = 1 ] && [ ! -e no ] || { fail "a sweep trains before it refuses:"; cat stderr; }
}
early 2 "model=lenet5:kernel=3: " "${common[@]}" --sweep "model=linear|lenet5:kernel=3"
early 1 "model=nosuch.onnx: " "${common[@]}" --sweep "model=linear,nosuch.onnx"
early 2 "batch=60000: " "${common[@]}" --sweep "batch=20,60000"
early 2 "patience=2: --patience needs validation images" linear --data mnist:data --limit 200 --epochs 1 --val no --sweep "patience=0,2"
early 2 "lr-factor=nosuch" "${common[@]}" --sweep "lr-factor=logits*=2|nosuch*=2"
early 1 "data=mnist:nowhere: " linear --data mnist:data --epochs 1 --sweep "data=mnist:data,mnist:nowhere"
refused 2 "train: --sweep needs --out FOLDER, for the trainings and their results" train "${common[@]}" --sweep "lr=1,2"
refused 2 "train: --repeat needs --sweep" train "${common[@]}" --repeat 2
refused 2 "--out: more than 1023 characters" train "${common[@]}" --sweep "lr=1,2" --out "$(printf '%01100d' 0)"

# A sweep.json that is damaged, or of something else, is refused and stays as it is.
mkdir damaged
printf '{"identity": ' >damaged/sweep.json
expect 1 train "${common[@]}" --sweep "lr=0.1,0.2" --out damaged
says stderr "'damaged/sweep.json' is not JSON: line 1"
sed 's/"results"/"others"/' bars/sweep.json >damaged/sweep.json
cp damaged/sweep.json before.json
expect 1 train "${common[@]}" --epochs 1 --sweep "optimizer=sgd:momentum=0.9,nesterov=1|adam:beta1=0.8,beta2=0.9|lion" --lr 0.001 --out damaged
says stderr "'damaged/sweep.json' is not a file of stria train --sweep: it lacks results"
cmp -s before.json damaged/sweep.json && [ ! -e damaged/001* ] || fail "a damaged sweep.json was written over"
[ ! -e no ] || fail "a refused sweep leaves a folder"
finish
