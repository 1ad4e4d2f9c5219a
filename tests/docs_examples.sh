#!/bin/bash
# The commands in examples/ run, in a short form.
source=$(cd "${SOURCE:-.}" && pwd) || exit 1
. "$source/tests/cli.sh"
digits data
DATA=mnist:data LIMIT=200 EPOCHS=1 EVERY=2 OUT=out STRIA=$STRIA "$source/examples/optimizers/run" >stdout 2>stderr </dev/null ||
    { fail "examples/optimizers/run exits with $?"; tail -n 5 stderr; }
for network in linear lenet5 lenet; do
    [ "$(wc -l <out/$network-mnist/sweep.csv)" = 8 ] || fail "examples/optimizers/run made other trainings of $network than 7"
    for word in sgd momentum nesterov adagrad adadelta rmsprop adam; do
        says stdout "$word"
        grep -q "optimizer=$word lr=" out/$network-mnist/sweep.svg || fail "the picture of $network lacks $word"
    done
done
short() { # NAME: examples/NAME/run on a few pictures
    DATA=mnist:data LIMIT=200 EPOCHS=1 REPEAT=1 OUT=$1 STRIA=$STRIA "$source/examples/$1/run" >stdout 2>stderr </dev/null ||
        { fail "examples/$1/run exits with $?"; tail -n 5 stderr; }
}
short normalisation
[ "$(wc -l <normalisation/mnist/sweep.csv)" = 9 ] || fail "examples/normalisation/run made other trainings than 2 networks by 4 rates"
grep -q "bn=1  *10  *1 " stdout || { fail "the table lacks a network with normalisation at a rate of 10:"; cat stdout; }
short overfitting
[ "$(wc -l <overfitting/mnist/sweep.csv)" = 7 ] && [ "$(wc -l <overfitting/augment-mnist/sweep.csv)" = 2 ] ||
    fail "examples/overfitting/run made other trainings than 6 and 1"
for word in linear weight-decay l1= max-norm dropout; do says stdout "$word"; done

expect 0 train lenet5 --data mnist:data --limit 200 --epochs 1 --out base
DATA=mnist:data MODEL=base PICTURES="--resize 28" CLASSES=10 EPOCHS=1 REPEAT=2 OUT=transfer STRIA=$STRIA "$source/examples/transfer/run" \
    >stdout 2>stderr </dev/null || { fail "examples/transfer/run exits with $?"; tail -n 5 stderr; }
[ "$(grep -c '^transfer/.*seed[01]  [0-9.]* %$' stdout)" = 2 ] && grep -q 'mirror images: [0-9.]* ± [0-9.]* %$' stdout ||
    { fail "examples/transfer/run prints something else"; cat stdout; }

mkdir cifar
for file in data_batch_{1..5} test_batch; do
    for ((i = 0; i < 40; i++)); do printf "\\$((i % 8))"; head -c 3072 /dev/urandom; done >cifar/$file.bin
done
DATA=cifar10:cifar EPOCHS=1 OUT=fast STRIA=$STRIA "$source/examples/fast/run" >stdout 2>stderr </dev/null ||
    { fail "examples/fast/run exits with $?"; tail -n 5 stderr; }
says stdout "top-1"

# What the texts count: 39 numbers against 108, two 3×3 windows against a 5×5 one, plain and residual networks of one size.
BATCH=1 REPEAT=1 STRIA=$STRIA "$source/examples/layers/run" >stdout 2>stderr </dev/null ||
    { fail "examples/layers/run exits with $?"; tail -n 5 stderr; }
row() { says stdout "| $1 | $2 | $3 |"; }
row "full, 3 to 4 channels" 108 84672
row "separable, 3 to 4" 39 30576
row "two 3×3" 73728 57802752
row "one 5×5" 102400 80281600
row "dense" 65536 65536
row "local, 3×3" 2304 2304
row "shared, 3×3" 9 2304
row "global average, dense 10" 5130 5120
row "plain 56" 853018 125485696
row "ResNet-56" 853018 125485696
[ "$(grep -cE '\| [0-9]+ \| [0-9]+ \| [0-9.]+ \|$' stdout)" = 20 ] || { fail "a row lacks a number:"; cat stdout; }

# The gradients of a chain of weights: 0.5, 2 and 3 by themselves three times.
"$BUILD/examples/chain" >stdout 2>stderr || fail "examples/chain exits with $?"
for line in "0.5     0.125 " "2       8 " "3       27 "; do says stdout "$line"; done
finish
