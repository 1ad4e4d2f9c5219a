#!/usr/bin/env bash
# Where models, pictures and arrays may come from: pipes and standard input if the user names them, regular files only
# if they are found in a folder or named by a model; and nothing waits or fills memory.
. "${SOURCE:-.}/tests/cli.sh"

# within SECONDS KILOBYTES CODE WORDS…: expect, with limits of time and of memory.
within() {
    local seconds=$1 most=$2
    shift 2
    local real=$STRIA
    STRIA=$temporary/limited
    printf '#!/bin/sh\n[ %s -gt 0 ] && ulimit -v %s\nexec timeout %s "%s" "$@"\n' "$most" "$most" "$seconds" "$real" >"$STRIA"
    chmod +x "$STRIA"
    expect "$@"
    STRIA=$real
}
memory=$((600 << 10)) # KiB of addresses
ldd "$STRIA" 2>/dev/null | grep -qE 'lib[at]san' && memory=0 # which reserve terabytes
nm "$STRIA" 2>/dev/null | grep -q __asan_init && memory=0

# npy FILE DESCR SHAPE: the header; the elements are appended from standard input.
npy() {
    { printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"; cat; } >"$1"
}
image() { { printf 'P5\n28 28\n255\n'; head -c 784 /dev/zero | tr '\0' "$1"; }; }

expect 0 convert linear m.onnx
expect 0 convert linear m.net
image 'a' >a.pgm
"$STRIA" predict m.onnx a.pgm --json 2>/dev/null | sed 's/.*"predictions"//' >wanted
[ -s wanted ] || fail "nothing is predicted"
same() {
    sed 's/.*"predictions"//' stdout | cmp -s - wanted || { fail "$1 predicts otherwise"; cat stdout stderr; }
}

# ---- pictures and models from standard input, pipes and other endings

"$STRIA" predict m.onnx - --json <a.pgm >stdout 2>stderr; same "a file as standard input"
cat a.pgm | "$STRIA" predict m.onnx - --json >stdout 2>stderr; same "a pipe as standard input"
cat a.pgm | "$STRIA" predict m.onnx /dev/stdin --json >stdout 2>stderr; same "/dev/stdin"
"$STRIA" predict m.onnx <(cat a.pgm) --json >stdout 2>stderr; same "a picture from a process"
"$STRIA" predict <(cat m.onnx) a.pgm --json >stdout 2>stderr; same "a model from a process"
cat m.onnx | "$STRIA" predict - a.pgm --json >stdout 2>stderr; same "a model from standard input"
"$STRIA" predict <(cat m.onnx) <(cat a.pgm) --json >stdout 2>stderr; same "both from processes"
mkfifo pipe pipe.onnx
cat m.onnx >pipe & "$STRIA" predict pipe a.pgm --json >stdout 2>stderr; same "a named pipe"
cat m.onnx >pipe.onnx & "$STRIA" predict pipe.onnx a.pgm --json >stdout 2>stderr; same "a named pipe that ends in .onnx"
cp m.onnx M.ONNX
cp a.pgm A.PGM
"$STRIA" predict M.ONNX A.PGM --json >stdout 2>stderr; same "M.ONNX"
expect 0 convert m.net N.NET
cmp -s m.net N.NET || fail "N.NET is written otherwise"
expect 0 convert m.onnx O.ONNX
"$STRIA" predict O.ONNX a.pgm --json >stdout 2>stderr; same "O.ONNX"
for model in m.onnx m.net; do
    expect 0 summary $model
    cp stdout summary
    "$STRIA" summary - <$model >stdout 2>stderr || fail "summary - fails for $model"
    cmp -s stdout summary || fail "summary - says otherwise of $model"
    cat $model | "$STRIA" summary /dev/stdin >stdout 2>stderr
    cmp -s stdout summary || fail "summary /dev/stdin says otherwise of $model"
done
"$STRIA" convert - twice.onnx <m.onnx >stdout 2>stderr || fail "convert - fails"
"$STRIA" predict twice.onnx a.pgm --json >stdout 2>stderr; same "the converted model"
refused 1 "standard input: it is empty" summary -
refused 1 "standard input: an empty file" predict m.onnx -
printf 'nonsense(' | "$STRIA" summary - 2>stderr && fail "nonsense is a network"
says stderr "standard input"
head -c 100 m.onnx | "$STRIA" summary - 2>stderr && fail "half a model is read"
says stderr "standard input: "
cp m.onnx model.bin
refused 2 "model.bin: not a model file: expected .onnx, .net or a run folder" summary model.bin

"$STRIA" filter a.pgm --kernel box --out filtered.pgm >stdout 2>stderr || fail "a picture is not filtered"
for input in - /dev/stdin; do
    cat a.pgm | "$STRIA" filter $input --kernel box --out again.pgm >stdout 2>stderr
    cmp -s filtered.pgm again.pgm || { fail "filter $input gives something else"; cat stderr; }
    rm -f again.pgm
done

# ---- arrays

head -c 3136 /dev/zero >zeros
npy x.npy '<f4' '1, 1, 28, 28' <zeros
npy big.npy '>f8' '1, 1, 28, 28' < <(cat zeros zeros)
cp x.npy X.NPY
expect 0 run m.onnx --input x.npy
cp stdout wanted
for input in big.npy X.NPY; do
    expect 0 run m.onnx --input $input
    cmp -s stdout wanted || fail "$input gives something else"
done
for input in - /dev/stdin image=-; do
    "$STRIA" run m.onnx --input $input <x.npy >stdout 2>stderr
    cmp -s stdout wanted || { fail "--input $input gives something else"; cat stderr; }
done
"$STRIA" run m.onnx --input <(cat x.npy) >stdout 2>stderr
cmp -s stdout wanted || { fail "an array from a process gives something else"; cat stderr; }
refused 1 "standard input: it is empty, an array is expected" run m.onnx --input -

# An initialiser that is an input too: its contents are a default.
cp "${SOURCE:-.}/tests/fuzz/corpus/run/optional" optional.onnx
printf '\000\000\200\077\000\000\000\100' | npy two.npy '<f4' '2, '
printf '\101\040\000\000' | npy ten.npy '>f4' '1, '
expect 0 summary optional.onnx
says stdout "optional  a: float32 1"
expect 0 summary optional.onnx --json
says stdout '"optional_inputs":[{"name":"a","type":"float32","shape":[1]}]'
expect 0 run optional.onnx --input x=two.npy
says stdout "  2 4"
expect 0 run optional.onnx --input x=two.npy --input a=ten.npy
says stdout "  10 20"
expect 0 run optional.onnx --input two.npy --input a=ten.npy --grad y
says stdout "gradient d.a: float32 [1]"
refused 2 "input 'x' is missing: --input x=FILE" run optional.onnx --input a=ten.npy
refused 1 "input 'a' wants [1], 'two.npy' holds [2]" run optional.onnx --input two.npy --input a=two.npy
refused 2 "the model has no input 'b'; it has 'x'" run optional.onnx --input b=two.npy
refused 2 "'ten.npy' is one input too many, the model has 1" run optional.onnx --input two.npy --input ten.npy

# A dimension of 0: as ONNX has it.
npy hollow.npy '>f4' '2, 0, 4' </dev/null
printf 'stria-net 1\nx = input(n x m x 4)\na = constant(int64, 1, [1])\ny = ReduceSum(x, a)\noutput(y)\n' >hollow.net
expect 0 run hollow.net --input hollow.npy
says stdout "y: float32 [2, 1, 4]"
expect 0 run hollow.net --input hollow.npy --batch 1
says stdout "y: float32 [2, 1, 4]"
npy rowless.npy '>f4' '0, 4' </dev/null
printf 'stria-net 1\nx = input(n x 4)\nw = constant(2 x 4, [1, 2, 3, 4, 5, 6, 7, 8])\ny = Concat(x, w, axis=0)\noutput(y)\n' >below.net
expect 0 run below.net --input rowless.npy
says stdout "y: float32 [2, 4]"
refused 1 "output 'y' has no value for inputs without rows" run below.net --input rowless.npy --batch 2

# No rows: outputs without rows.
npy none.npy '>f4' '0, 1, 28, 28' </dev/null
expect 0 run m.onnx --input none.npy --output out
says stdout "float32 [0, 10]"
grep -aq "'shape': (0, 10)" out/*.npy || fail "the output without rows is not written"
expect 0 filter "1 2 3" --kernel "1 1" --out K.NPY
[ -s K.NPY ] || fail "K.NPY is not written"
expect 0 filter "1 2 3" --kernel K.NPY

# ---- data and names

npy pixels.npy '|u1' '4, 28, 28' < <(cat zeros)
printf '\000\001\002\003' | npy labels.npy '|u1' '4, '
expect 0 eval m.onnx --data npy:pixels.npy,labels.npy --split train --json
cp stdout wanted
"$STRIA" eval m.onnx --data "npy:"<(cat pixels.npy)","<(cat labels.npy) --split train --json >stdout 2>stderr
cmp -s stdout wanted || { fail "data from processes give something else"; cat stderr; }
seq 10 19 | "$STRIA" predict m.onnx a.pgm --labels - --json >stdout 2>stderr
grep -q '"name":"1[0-9]"' stdout || { fail "names from standard input"; cat stdout stderr; }
seq 10 19 >names
"$STRIA" predict m.onnx a.pgm --labels <(cat names) --json >stdout 2>stderr
grep -q '"name":"1[0-9]"' stdout || { fail "names from a process"; cat stdout stderr; }
expect 0 train linear:classes=4 --data npy:pixels.npy,labels.npy --val no --batch 2 --epochs 1 --out arrays
rm pixels.npy
mkfifo pixels.npy
within 20 0 1 train --resume arrays --epochs 2
says stderr "'pixels.npy': it is a device or pipe"
within 20 0 1 eval arrays --split train
says stderr "'pixels.npy': it is a device or pipe"

# ---- what does not end, and what is not a regular file

within 60 $memory 1 summary /dev/zero
says stderr "'/dev/zero' did not end within 67,108,864 bytes"
within 60 $memory 1 predict m.onnx /dev/zero
within 60 $memory 1 run m.onnx --input /dev/zero
within 20 $memory 1 run m.onnx --input image=/dev/full
within 20 $memory 1 eval m.onnx --data "npy:/dev/zero,/dev/zero" --split train
within 20 $memory 2 summary .onnx
mkdir -p nothing
within 20 $memory 1 predict m.onnx nothing
mkdir -p pictures/one pictures/two case run
for i in 1 2 3 4 5 6 7 8; do cp a.pgm pictures/one/$i.pgm; cp a.pgm pictures/two/$i.pgm; done
mkfifo pictures/two/b.pgm case/input_0.pb run/checkpoint.safetensors run/model.onnx run/metrics.jsonl
within 20 $memory 1 train linear:classes=2 --data folder:pictures --epochs 1 --batch 1 --out new
says stderr "pictures/two/b.pgm': it is a device or pipe"
within 20 $memory 1 eval m.onnx --data folder:pictures --split train
within 20 $memory 1 predict m.onnx pictures/two
says stderr "pictures/two/b.pgm': it is a device or pipe"
[ "$(grep -c '^pictures/two/[1-8]' stdout)" = 8 ] || fail "predict: the pictures beside the pipe are missing"
echo pictures/two/b.pgm >list
within 20 $memory 1 predict m.onnx --list list
says stderr "pictures/two/b.pgm': it is a device or pipe"
within 20 $memory 1 run m.onnx --test-data case
says stderr "case/input_0.pb' is not a regular file"
within 20 $memory 1 summary run
says stderr "run/model.onnx': it is a device or pipe"
within 20 $memory 1 train --resume run
mkdir mnist cifar
for file in train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte; do mkfifo mnist/$file; done
for file in 1 2 3 4 5; do mkfifo cifar/data_batch_$file.bin; done
mkfifo cifar/test_batch.bin
within 20 $memory 1 eval linear --data mnist:mnist
within 20 $memory 1 eval linear --data cifar10:cifar

# ---- large files

truncate -s 3G large.onnx
within 20 $memory 1 summary large.onnx
says stderr "large.onnx: it has 3,221,225,472 bytes, an ONNX file holds at most 2,147,483,647: save the model with its weights as external data"
truncate -s 3G large.pb
within 20 $memory 1 run m.onnx --input large.pb
says stderr "an ONNX file holds at most"
finish
