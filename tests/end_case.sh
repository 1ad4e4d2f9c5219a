#!/usr/bin/env bash
# Test cases of stria convert --save-test-case as onnx reads them and ONNX Runtime computes them: inputs in, outputs compared,
# the model checked in full. PYTHON names a Python that has onnx and onnxruntime (python3 if not set); without one it is skipped.
. "${SOURCE:-.}/tests/cli.sh"
source=$(cd "$SOURCE" && pwd)
python=${PYTHON:-python3}
if ! "$python" -c 'import onnx, onnxruntime' >/dev/null 2>&1; then
    echo "skipped: $python has not both onnx and onnxruntime (PYTHON names another)"
    exit 77
fi
judge() { "$python" "$source/tests/end_case.py" "$@" >read 2>&1 || { fail "$*:"; tail -n 20 read; }; }

printf 'P6\n40 30\n255\n' >p.ppm && head -c 3600 /dev/urandom >>p.ppm
for network in lenet5 resnet20 squeezenet1.1 mobilenet-v2; do
    expect 0 convert $network $network.onnx --seed 3 --image p.ppm --save-test-case $network
    judge $network 1e-4
done
for type in fp16 bf16; do
    expect 0 convert resnet20 $type.onnx --seed 3 --$type --save-test-case $type
    judge $type 1e-4 # the outputs are those of the rounded weights
done

# Several inputs and outputs, small types and older words for newer operators.
printf 'stria-net 1\na = input(batch x 4 x 6 x 6)\nb = input(batch x 4)\ns = silu(a)\ng = gelu(s)\nm = mish(g)\nc = conv(m, 3, kernel=3)\nd = dense(b, 5)\noutput(c, maps)\noutput(d, scores)\n' >two.net
expect 0 convert two.net two.onnx --opset 13 --save-test-case two
[ "$(ls two/test_data_set_0 | tr '\n' ' ')" = "input_0.pb input_1.pb output_0.pb output_1.pb " ] || fail "two has $(ls two/test_data_set_0)"
judge two 1e-4
printf 'stria-net 1\nx = input(batch x 6 x 5 x 7)\nl = layer_norm(x)\ng = group_norm(l, 3)\ny = conv(g, 2, kernel=3)\n' >norms.net
for opset in 13 17 20 21; do
    expect 0 convert norms.net norms.onnx --opset $opset --save-test-case norms-$opset
    judge norms-$opset 1e-4
done
for model in /dev/null "${STRIA_TEST_DATA:-}"/models/*.onnx; do
    [ -s "$model" ] || continue
    expect 0 convert "$model" real.onnx --save-test-case "real-${model##*/}"
    judge "real-${model##*/}" 1e-4
done
finish
