#!/usr/bin/env bash
# Labels that are shares of classes, from csv: and npy:, through training, eval, the report and the words of stria data.
. "${SOURCE:-.}/tests/cli.sh"

# Forty pictures, the brighter the more of dog.
mkdir pictures
bright=(80 160 0 240)
{ echo "path,cat,dog"
  for i in {1..40}; do
      printf 'P2\n4 4\n255\n' >pictures/$i.pgm
      for p in {1..16}; do echo $((${bright[i % 4]} + (i * p * 7) % 8)); done >>pictures/$i.pgm
      [ $((i % 4)) = 1 ] && echo "pictures/$i.pgm,0.25,0.75"
      [ $((i % 4)) = 3 ] && echo "pictures/$i.pgm,0,1"
      [ $((i % 4)) = 0 ] && echo "pictures/$i.pgm,0.625,0.375"
      [ $((i % 4)) = 2 ] && echo "pictures/$i.pgm,1,0"
  done; } >soft.csv
sed 's/,cat,dog/,label/; s/,0.25,0.75/,dog/; s/,0,1/,dog/; s/,0.625,0.375/,cat/; s/,1,0/,cat/' soft.csv >hard.csv

train=(--epochs 100 --batch 8 --lr 0.5 --schedule constant --val no --seed 1)
expect 0 train linear:size=1x4x4 --data csv:soft.csv "${train[@]}" --out soft
expect 0 train linear:size=1x4x4 --data csv:hard.csv "${train[@]}" --out hard
cmp -s soft/model.onnx hard/model.onnx && fail "shares train as their greatest classes do"
expect 0 train linear:size=1x4x4 --data csv:soft.csv "${train[@]}" --threads 1 --out again
cmp -s soft/model.onnx again/model.onnx || fail "a training on shares has other bits with one thread"

# Accuracy counts the greatest share. The loss is the cross-entropy with all of them, so at least their entropy, whose mean
# here is (0.562 + 0.662) / 4; labels of one class have none.
[ "$(grep -c report soft/report.html)" -gt 0 ] || fail "no report"
expect 0 eval soft/model.onnx --data csv:soft.csv --split train --json
jq -e '.top1 == 1 and .loss > 0.3059 and .loss < 0.45' stdout >/dev/null || { fail "eval of shares"; cat stdout; }
expect 0 eval hard/model.onnx --data csv:hard.csv --split train --json
jq -e '.top1 == 1 and .loss < 0.3' stdout >/dev/null || { fail "eval of classes"; cat stdout; }
expect 0 report soft

# The columns in another order are the same classes.
awk -F, -v OFS=, '{ print $1, $3, $2 }' soft.csv >turned.csv
expect 0 eval soft/model.onnx --data csv:soft.csv --split train --json
loss=$(jq .loss stdout)
expect 0 eval soft/model.onnx --data csv:turned.csv --split train --json
[ "$(jq .loss stdout)" = "$loss" ] || fail "columns in another order: loss $(jq .loss stdout), not $loss"

# A frozen part is computed once, and its features keep the shares: the loss is that of a training that computes it always.
frozen=(mlp:size=1x4x4,hidden=8 --data csv:soft.csv --epochs 3 --batch 8 --val no --freeze all-but-head)
expect 0 train "${frozen[@]}" --out once
expect 0 train "${frozen[@]}" --augment "flip p 0" --out always
once=$(tail -n 1 once/results.csv) always=$(tail -n 1 always/results.csv)
echo "$once,$always" | awk -F, '{ d = $2 - $(NF / 2 + 2); exit !(d * d < 1e-8 && $2 > 0.1) }' || fail "features: $once, always $always"

# Mixing and class weights take them.
expect 0 train linear:size=1x4x4 --data csv:soft.csv --epochs 1 --batch 8 --augment "mixup 1" --class-weights balanced --out mixed
refused 2 "--loss: hinge takes one class for each picture, not shares of classes (of data that has them, mixup, cutmix)" \
    train linear:size=1x4x4 --data csv:soft.csv --loss hinge --batch 8 --out never

# The words of stria data: what they say, or why not.
expect 0 data check csv:soft.csv
says stdout "labels are shares of classes; an image counts for the greatest"
expect 0 data check csv:soft.csv --json
[ "$(jq -c '[.labels, .classes[].images]' stdout)" = '["shares",20,20]' ] || { fail "data check --json"; cat stdout; }
expect 0 data check csv:hard.csv --json
[ "$(jq -r .labels stdout)" = classes ] || fail "data check --json of classes"
expect 0 data stats csv:soft.csv
expect 0 data show csv:soft.csv --output sheet.png
folders="the labels are shares of classes: folders have one class for each picture"
refused 2 "$folders" data split csv:soft.csv --output parts
refused 2 "$folders" data augment csv:soft.csv --augment flip --output more
refused 2 "the labels are shares of classes: a shard has one class for each picture" data pack csv:soft.csv --output s/t
[ ! -e parts ] && [ ! -e more ] && [ ! -e s ] || fail "a refused word left something"

# npy FILE DESCR SHAPE: a header; the numbers follow on standard input.
npy() {
    { printf '\x93NUMPY\x01\x00v\x00%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"; cat; } >"$1"
}
half='\0\0\0\77' one='\0\0\200\77' none='\0\0\0\0' nan='\0\0\300\177' minus='\0\0\200\277' two='\0\0\0\100'
for i in {1..24}; do printf '\0\0\0\0'; printf '\377\377\377\377'; done | npy x.npy '|u1' '48, 2, 2'
for i in {1..24}; do printf "$one$none$none$none$half$half"; done | npy y.npy '<f4' '48, 3'
expect 0 train linear --data npy:x.npy,y.npy --epochs 30 --lr 0.5 --schedule constant --batch 8 --val no --out arrays
expect 0 eval arrays/model.onnx --data npy:x.npy,y.npy --split train --json
jq -e '.top1 == 1 and .loss > 0.3465 and .loss < 0.4' stdout >/dev/null || { fail "eval of arrays"; cat stdout; }
bad() {
    local sentence=$1
    { printf "$one$none$none$2"; for i in {3..48}; do printf "$one$none$none"; done; } | npy bad.npy '<f4' "${3:-48, 3}"
    expect 1 train linear --data npy:x.npy,bad.npy --out never
    says stderr "$sentence"
}
bad "bad.npy: row 1: the share of class 2 is NaN" "$one$none$nan"
bad "bad.npy: row 1: the share of class 0 is -1, below 0" "$minus$one$one"
bad "bad.npy: row 1: the shares of its 3 classes sum to 1.5, not to 1" "$one$none$half"
bad "bad.npy: shares of classes [72, 2] for 48 items; expected [48, classes]" "$one$none$none" "72, 2"
[ ! -e never ] || fail "a refused training left a folder"

finish
