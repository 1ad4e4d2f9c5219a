#!/usr/bin/env bash
# Pictures that cannot be read: train and eval stop at the first and name it, or leave them out with --skip-bad, in the
# same way for any number of threads; a training goes on when a damaged one was replaced.
. "${SOURCE:-.}/tests/cli.sh"

picture() { printf "P6 2 2 255\n$2$2$2$2" >"$1"; }
red='\377\000\000' blue='\000\000\377'
mkdir -p data/train/blue data/train/red data/test/blue data/test/red
for i in 1 2 3 4 5 6 7 8 9; do
    for part in train test; do
        picture data/$part/blue/$i.ppm "$blue"
        picture data/$part/red/$i.ppm "$red"
    done
done
printf 'stria-net 1\nimage = input(batch x 3 x 2 x 2)\nflat = flatten(image)\nlogits = dense(flat, 2)\noutput(logits)\n' >net.net
train() { expect "$1" train net.net --data folder:data --val no --batch 4 --seed 3 "${@:2}"; }
same_runs() {
    for file in model.onnx metrics.jsonl; do
        sed -E 's/"(seconds|wait_share|peak_bytes)":[^,}]*//g' "$1/$file" >one
        sed -E 's/"(seconds|wait_share|peak_bytes)":[^,}]*//g' "$2/$file" >two
        cmp -s one two || fail "$1/$file and $2/$file differ"
    done
}

train 0 --epochs 3 --out whole
says stderr 'epoch 3/3'

# eval: at the first bad one by its path, or without all of them.
printf 'P6 2 2 255\nabc' >data/test/blue/2.ppm
: >data/test/red/7.ppm
refused 1 "data/test/blue/2.ppm: truncated: 2 x 2 pixels do not fit into its bytes; --skip-bad leaves such pictures out" \
    eval whole --data folder:data
for batch in 1 3 18 64; do
    for threads in 1 2 7; do
        expect 0 eval whole --data folder:data --skip-bad --batch $batch --threads $threads --json
        says stdout '"images":16,"skipped":2,'
        says stdout '"support":8'
        says stdout '"top1":1.0'
        [ -e wanted ] || cp stdout wanted
        cmp -s stdout wanted || fail "batch $batch and $threads threads give something else"
        [ ! -s stderr ] || { fail "eval --skip-bad warns of something else"; cat stderr; }
    done
done
expect 0 eval whole --data folder:data --skip-bad
says stdout '16 images: top-1 100.00 %'
says stdout '2 more images cannot be read and are not counted, the first: data/test/blue/2.ppm: truncated'
mkdir -p none/test/blue none/test/red
: >none/test/blue/1.ppm
: >none/test/red/1.ppm
refused 1 "none of the 2 pictures can be read, the first because of this: none/test/blue/1.ppm: an empty file" \
    eval whole --data folder:none --skip-bad
# predict: a row and exit code 1 for each, or left out and counted.
expect 1 predict whole data/test/blue data/test/red --csv all.csv
says stderr "stria: data/test/blue/2.ppm: truncated"
expect 0 predict whole data/test/blue data/test/red --csv good.csv --skip-bad
says stderr "warning: 2 pictures cannot be read and are skipped, the first: data/test/blue/2.ppm: truncated"
[ "$(wc -l <stderr)" = 1 ] || { fail "predict --skip-bad says more than one sentence"; cat stderr; }
[ "$(($(wc -l <all.csv) - $(wc -l <good.csv)))" = 2 ] || fail "predict --skip-bad has rows of bad pictures"
grep -v -e '/2.ppm' -e '/7.ppm' all.csv >wanted.csv
grep -v -e '/2.ppm' -e '/7.ppm' good.csv | cmp -s - wanted.csv || fail "predict --skip-bad says something else of good pictures"
expect 0 predict whole --data folder:data --limit 0 --skip-bad --json
[ "$(jq length stdout)" = 16 ] || fail "predict --data --skip-bad has $(jq length stdout) pictures"
says stderr "warning: 2 pictures cannot be read and are skipped"
expect 0 predict whole data/test/blue/1.ppm data/test/blue/2.ppm --skip-bad
says stderr "warning: 1 picture cannot be read and is skipped: data/test/blue/2.ppm: truncated"
refused 1 "none of the 2 pictures can be read, the first because of this: none/test/blue/1.ppm: an empty file" \
    predict whole none/test/blue none/test/red --skip-bad
rm data/test/blue/2.ppm data/test/red/7.ppm

# train: the same of training images; what was asked for stays with the run.
cp -r data/train good
printf 'P6 2 2 255\nabc' >data/train/blue/4.ppm
: >data/train/red/2.ppm
train 1 --epochs 3 --out stopped --threads 1
says stderr 'data/train/'
says stderr '; --skip-bad leaves such pictures out'
says stderr 'once the cause is removed, continue with: stria train --resume stopped'
for threads in 1 2 7; do train 0 --epochs 3 --out skips$threads --threads $threads --skip-bad --json; done
says stdout '"skipped":2,'
says stderr 'warning: 2 pictures cannot be read and are skipped, the first: data/train/blue/4.ppm: truncated'
[ "$(grep -c skipped stderr)" = 1 ] || fail "what is skipped is not said once"
same_runs skips1 skips2
same_runs skips1 skips7
train 0 --epochs 1 --out parts --skip-bad
expect 0 train --resume parts --epochs 2
expect 0 train --resume parts --epochs 3
says stderr 'skip-bad'
train 0 --epochs 3 --out at-once --skip-bad --schedule constant
train 0 --epochs 1 --out in-parts --skip-bad --schedule constant
expect 0 train --resume in-parts --epochs 3
cmp -s at-once/model.onnx in-parts/model.onnx || fail "a training in parts is another one"
expect 0 train --resume stopped --skip-bad
same_runs stopped skips1

# One that was damaged is replaced by a good one, larger and of another kind of file's contents.
for with in '' --skip-bad; do
    rm -rf again
    # shellcheck disable=SC2086 # none or one word
    train $([ "$with" ] && echo 0 || echo 1) --epochs 3 --out again $with
    { printf 'P6 4 4 255\n'; for _ in 1 2 3 4 5 6 7 8; do printf "$blue$blue"; done; } >data/train/blue/4.ppm
    printf 'P5 2 2 255\nabcd' >data/train/red/2.ppm
    expect 0 train --resume again --epochs 4
    says stderr 'epoch 4/4'
    expect 0 eval again --data folder:data --split train
    says stdout '18 images'
    printf 'P6 2 2 255\nabc' >data/train/blue/4.ppm
    : >data/train/red/2.ppm
done
# What is suggested next works: without test images, the run is judged on the rest of its training images.
mkdir -p untested && cp -r data/train untested/train
for class in blue red; do for i in 1 3 5 7 9; do : >untested/train/$class/${i}b.ppm; done; done
expect 0 train net.net --data folder:untested --epochs 1 --batch 4 --out next --skip-bad
command=$(grep -m 1 '^  stria eval' stdout)
[ "$command" = "  stria eval next --split val --skip-bad" ] || fail "another command is suggested: $command"
# shellcheck disable=SC2086 # words
expect 0 ${command#  stria }
rm data/train/red/2.ppm
refused 1 "the data at 'data' (17 images) is not what this training began with ('folder:data', 18 images)" \
    train --resume again --epochs 5
picture data/train/red/2b.ppm "$red"
expect 1 train --resume again --epochs 5
says stderr 'is not what this training began with'
rm -rf data/train
mv good data/train

# Validation pictures; in the test of the end; nothing that can be read.
mkdir -p data/val
cp -r data/test/. data/val
: >data/val/blue/1.ppm
: >data/test/blue/1.ppm
: >data/train/red/5.ppm
expect 1 train net.net --data folder:data --epochs 2 --batch 4 --out val
expect 0 train net.net --data folder:data --epochs 2 --batch 4 --out val2 --skip-bad --json
says stdout '"skipped":3,'
says stderr 'warning: 2 pictures cannot be read and are skipped, the first: data/train/red/5.ppm: an empty file'
expect 0 train net.net --data folder:data --epochs 2 --batch 4 --out val3 --skip-bad
says stdout '1 more image cannot be read and is not counted: data/test/blue/1.ppm: an empty file'
says stdout 'data/test/blue/3.ppm: true: blue'
grep -q 'data/test/blue/1.ppm: true' stdout && fail "a bad picture is drawn"
for file in data/train/*/*; do : >"$file"; done
expect 1 train net.net --data folder:data --epochs 2 --batch 4 --out val4 --skip-bad
says stderr 'stria: none of the 18 pictures can be read, the first because of this: data/train/blue/1.ppm: an empty file'

# It is an option like others.
refused 2 "--skip-bad takes no value" eval whole --skip-bad=1
refused 2 "--skip-bad takes no value" train net.net --data folder:data --skip-bad=1
for verb in train eval predict; do
    expect 0 $verb --help
    says stdout '--skip-bad'
done
finish
