#!/usr/bin/env bash
# --json: one document on stdout, with the promised keys; also against a closed terminal: no colours, no bar.
. "${SOURCE:-.}/tests/cli.sh"

# json PATH:TYPE…: stdin is one JSON document and has these; PATH is keys and array indices with dots between.
cat >json.c <<'C'
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static json_t *at(json_t *v, char *path) {
    for (char *key = strtok(path, "."); v && key; key = strtok(NULL, "."))
        v = json_is_array(v) ? json_array_get(v, (size_t)atoi(key)) : json_object_get(v, key);
    return v;
}
int main(int argc, char **argv) {
    static const char types[] = "oasintfz"; /* jansson's order: object array string integer real true false null */
    json_error_t error;
    json_t *v = json_loadf(stdin, JSON_REJECT_DUPLICATES, &error);
    int code = 0;
    if (!v) return printf("no JSON: %s\n", error.text), 1;
    for (int i = 1; i < argc; i++) {
        char path[200], *type;
        snprintf(path, sizeof path, "%s", argv[i]);
        type = strrchr(path, ':');
        *type++ = 0;
        json_t *found = at(v, path);
        char is = found ? types[json_typeof(found)] : '-';
        if (found && (strchr(type, is) || (is == 'i' && strchr(type, 'n')))) continue;
        printf("%s is %c\n", argv[i], is);
        code = 1;
    }
    return code;
}
C
flags=$(pkg-config --cflags --libs jansson 2>/dev/null || echo -ljansson)
# shellcheck disable=SC2086
${TREE_CC:-cc} json.c -o json $flags || { echo "skipped: jansson's header is missing"; exit 77; }

json() { # json 'PATHS…' WORDS…
    local paths=$1
    shift
    expect 0 "$@" --json
    # shellcheck disable=SC2086
    ./json $paths <stdout || { fail "stria $* --json"; head -c 600 stdout; }
    [ "$(wc -l <stdout)" -eq 1 ] || fail "stria $* --json: more than one line"
    if grep -q $'\033' stdout stderr; then fail "stria $* --json: control characters"; fi
}

json ":o parameters:i multiply_adds:i inference_bytes:i training_bytes:i layers.0.name:s layers.0.type:s layers.0.output_shape.1:i \
    layers.0.parameters:i layers.0.multiply_adds:i" summary lenet5
[ "$(grep -o '"parameters":61706' stdout)" ] || fail "lenet5 does not have 61706 parameters"
json "inputs.0.name:s inputs.0.shape.3:i outputs.0.name:s tensors.0.name:s tensors.0.role:s tensors.0.shape.0:i \
    classifier.classes:i classifier.names:z classifier.output:s classifier.relation:s classifier.certain:t \
    classifier.preprocessing:o classifier.untrained:t layers.0.output:s" summary lenet5
json "nodes.0.name:s nodes.0.operator:s nodes.0.implementation:s nodes.0.refused:a" explain lenet5
json "median_ms:n min_ms:n gflops:n peak_gflops:n peak_rss_bytes:i layers.0.name:s" bench lenet5 --repeat 3
json "median_ms:n layers:a" bench lenet5 --repeat 2 --train --batch 4 --threads 1
json "version:s isa:s threads:s" info
json "sources.0.name:s sources.0.about:s" data list
json "in:s out:s passed:t outputs.0.name:s outputs.0.max_abs_error:n outputs.0.max_rel_error:n outputs.0.passed:t" \
    convert linear linear.onnx --seed 3
json "passed:t outputs:a" convert lenet5 lenet5.net
json "parameters:i" summary lenet5.net

# A network of your own reads a matrix: [N, 4] → [N, 3].
cat >tiny.net <<'NET'
stria-net 1
x = input(batch x 4)
y = dense(x, 3)
output(y)
NET
matrix x.npy 5 4
json "classifier:z training_bytes:z" summary tiny.net # no classifier of pictures has no training step
expect 0 summary tiny.net
if grep -q "training step" stdout; then fail "a training step of 0 B"; fi
# The names that summary shows are those that run takes, where a layer is called otherwise than its result, too.
printf 'stria-net 1\nx = input(batch x 4)\nd = dense(x, 3, name=head)\nh = Relu(d, name=middle)\ny = Tanh(h, name=last)\noutput(y)\n' >named.net
expect 0 summary named.net --tensors
says stdout "type  result"
for name in h head.weight head.bias x; do
    grep -qE "(^|[ :])$name([ :]|\$)" stdout || fail "summary does not show $name"
    expect 0 run named.net --input x.npy --grad y --wrt $name
    expect 0 summary named.net --tensors
done
# What is stored is shown.
printf '%s\n' a b c d e f g h i j >letters
expect 0 convert linear stored.onnx --labels letters --scale 1/128 --mean 0.5 --channels grey
expect 0 summary stored.onnx
says stdout "classes   10: a, b, c, d, e, f, g, h, …"
says stdout "pictures  channels grey, scale 1/128, mean 0.5"
says stdout "scores    logits of classes that exclude each other"
says stdout "weights   untrained"
json "classifier.names.9:s classifier.preprocessing.mean:s" summary stored.onnx
json "outputs.0.name:s outputs.0.shape.1:i outputs.0.type:s outputs.0.file:s" run tiny.net --input x.npy --output out/deep
[ -n "$(ls out/deep/*.npy)" ] || fail "run wrote no .npy"
says stdout '"shape":[5,3]'
json "outputs.0.shape.1:i" run tiny.net --input x=x.npy --batch 2
says stdout '"shape":[5,3]'
says stdout '"values":[0.0,0.0,'
says stdout '"values_left_out":0'
# Values have their type's form; more than 10,000 are left out and counted.
printf 'stria-net 1\nn = constant(5, [3, 0, 0, -3, 1])\nd = constant(5, [2, 1, 0, 1, 0])\nx = Div(n, d)\nw = constant(int64, 1, [9007199254740993])\nb = Cast(x, to=9)\ny = Identity(x)\nv = Identity(w)\noutput(y)\noutput(v)\noutput(b)\n' >values.net
json "outputs.0.values.0:n outputs.0.values.2:z outputs.1.values.0:i outputs.2.values.0:t outputs.2.values.1:f" run values.net
says stdout '"values":[1.5,0.0,null,-3.0,null]'
says stdout '"values":[9007199254740993]'
printf 'stria-net 1\ns = constant(int64, 2, [101, 100])\ny = ConstantOfShape(s)\noutput(y)\n' >many.net
json "outputs.0.values.9999:n" run many.net
says stdout '"values_left_out":100'
# Gradients of an output: of its 5 × 3 elements, summed, with respect to the biases, 5 each.
json "outputs.0.name:s gradients.0.name:s gradients.0.shape.1:i gradients.2.file:s" \
    run tiny.net --input x.npy --grad y --output out/grad
for name in y d.x d.y.weight d.y.bias; do
    [ -s out/grad/$name.npy ] || fail "run --grad wrote no $name.npy: $(ls out/grad)"
done
expect 0 run tiny.net --input x.npy --grad y --wrt y.bias
says stdout "gradient d.y.bias: float32 [3]"
says stdout " 5 5 5"
expect 0 run tiny.net --input x.npy --grad y --wrt y.bias --grad-seed out/grad/y.npy
says stdout " 0 0 0"
json "operators.0.name:s operators.0.implementations.0:s operators.0.gradient:t" info --operators
case=/usr/share/libonnx-testdata/data/node/test_conv_with_strides_no_padding
if [ -d $case ]; then # Debian's libonnx-testdata
    json "passed:t outputs.0.name:s outputs.0.max_abs_error:n outputs.0.max_rel_error:n outputs.0.passed:t" \
        run $case/model.onnx --test-data $case/test_data_set_0
    json "passed:t ways:i implementations.0.operator:s implementations.0.implementation:s" \
        run $case/model.onnx --test-data $case/test_data_set_0 --every-way
    refused 1 "there is no folder 'nosuch'" run $case/model.onnx --test-data nosuch
    cp -r $case/test_data_set_0 wrong && cp wrong/input_0.pb wrong/output_0.pb
    expect 1 run $case/model.onnx --test-data wrong --json
    ./json passed:f outputs.0.passed:f <stdout || fail "a wrong output passes"
    # The case's folder: all its data sets, in the order of their numbers.
    json "passed:t sets.0.set:s sets.0.passed:t sets.0.outputs.0.name:s" run $case/model.onnx --test-data $case
    json "passed:t sets.0.ways:i" run $case/model.onnx --test-data $case --every-way
    mkdir sets
    for n in 0 2 10; do cp -r $case/test_data_set_0 sets/test_data_set_$n; done
    expect 0 run $case/model.onnx --test-data sets
    [ "$(grep -o 'set_[0-9]*' stdout | tr '\n' ' ')" = "set_0 set_2 set_10 " ] || fail "data sets are run in another order"
    [ "$(grep -c passed stdout)" -eq 3 ] || fail "not every data set is run"
    rm sets/test_data_set_2/input_0.pb && cp sets/test_data_set_0/input_0.pb sets/test_data_set_10/output_0.pb
    expect 1 run $case/model.onnx --test-data sets --json
    ./json passed:f sets.0.passed:t sets.1.passed:f sets.2.passed:f <stdout || fail "a set that fails is not seen"
    mkdir empty
    refused 1 "'empty' holds neither output_0.pb nor a test_data_set_0: it is not a test case" \
        run $case/model.onnx --test-data empty
fi
finish
