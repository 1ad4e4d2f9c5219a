#!/bin/bash
# A training that does not fit the memory is refused before its first step, with the largest batch that fits; --batch auto.
. "${SOURCE:-.}/tests/cli.sh"
digits data
common=(train lenet5 --data mnist:data --steps 2 --schedule constant --threads 1)
largest() { sed -n 's/.*the largest batch that fits is \([0-9]*\): --batch \1$/\1/p' stderr; }
batch_of() { sed -n 's/.*"batch": \([0-9]*\),.*/\1/p' "$1/options.json"; }

# The batch that is named fits, the next one does not.
for more in "" --recompute "--optimizer adam --ema 0.9" "--val no"; do
    expect 1 "${common[@]}" --memory 9 --batch 500 --out no $more
    says stderr "a training step of 500 images takes "
    most=$(largest)
    [ "${most:-0}" -gt 10 ] || { fail "no batch is named, or one too small:"; cat stderr; }
    expect 0 "${common[@]}" --memory 9 --batch "$most" --out "named$most" $more
    expect 1 "${common[@]}" --memory 9 --batch $((most + 1)) --out no $more
    [ "$(largest)" = "$most" ] || { fail "of $((most + 1)) images another largest batch is named than $most:"; cat stderr; }
    rm -r "named$most"
done
[ ! -e no ] || fail "a refused training leaves a folder"
expect 1 "${common[@]}" --memory 1 --out no
says stderr "not even one image fits"
expect 1 train mlp --data mnist:data --steps 1 --optimizer adam --memory 2 --out no
says stderr "the weights and what the optimiser keeps take 3.8 MiB of memory, and 2.0 MiB of --memory are given; --optimizer sgd keeps nothing for each weight"

# What is free: no machine has terabytes.
expect 1 train resnet18:size=3x2048x2048 --data mnist:data --batch 500 --steps 1 --val no --out no
says stderr "of memory, and "
says stderr "are free; "

# auto: the largest power of two with which it fits, up to a quarter of the images; the run keeps it.
expect 0 "${common[@]}" --batch auto --out free
[ "$(batch_of free)" = 128 ] || fail "--batch auto takes $(batch_of free) of 550 images, not 128"
expect 1 "${common[@]}" --memory 5 --batch 500 --out no
most=$(largest) power=1
while [ $((power * 2)) -le "$most" ]; do power=$((power * 2)); done
expect 0 "${common[@]}" --batch auto --memory 5 --out small
auto=$(batch_of small)
[ "$auto" = "$power" ] || [ $((auto * 2)) = "$power" ] || fail "--batch auto takes $auto where $most fit"
[ "$auto" -lt 128 ] || fail "--memory 5 changes nothing"
expect 0 train --resume small --steps 4 --memory 0
[ "$(batch_of small)" = "$auto" ] || fail "a run that goes on has another batch than it chose"
says stderr "batch $auto,"
expect 0 "${common[@]}" --batch "$auto" --steps 4 --out same
cmp -s small/model.onnx same/model.onnx || fail "--batch auto trains otherwise than --batch $auto"
refused 2 "--batch: 0 is out of range 1…65536" "${common[@]}" --batch 0
refused 2 "--batch: 'ato' is not a whole number, nor auto" "${common[@]}" --batch ato
finish
