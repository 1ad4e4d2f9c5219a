#!/bin/sh
# ONNX's own cases (Debian's libonnx-testdata) of the operators that networks are made of: all pass, on every instruction set,
# with and without the passes and by the reference. Refused may be 3-D only.
set -u
cases=/usr/share/libonnx-testdata/data/node
if [ ! -d $cases ]; then
    echo "skipped: there is no $cases (package libonnx-testdata)"
    exit 77
fi
operators="Conv Gemm MatMul MaxPool AveragePool Relu Sigmoid Tanh Add Sub Mul Div Flatten Reshape Softmax SoftmaxCrossEntropyLoss"
lines=$("${SOURCE:-.}/tools/conformance" "${STRIA:-build/stria}" --only "$operators" --all $cases/*)

bad=$(printf '%s\n' "$lines" | awk -F'\t' '$3 == "failed" || ($3 == "refused" && $4 !~ /3-D/)')
if [ -n "$bad" ]; then printf 'not passed:\n%s\n' "$bad"; exit 1; fi
for o in $operators; do
    n=$(printf '%s\n' "$lines" | awk -F'\t' -v o="$o" '$2 == o && $3 == "passed"' | wc -l)
    if [ "$n" -eq 0 ]; then echo "no case of $o passed: is the package whole?"; exit 1; fi
done
printf '%s\n' "$lines" | awk -F'\t' '{ n[$3]++ } END { for (s in n) print n[s], s }'
