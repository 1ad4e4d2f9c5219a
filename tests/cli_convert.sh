#!/usr/bin/env bash
# convert: --opset, and the check at two rows.
. "${SOURCE:-.}/tests/cli.sh"

printf 'stria-net 1\nx = input(batch x 4 x 6 x 8)\ns = silu(x)\ng = gelu(s)\nm = mish(g)\ny = conv(m, 2, kernel=3, stride=2, padding=same)\n' >new.net
expect 0 convert new.net new.onnx
says stdout "passed"
expect 0 convert new.net old.onnx --opset 13
says stdout "passed"
if grep -qa 'Swish\|Gelu\|Mish' old.onnx; then fail "opset 13 has none of Swish, Gelu and Mish"; fi
grep -qa Gelu new.onnx || fail "Gelu is spelt out although its opset was not limited"
if grep -qa Swish new.onnx; then fail "Swish is written although few programs know it"; fi
grep -qa pads old.onnx || fail "padding is not said by numbers"
expect 0 convert new.net newest.onnx --opset 24
grep -qa Swish newest.onnx || fail "Swish is spelt out although opset 24 has it"

# A constant that text cannot hold lies beside it; both together are the model, wherever they are moved.
awk 'BEGIN { printf "stria-net 1\nx = input(batch x 70000)\nc = constant(70000, [0"
    for (i = 1; i < 70000; i++) printf ",%d", i % 97
    print "])\ny = Add(x, c)" }' >long.net
expect 0 convert long.net big.onnx
expect 0 convert big.onnx big.net
beside=$(sed -n 's/^tensors(\(big\.[0-9a-f]*\.safetensors\))$/\1/p' big.net)
[ -s "$beside" ] || fail "no file of tensors beside big.net: $(ls)"
mkdir moved && mv big.net "$beside" moved
expect 0 convert moved/big.net again.onnx
expect 0 diff big.onnx moved/big.net --json
jq -e '.passed' stdout >/dev/null || fail "the text is another model: $(cat stdout)"
rm "moved/$beside"
refused 1 "moved/big.net:3:9: file '$beside', which is not there" summary moved/big.net
refused 1 "constant 'c' has 70000 elements, text holds at most 65536; a .net file has such a constant beside it" summary big.onnx --net

# Every layer, before and after; a table of a few of them, all with --json; on random numbers or on a picture.
expect 0 convert new.net new.onnx --json
jq -e '.passed and .input == "random numbers" and ([.layers[].name] | index("s", "g", "m")) != null and
    (.layers | all(.passed and .max_rel_error < 1e-5)) and .outputs[0].name == "y"' stdout >/dev/null || fail "convert --json: $(cat stdout)"
expect 0 convert resnet20 resnet.onnx
says stdout "input: random numbers; --image FILE compares on a picture"
[ "$(grep -c 'passed$' stdout)" -eq 9 ] || fail "not 8 layers and an output: $(cat stdout)"
grep -qE '^and [0-9]+ layers more, which differ no more than those$' stdout || fail "it is not said how many layers are left out: $(cat stdout)"
[ "$(awk 'length($0) > 80' stdout)" = "" ] || fail "wider than 80: $(cat stdout)"
printf 'P6\n40 30\n255\n' >p.ppm && head -c 3600 /dev/urandom >>p.ppm
expect 0 convert resnet20 resnet.onnx --image p.ppm
says stdout "input: p.ppm"
expect 0 convert resnet20 resnet.safetensors --image p.ppm --json
jq -e '.input == "p.ppm" and (.layers | length) > 50 and .passed' stdout >/dev/null || fail "convert --image: $(cat stdout)"
refused 2 "convert: --image is given, but a .net file holds no weights, so nothing is computed" convert resnet20 r.net --image p.ppm

# What differs is not written, and what was there stays.
printf old >kept.onnx
expect 1 convert new.net kept.onnx --opset 13 --rtol 0 --atol 0
says stdout "they first differ in layer 'm' (Mish)"
says stderr "stria: 'kept.onnx' would not do what 'new.net' does; it is not written"
[ "$(cat kept.onnx)" = old ] || fail "a conversion that failed replaced the file"
expect 1 convert new.net none.onnx --opset 13 --rtol 0 --atol 0 --json
jq -e '(.passed | not) and .first == "m"' stdout >/dev/null || fail "convert --json of models that differ: $(cat stdout)"
[ -z "$(ls none.onnx* kept.onnx.* 2>/dev/null)" ] || fail "a conversion that failed leaves $(ls none.onnx* kept.onnx.* 2>/dev/null)"

# A test case: what both ran on and what came of it, beside the same model.
expect 0 convert resnet20 resnet.onnx --image p.ppm --save-test-case some/case
cmp -s resnet.onnx some/case/model.onnx || fail "the test case has another model"
expect 0 run some/case/model.onnx --test-data some/case
says stdout "logits"
expect 0 run resnet20 --test-data some/case/test_data_set_0
expect 0 convert resnet20 resnet.onnx --seed 1
expect 1 run resnet.onnx --test-data some/case
expect 0 convert resnet20 resnet.onnx --seed 1 --save-test-case some/case # again, over the first
expect 0 run resnet.onnx --test-data some/case --every-way
cp some/case/test_data_set_0/input_0.pb some/case/test_data_set_0/input_1.pb
refused_case="'some/case/test_data_set_0/input_1.pb' is of another case, with more inputs; remove that first"
expect 1 convert resnet20 resnet.onnx --save-test-case some/case
says stderr "$refused_case"
refused 2 "convert: --save-test-case is given, but 'r.npz' is not an .onnx file, and test cases need one" convert resnet20 r.npz --save-test-case c

# Weights in half precision: half the file; computed with as float32; the bound fits, and what differs is printed.
printf 'stria-net 1\nx = input(batch x 3 x 8 x 8)\nc = conv(x, 32, kernel=3, name=c1)\nn = batch_norm(c, name=n1)\nr = relu(n)\ny = dense(r, 20, name=fc)\n' >half.net
expect 0 convert half.net whole.onnx
for type in fp16 bf16; do
    expect 0 convert half.net $type.onnx --$type --json
    jq -e '.passed and .outputs[0].max_rel_error > 1e-5 and .layers[0].name == "c1" and .layers[0].max_abs_error > 0' stdout >/dev/null ||
        fail "--$type: $(cat stdout)"
    [ "$(wc -c <$type.onnx)" -lt $(($(wc -c <whole.onnx) * 53 / 100)) ] || fail "--$type does not halve the file"
    expect 0 convert half.net $type.safetensors --$type
    expect 0 diff $type.onnx half.net --weights $type.safetensors --rtol 1e-6
    says stdout "the same within the bounds"
    expect 1 diff $type.onnx half.net --rtol 1e-6
    expect 1 convert half.net strict.onnx --$type --rtol 1e-6
    [ ! -e strict.onnx ] || fail "--$type: a bound that is not kept leaves a file"
done
cmp -s fp16.onnx bf16.onnx && fail "float16 is bfloat16"
expect 0 summary fp16.onnx --json
jq -e '.parameters == '"$("$STRIA" summary half.net --json | jq .parameters)"' and
    ([.tensors[] | select(.role == "parameter" and (.shape | length) > 1) | .type] == ["float16", "float16"]) and
    ([.tensors[] | select((.shape | length) == 1) | .type] | all(. == "float32"))' stdout >/dev/null || fail "summary of fp16.onnx: $(cat stdout)"
expect 0 convert half.net half.npz --fp16
# A picture that comes through a pipe is read once.
printf 'P6\n8 8\n255\n' >piped.ppm && head -c 192 /dev/urandom >>piped.ppm
"$STRIA" convert lenet5:size=3x32x32 piped.onnx --image - <piped.ppm >stdout 2>stderr || { fail "convert --image -:"; cat stderr; }
"$STRIA" show piped.onnx saliency --image - --out piped.png <piped.ppm >stdout 2>stderr || { fail "show --image -:"; cat stderr; }
# A folder that holds another model is not made a test case.
mkdir mine && cp piped.onnx mine/model.onnx
expect 1 convert lenet5 no.onnx --save-test-case mine
says stderr "--save-test-case: 'mine' holds a model.onnx and no test case, so nothing is written"
cmp -s piped.onnx mine/model.onnx || fail "--save-test-case replaces a model"
[ ! -e no.onnx ] || fail "OUT is written although the test case is refused"
# A test case has the outputs of the weights that are in its model.
for type in fp16 bf16; do
    expect 0 convert half.net case.onnx --$type --save-test-case case-$type
    expect 0 run case-$type/model.onnx --test-data case-$type
done
expect 0 diff fp16.onnx half.net --weights half.npz --rtol 1e-6
refused 1 "half.npz: NumPy has no bfloat16; .safetensors and .onnx do" convert half.net half.npz --bf16
refused 2 "back.net: a .net file holds no weights, so they have no type" convert half.net back.net --fp16
refused 2 "convert: --fp16 and --bf16 are given; give one of the two" convert half.net back.onnx --fp16 --bf16

# Values beyond float16's range become its largest, not infinite, and are said; so are those that are no numbers.
header='{"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}' # 1, -100000, 65504, 65535, NaN, 0
{ printf "\\x$(printf %02x ${#header})\\0\\0\\0\\0\\0\\0\\0%s" "$header"
  printf '\x00\x00\x80\x3f\x00\x50\xc3\xc7\x00\xe0\x7f\x47\x00\xff\x7f\x47\x00\x00\xc0\x7f\x00\x00\x00\x00'; } >wild
printf 'stria-net 1\nx = input(batch x 3)\ny = dense(x, 2, bias=0, name=fc)\n' >wild.net
expect 0 convert wild.net wild.safetensors --weights wild --fp16 --rtol 1000
says stderr "warning: fc.weight: 2 of 6 values are beyond float16's 65504, which they become; the farthest is -100000"
says stderr "warning: fc.weight: 1 of 6 values are infinite or no numbers, and stay so"
expect 0 convert wild.net wild.bf16.safetensors --weights wild --bf16
if grep -q beyond stderr; then fail "bfloat16 has these values: $(cat stderr)"; fi

# Layers that ONNX lacks keep the batch open.
printf 'stria-net 1\nx = input(batch x 3 x 6 x 6)\ny = local_conv(x, 4, kernel=3)\n' >local.net
expect 0 convert local.net local.onnx
says stdout "passed"
{ printf '\x93NUMPY\x01\x00v\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3, 6, 6), }" && head -c 1296 /dev/zero; } >x.npy
expect 0 run local.onnx --input x.npy
says stdout "float32 [3, 4, 4, 4]"

printf 'stria-net 1\nx = input(int32, batch x 4)\ny = BitwiseNot(x, name=not)\n' >not.net
refused 1 "not.onnx: layer 'not' (BitwiseNot) needs opset 18, not 16" convert not.net not.onnx --opset 16
[ ! -e not.onnx ] || fail "a refused opset leaves a file"
expect 0 convert not.net not.onnx --opset 18
for sizes in "4 x 6 x 8" "4 x height x width"; do
    printf 'stria-net 1\nx = input(batch x %s)\ng = group_norm(x, 2, name=group)\ny = conv(g, 2, kernel=1)\n' "$sizes" >norm.net
    expect 0 convert norm.net norm.onnx
    grep -qa GroupNormalization norm.onnx || fail "GroupNormalization is spelt out although its opset was not limited"
    expect 0 convert norm.net old.onnx --opset 13
    grep -qa GroupNormalization old.onnx && fail "opset 13 has no GroupNormalization"
done
refused 2 "--opset: 12 is out of range 13 to 28" convert norm.net norm.onnx --opset 12
refused 2 "back.net: an opset belongs to .onnx files only" convert norm.net back.net --opset 17

# run --layers: every result between, and each is what the model that ends there gives.
printf 'stria-net 1\nx = input(batch x 3 x 6 x 6)\nc = conv(x, 4, kernel=3, name=first)\nr = relu(c)\ny = dense(r, 2)\noutput(y, scores)\n' >all.net
{ printf '\x93NUMPY\x01\x00v\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3, 6, 6), }" && head -c 1296 /dev/urandom | tr '\200-\377' '\000-\177' | tr '\110-\177' '\000-\057'; } >x.npy
expect 0 run all.net --input x.npy --layers --output layers
for file in first r scores; do [ -s layers/$file.npy ] || fail "there is no layers/$file.npy: $(ls layers)"; done
expect 0 run all.net --input x.npy --output alone
cmp -s alone/scores.npy layers/scores.npy || fail "the output is another with --layers"
printf 'stria-net 1\nx = input(batch x 3 x 6 x 6)\nc = conv(x, 4, kernel=3, name=first)\nr = relu(c)\n' >part.net
expect 0 run part.net --input x.npy --output part
cmp -s part/r.npy layers/r.npy || fail "layer r is another than of the network that ends there"
refused 2 "run: --layers is given with --grad; give one of the two" run all.net --input x.npy --layers --grad scores
finish
