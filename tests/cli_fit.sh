#!/usr/bin/env bash
# Networks take their classes and input from the data; the validation share is the run's, afterwards too.
. "${SOURCE:-.}/tests/cli.sh"

for class in a b c; do
    mkdir -p grey/$class photos/$class
    for i in 1 2 3 4 5; do
        { printf 'P5 20 16 255\n'; head -c 320 /dev/zero | tr '\0' "\\$i$class"; } >grey/$class/$i.pgm
        { printf 'P6 %d 120 255\n' $((100 + i)); head -c $((360 * (100 + i))) /dev/zero; } >photos/$class/$i.ppm
    done
done
# Small pictures of one size as they are; photos as large as the network was made for, at least 64.
expect 0 train lenet --data folder:grey --epochs 1 --batch 4 --out one
says stderr "input     1×16×20"
expect 0 summary one --json
says stdout '"shape":[0,3]'
expect 0 train lenet --data folder:photos --epochs 1 --batch 4 --out two
says stderr "input     3×64×64: pictures are resized"
# What is given counts.
expect 0 train lenet:size=1x28x28 --data folder:photos --epochs 1 --batch 4 --out three
says stderr "input     1×28×28: pictures are turned grey and resized"
says stderr "no final evaluation: photos has no test split, only train, of which val is a part"
refused 2 "photos has no test split, only train, of which val is a part; --split val takes its validation images" \
    eval two --data folder:photos
mkdir -p only/valid && cp -r photos/. only/valid
refused 2 "only has no test folder; --split val takes its validation images" eval two --data folder:only
# Few colour photos have defaults of their own, which --help says; what is given counts, and a trained network has none.
tr -d ' \n' <two/options.json >made
for word in '"loss":"cross_entropy:label_smoothing=0.1"' '"augment":"resized-crop' '"weight-decay":0.0005' '"clip-norm":5'; do
    grep -q "$word" made || { fail "few photos are trained without $word:"; cat two/options.json; }
done
expect 0 train lenet --data folder:photos --steps 1 --batch 4 --loss cross_entropy --augment none --out given
jq -e '.epochs == 200 and .loss == "cross_entropy" and .augment == "none"' given/options.json >/dev/null ||
    { fail "what is given does not count:"; cat given/options.json; }
expect 0 train two --data folder:photos --steps 1 --batch 4 --out again
jq -e '.epochs == 10 and .loss == "cross_entropy"' again/options.json >/dev/null || { fail "a trained network has other defaults:"; cat again/options.json; }
expect 0 train --help
tr -s ' \n' ' ' <stdout >words
says words "for fewer than 13,600 of them --loss cross_entropy:label_smoothing=0.1, and up to 200 --epochs"
# One class is none to learn; a class that only validates is said.
mkdir -p single && cp -r grey/a single
refused 1 "the data has one class, 'a': a classifier tells two or more apart" train lenet --data folder:single
mkdir -p parts && cp -r grey parts/train && cp -r grey parts/val && cp -r grey/a parts/val/zebra
expect 0 train linear --data folder:parts --epochs 1 --batch 4 --out lacks
says stderr "note      no training image is of class 'zebra', but 5 validation images"
refused 1 "the data has 3 classes, the model's output 'logits' has 10" train lenet --classes 10 --data folder:grey --batch 4
# 15 pictures: a fifth validates, or what is said; the run keeps it.
expect 0 train linear --data folder:grey --epochs 1 --batch 4
says stderr "12 images in 3 classes for training, 3 for validation"
expect 0 train linear --data folder:grey --epochs 1 --batch 4 --val 0.4 --draw-seed 3 --out four
says stderr "9 images in 3 classes for training, 6 for validation"
expect 0 eval four --split val --json
[ "$(jq .images stdout)" = 6 ] || fail "eval forgets the run's validation share"
expect 0 eval four --split val --val 0.2 --json
[ "$(jq .images stdout)" = 3 ] || fail "--val of eval does not count"
expect 0 train --resume four --epochs 2
says stderr "9 images in 3 classes for training, 6 for validation"
expect 0 train linear --data folder:grey --epochs 1 --batch 4 --val no --out five
says stderr "15 images in 3 classes"
refused 2 "--val: '7' is not yes, no or a share between 0 and 1, as 0.2" train linear --data folder:grey --val 7
refused 2 "--val: 'no' is not a share between 0 and 1, as 0.2" eval four --val no

finish
