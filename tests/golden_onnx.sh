#!/bin/sh
# ONNX's own cases (Debian's libonnx-testdata) of the operators that there are: all pass in every way (instruction sets,
# passes, threads, implementations, reference). Refused may be only what tools/conformance-reasons lists.
set -u
cases=/usr/share/libonnx-testdata/data
if [ ! -d $cases ]; then
    echo "skipped: there is no $cases (package libonnx-testdata)"
    exit 77
fi
source=${SOURCE:-.} stria=${STRIA:-build/stria}
operators=$("$stria" info --operators --json | grep -o '"name":"[A-Za-z0-9]*","domain":""' | cut -d'"' -f4 | tr '\n' ' ')
[ -n "$operators" ] || { echo "stria info --operators lists none"; exit 1; }
lines=$(sh "$source/tools/conformance" "$stria" --only "$operators" --all $cases/node/* $cases/pytorch-operator/* \
    $cases/pytorch-converted/* $cases/simple/*)

bad=$(printf '%s\n' "$lines" | awk -F'\t' '
    NR == FNR { if ($0 !~ /^#/) allowed[++n] = $1; next }
    $3 == "refused" { for (i = 1; i <= n; i++) if ($4 ~ allowed[i]) next }
    $3 != "passed"' "$source/tools/conformance-reasons" -)
if [ -n "$bad" ]; then printf 'not passed:\n%s\n' "$bad"; exit 1; fi
for o in Conv Gemm MaxPool Relu Softmax; do
    n=$(printf '%s\n' "$lines" | awk -F'\t' -v o="$o" '$2 == o && $3 == "passed"' | wc -l)
    if [ "$n" -eq 0 ]; then echo "no case of $o passed: is the package whole?"; exit 1; fi
done
printf '%s\n' "$lines" | awk -F'\t' '{ n[$3]++ } END { for (s in n) print n[s], s }'
