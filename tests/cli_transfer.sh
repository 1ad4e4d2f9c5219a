#!/bin/bash
# Weights of another model, frozen parts, new classifiers: what is said, what stays, and that a run with them goes on. With
# real data also SqueezeNet 1.1 on pictures of flowers.
. "${SOURCE:-.}/tests/cli.sh"
digits data
common=(--data mnist:data --batch 50 --epochs 1 --threads 1)
expect 0 train lenet5 "${common[@]}" --lr 0.02 --out base

# All weights fit but the classifier's, which is new.
expect 0 train lenet5 "${common[@]}" --head 10 --from base --freeze "conv?" --lr 0.01 --out some --epochs 2
says stderr "stria: 8 of 10 tensors (60,856 of 61,706 numbers) are those of"
says stderr "; not head.weight, head.bias"
expect 0 summary some/model.onnx
says stdout "61,706 parameters (2,572 of them frozen)"
says stdout "output    logits"

# The frozen part is in the checkpoint, so a run that goes on has it; in two parts it has the same bits.
expect 0 train lenet5 "${common[@]}" --head 10 --from base --freeze "conv?" --lr 0.01 --out parts --schedule constant
expect 0 train --resume parts --epochs 2
expect 0 train lenet5 "${common[@]}" --head 10 --from base --freeze "conv?" --lr 0.01 --out whole --schedule constant --epochs 2
cmp -s parts/model.onnx whole/model.onnx || fail "a frozen run in two parts has another model"
expect 0 summary parts/model.onnx
says stdout "(2,572 of them frozen)"
expect 0 train whole "${common[@]}" --freeze none --out free
expect 0 summary free/model.onnx
if grep -q "frozen" stdout; then fail "--freeze none leaves something frozen"; fi

# Given weights and images in their order: nothing is left for the seed to decide, and the first step's images are the first.
expect 0 convert lenet5 given.onnx
given=(--from given.onnx --no-shuffle --lr 0.02)
expect 0 train lenet5 "${common[@]}" "${given[@]}" --seed 1 --out order1
expect 0 train lenet5 "${common[@]}" "${given[@]}" --seed 2 --out order2
cmp -s order1/model.onnx order2/model.onnx || fail "--no-shuffle takes an order of the seed's"
expect 0 train lenet5 "${common[@]}" --from given.onnx --lr 0.02 --seed 1 --out order3
cmp -s order1/model.onnx order3/model.onnx && fail "without --no-shuffle the order is the same"
grep -q '"no-shuffle": *1' order1/options.json || fail "options.json does not say no-shuffle"

# A model from a file, whose classifier has another number of classes.
expect 0 convert squeezenet1.1:size=1x32x32,classes=1000 foreign.onnx
expect 0 train foreign.onnx "${common[@]}" --head 10 --freeze all-but-head --limit 100 --out head
expect 0 eval head --json
expect 0 summary head/model.onnx
says stdout "(721,344 of them frozen)"

refused 2 "--freeze: no weights of model 'lenet5', and no layer that has some, are called 'cnv*'" \
    train lenet5 "${common[@]}" --freeze "cnv*"
refused 2 "--head: 1 is out of range 2 to 16777216" train lenet5 "${common[@]}" --head 1
expect 1 train lenet5 "${common[@]}" --from nowhere.onnx
says stderr "nowhere.onnx"
expect 2 train lenet5 "${common[@]}" --from foreign.onnx
says stderr "no weights of"
expect 2 train lenet5 "${common[@]}" --freeze "*"
says stderr "has no parameter to train"
# First weights of another kind, for a network that is new.
expect 0 train lenet5 "${common[@]}" --init orthogonal --out orthogonal
expect 0 train lenet5 "${common[@]}" --out usual
cmp -s orthogonal/model.onnx usual/model.onnx && fail "--init changes nothing"
grep -q -- "--init orthogonal" orthogonal/run.json || fail "run.json does not know --init"
refused 2 "--init is for a new network, and 'lenet5' has weights already" train usual "${common[@]}" --init he-normal --out no
refused 2 "there is no init 'he'; there are glorot-uniform, glorot-normal, he-uniform, he-normal, lecun-uniform, lecun-normal, normal, truncated-normal, zeros, uniform, orthogonal and constant" \
    train lenet5 "${common[@]}" --init he --out no
# A rate of its own for some layers: in the header, kept by the run, and another training than without.
expect 0 train lenet5 "${common[@]}" --lr-factor "logits*=3,conv1*=0.1" --out factors
says stderr "lr-factor logits*=3,conv1*=0.1"
grep -q '"lr-factor": "logits\*=3,conv1\*=0.1"' factors/options.json || fail "options.json has no lr-factor"
expect 0 train --resume factors --epochs 9
says stderr "lr-factor logits*=3,conv1*=0.1"
refused 2 "--lr-factor: no weights of model 'lenet5', and no layer that has some, are called 'fc*'" \
    train lenet5 "${common[@]}" --lr-factor "fc*=10" --out no
refused 2 "--lr-factor: none of the weights called 'conv*' is trained" \
    train lenet5 "${common[@]}" --freeze "conv*" --lr-factor "conv*=10" --out no
refused 2 "--lr-factor: 'logits*' is not of the form PATTERN=X,…, with X above 0 and up to 1e+06: \"fc*=10,conv1*=0.1\"" \
    train lenet5 "${common[@]}" --lr-factor "logits*" --out no
for option in "--head 5" "--from base" "--freeze none"; do
    expect 2 train --resume parts $option
    says stderr "train: ${option%% *} cannot change when a run is resumed"
done
[ "$(find runs -name checkpoint.safetensors 2>/dev/null | wc -l)" = 0 ] || fail "a refused training leaves a run"

flowers=${STRIA_TEST_DATA:-none}/flowers17/jpg squeezenet=${STRIA_TEST_DATA:-none}/models/squeezenet1.1-fp16.onnx
if [ -d "$flowers" ] && [ -e "$squeezenet" ]; then
    # Two flowers that look nothing alike, eight pictures each, are told apart by ImageNet's features.
    for class in 0:daffodil 8:fritillary; do
        mkdir -p "two/train/${class#*:}" "two/val/${class#*:}"
        for i in 1 2 3 4 5 6 7 8; do
            number=$(printf '%04d' $((${class%%:*} * 80 + i)))
            ln -s "$flowers/image_$number.jpg" "two/$([ $i -le 6 ] && echo train || echo val)/${class#*:}/$i.jpg"
        done
    done
    expect 0 train "$squeezenet" --head 2 --freeze all-but-head --preprocess caffe --data folder:two --epochs 6 --batch 4 \
        --optimizer adam --lr 0.002 --out flowers
    best=$(grep -o '"val_top1": [0-9.]*' flowers/metrics.jsonl | sort -t: -k2 -n | tail -n 1)
    [ "$best" = '"val_top1": 1' ] || fail "daffodils and fritillaries: $best"
else
    echo "not tested with real pictures: STRIA_TEST_DATA names no folder with flowers17/jpg and models/squeezenet1.1-fp16.onnx"
fi
finish
