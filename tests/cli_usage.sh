#!/usr/bin/env bash
# Wrong usage exits with 2 and one sentence that names the nearest right word; failing work exits with 1.
. "${SOURCE:-.}/tests/cli.sh"

refused 2 "unknown verb 'evall'; did you mean 'eval'?" evall
refused 2 "unknown verb 'qqqqqqqq'; 'stria --help' lists them" qqqqqqqq
refused 2 "unknown verb 'trian'; did you mean 'train'?" help trian
refused 2 "option --json stands before the verb; 'stria VERB --help' lists the options of a verb" --json
refused 2 "unknown option --verison; did you mean --version?" --verison
refused 2 "unknown verb 'evaluate'; did you mean 'eval'?" evaluate
refused 2 "unknown verb 'export'; did you mean 'convert'?" export
refused 2 "eval: unknown option --dat; did you mean --data?" eval lenet5 --dat mnist
refused 2 "eval: unknown option --dat; did you mean --data?" eval lenet5 --dat=mnist
refused 2 "eval: unknown option -b; options are words after two dashes" eval lenet5 -b 3
refused 2 "train: unknown option --momentum; it is written --optimizer sgd:momentum=0.9" train lenet5 --momentum 0.9
refused 2 "train: unknown option --momentum; it is written --optimizer sgd:momentum=0.8" train lenet5 --momentum 0.8
refused 2 "train: unknown option --momentum; it is written --optimizer sgd:momentum=0.8" train lenet5 --momentum=0.8
refused 2 "train: unknown option --nesterov; it is written --optimizer sgd:nesterov=1" train --nesterov lenet5
refused 2 "--output: 'x' is not one of logits|probabilities; did you mean --out?" train lenet5 --output x
refused 2 "unknown option -v; did you mean -V or --version?" -v
refused 2 "train: unknown option --opt; did you mean --optimizer?" train lenet5 --opt adam
refused 2 "train: unknown option --fridge; 'stria train --help' lists them" train lenet5 --fridge all
refused 2 "--batch: 'x' is not a whole number" summary lenet5 --batch-size x
refused 2 "--split: 'tset' is not one of train|val|test; did you mean test?" eval lenet5 --data mnist --split tset
refused 2 "--data is missing: 'lenet5' is not a run folder, which knows its own data" eval lenet5
refused 2 "--batch: 'x' is not a whole number" summary lenet5 --batch x
refused 2 "--batch: '' is not a whole number" summary lenet5 --batch=
refused 2 "--batch: 0 is out of range 1 to 1048576" summary lenet5 --batch 0
refused 2 "--batch: 99999999999999999999 is out of range 1 to 1048576" summary lenet5 --batch 99999999999999999999
refused 2 "--limit: -1 is out of range, 0 is the least" eval lenet5 --limit -1
refused 2 "--rtol: 'much' is not a number" run lenet5 --rtol much
refused 2 "--rtol: 'nan' is not a number" diff a b --rtol nan
refused 2 "--lr: 1e-20 is out of range 1e-12…1e+06" train lenet5 --lr 1e-20
expect 0 train --help
tr -s ' \n' ' ' <stdout >words
says words "by default at most a quarter of the training images"
refused 2 "--batch needs a value: --batch N" summary lenet5 --batch
refused 2 "--batch needs a value: --batch N" summary lenet5 --batch --json
refused 2 "--json takes no value" summary lenet5 --json=yes
refused 2 "summary: MODEL is missing; usage: stria summary MODEL [--batch N]" summary
refused 2 "summary: unexpected argument 'two'; usage: stria summary MODEL [--batch N]" summary lenet5 two
refused 2 "data: unknown word 'lsit'; did you mean 'list'?" data lsit
refused 2 "predict: pictures or --data are missing; usage: stria predict MODEL IMAGE…" predict lenet5
refused 2 "predict: pictures and --data are given; give one of the two" predict lenet5 a.png --data mnist
refused 2 "run: --input is missing; usage: stria run MODEL --input [NAME=]FILE" run lenet5
refused 2 "run: --test-data and --input are given; give one of the two" run lenet5 --input x --test-data y
refused 2 "convert: 'a.txt' does not end in .onnx, .net, .safetensors or .npz, so its format is not known" convert lenet5 a.txt
refused 2 "train: MODEL is missing; usage: stria train MODEL --data DATA" train
refused 2 "train: --data is missing; 'stria data list' shows the sources" train lenet5
refused 2 "run: --wrt is given without --grad OUTPUT" run lenet5 --input x --wrt y
refused 2 "run: --rtol needs --test-data" run lenet5 --input x --rtol 0.1
refused 2 "run: --every-way needs --test-data" run lenet5 --input x --every-way
for option in "--seed 3" "--weights w.npz" "--output out" "--batch 2" "--dims n=2" "--layout nhwc"; do
    refused 2 "run: ${option%% *} has no effect with --test-data" run lenet5 --test-data y $option
done
refused 2 "run: --skip has no effect with --every-way" run lenet5 --test-data y --every-way --skip 1
refused 2 "model: --sum has no effect with list" model list --sum 0
refused 2 "model: --output has no effect with list" model list --output x
refused 2 "data: --count has no effect with stats" data stats folder:x --count 3
refused 2 "data: --from has no effect with list" data list --from http://x
refused 2 "data: --augment has no effect with split" data split folder:x --output y --augment flip
refused 2 "show: --samples has no effect with saliency" show lenet5 saliency --image x.png --out y.png --samples 3
refused 2 "show: --layer has no effect with occlusion" show lenet5 occlusion --image x.png --out y.png --layer conv1
refused 2 "show: --image has no effect with filters" show lenet5 filters --image x.png --out y.png
refused 2 "show: --class has no effect with deepdream" show lenet5 deepdream --image x.png --out y.png --class 1
refused 2 "show: --terminal has no effect with embedding" show lenet5 embedding --data mnist --out y.svg --terminal
refused 2 "show: --protocol needs --terminal" show lenet5 filters --out y.png --protocol sixel
refused 2 "show: --channel needs --layer" show lenet5 activation-max --out y.png --class 1 --channel 3
refused 2 "show: --class and --layer are given; give one of the two" show lenet5 activation-max --out y.png --class 1 --layer conv1
refused 2 "show: --perplexity needs --method tsne" show lenet5 embedding --data mnist --out y.svg --perplexity 3
refused 2 "train: --sweep is given twice; one grid holds all options: --sweep \"OPTION=VALUE,…; OPTION=VALUE,…\"" train lenet5 --data mnist --sweep lr=1 --sweep epochs=1,2 --out s
refused 2 "run: --grad is given with --batch; gradients are those of all rows together" \
    run lenet5 --input x --grad y --batch 2
refused 2 "train: --ema cannot change when a run is resumed; --epochs, --lr, --schedule, --batch, --data and others can; a new run can begin with its weights: stria train r --ema X --data DATA" train --resume r --ema 0.5
refused 2 "train: --init cannot change when a run is resumed; --epochs, --lr, --schedule, --batch, --data and others can; a new run can have it, of a network built in: stria train NETWORK --init KIND --data DATA" train --resume r --init zeros
refused 2 "train: --plain cannot change when a run is resumed; --epochs, --lr, --schedule, --batch, --data and others can; a new run can have it, of a network built in: stria train NETWORK --plain --data DATA" train --resume r --plain
refused 2 "train: unexpected argument 'lenet5'; a run folder contains its model" train lenet5 --resume=r
refused 2 "--device: 'gpu' is not one of cpu|cuda; did you mean cpu?" summary lenet5 --device gpu
refused 1 "device cuda: this build of stria computes on the cpu only" summary lenet5 --device cuda
refused 1 "no run is found in folder 'runs'; --resume RUN names one" train --resume

# Sentences of the library: what they say is its own affair, the exit code and the silence of stdout are not.
sentence() { # sentence CODE WORDS…
    expect "$@"
    [ "$(wc -l <stderr)" -eq 1 ] || { fail "stria ${*:2}: not one sentence:"; cat stderr; }
    grep -q '^stria: ' stderr || fail "stria ${*:2}: no 'stria: '"
    [ ! -s stdout ] || fail "stria ${*:2} writes to stdout"
}
sentence 2 summary lenet55
says stderr "lenet5"
sentence 2 eval lenet5 --data fashoin-mnist
says stderr "fashion-mnist"
sentence 2 train lenet5 --data mnist --epochs 0
sentence 2 train lenet5 --data mnist --optimizer sdg
STRIA_ISA=nonsense sentence 1 info
says stderr "instruction set 'nonsense' is not available on this machine"
sentence 1 summary none.onnx
sentence 1 run lenet5 --input none.npy
sentence 1 predict lenet5 none.png
mkdir full && touch full/file
sentence 1 summary full
sentence 1 train --resume full
printf 'not a model' >bad.onnx
sentence 1 summary bad.onnx
says stderr "not an ONNX model, or a damaged one"
sentence 1 predict bad.onnx x.png
sentence 2 run lenet5 --input nosuchinput=x.npy

# Options before, between and after words, both spellings, and the end of options.
expect 0 summary --batch 3 lenet5 --json
cp stdout before
expect 0 summary lenet5 --json --batch=3
cmp -s before stdout || fail "the order of words matters"
expect 0 summary --json --batch=7 --batch=3 -- lenet5
cmp -s before stdout || fail "the last value does not win"
sentence 2 summary -- --json

# What stdout does not take is noticed; a reader that went away is no noise.
if [ -c /dev/full ]; then
    "$STRIA" summary lenet5 >/dev/full 2>stderr && fail "a full disk is not noticed"
    says stderr "stria: writing to standard output failed"
fi
"$STRIA" summary lenet5 >&- 2>stderr && fail "a closed stdout is not noticed"
[ "$(wc -l <stderr)" -eq 1 ] || fail "a closed stdout: not one sentence"
{ "$STRIA" --man 2>stderr; echo $? >code; } | true
[ ! -s stderr ] || { fail "a reader that goes away is noise:"; cat stderr; }
finish
