#!/bin/bash
# The commands in examples/ run, in a short form.
source=$(cd "${SOURCE:-.}" && pwd) || exit 1
. "$source/tests/cli.sh"
digits data
DATA=mnist:data LIMIT=200 EPOCHS=1 EVERY=2 OUT=out STRIA=$STRIA "$source/examples/optimizers/run" >stdout 2>stderr </dev/null ||
    { fail "examples/optimizers/run exits with $?"; tail -n 5 stderr; }
[ "$(wc -l <out/mnist/sweep.csv)" = 22 ] || fail "examples/optimizers/run made other trainings than 3 networks by 7 optimisers"
for word in linear lenet5 lenet nesterov adadelta; do says stdout "$word"; done
[ -s out/mnist/sweep.svg ] || fail "examples/optimizers/run draws nothing"
finish
