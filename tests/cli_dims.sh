#!/usr/bin/env bash
# Open dimensions: sizes of the arrays that run gets, and --dims of the verbs that plan a model without data.
. "${SOURCE:-.}/tests/cli.sh"

# array FILE SHAPE…: zeros of float32.
array() {
    local file=$1 count=1 dims
    shift
    for d; do count=$((count * d)); done
    dims=$(printf '%s, ' "$@")
    local header="{'descr': '<f4', 'fortran_order': False, 'shape': ($dims), }"
    { printf '\x93NUMPY\x01\x00v\x00%-117s\n' "$header" && head -c $((4 * count)) /dev/zero; } >"$file"
}

printf 'stria-net 1\nx = input(batch x 3 x height:8 x width:8)\ny = conv(x, 4, kernel=3, padding=same)\noutput(y)\n' >open.net
expect 0 convert open.net open.onnx
array wide.npy 2 3 5 7
array grey.npy 2 1 5 7
for model in open.net open.onnx; do
    expect 0 run $model --input wide.npy
    says stdout "float32 [2, 4, 5, 7]"
    expect 0 run $model --input x=wide.npy --batch 1
    says stdout "float32 [2, 4, 5, 7]"
    refused 1 "input 'x' wants [2, 3, 5, 7], 'grey.npy' holds [2, 1, 5, 7]" run $model --input grey.npy
    refused 2 "the model has no input 'z'; it has 'x'" run $model --input z=wide.npy
    expect 0 summary $model --dims height=20,width=12
    says stdout "20×12"
    expect 0 summary $model --dims x:2=20,x:3=12,batch=2
    says stdout "2×3×20×12"
    expect 0 explain $model --dims height=20,width=12
    expect 0 bench $model --dims height=20,width=12 --repeat 1
    refused 2 "the model leaves no dimension 'depth' open; open are batch, height, width" summary $model --dims depth=3
    refused 2 "dimension 'height=0' is not NAME=SIZE or INPUT:AXIS=SIZE with a size of 1 or more" summary $model --dims width=3,height=0
    refused 2 "dimension 'height' is not NAME=SIZE or INPUT:AXIS=SIZE with a size of 1 or more" summary $model --dims height
    expect 0 convert $model fixed.onnx --dims height=20,width=12
    expect 0 summary fixed.onnx
    says stdout "20×12"
    refused 2 "the model leaves no dimension 'height' open; open are batch" summary fixed.onnx --dims height=20
    expect 0 convert $model four.onnx --dims batch=4,height=20,width=12 --save-test-case four
    expect 0 summary four.onnx
    says stdout "4×3×20×12"
    refused 2 "the model leaves no dimension 'batch' open" summary four.onnx --dims batch=2
    expect 0 run four.onnx --test-data four/test_data_set_0
done
finish
