#!/usr/bin/env bash
# Sentences for wrong words, files and sizes, as a table: filter, sweeps, folders, run, diff, show. A row: exit code,
# sentence, words.
. "${SOURCE:-.}/tests/cli.sh"

printf 'P5 4 4 255\n0123456789abcdef' >x.pgm
matrix flat.npy 2 3
matrix empty.npy 0 4
: >file
digits data
many=lr=$(seq -s, 200)

# filter: sizes, padding, kernels, arrays
refused 2 "--size: '3x' is not a size; 3x5 is one of 3 rows and 5 columns" \
    filter x.pgm --learn x.pgm --size 3x
refused 2 "--size: '0x3' is out of range, a side has 1 to 1048576" \
    filter x.pgm --learn x.pgm --size 0x3
refused 2 "--size: '3x9999999' is out of range, a side has 1 to 1048576" \
    filter x.pgm --learn x.pgm --size 3x9999999
refused 1 "a kernel of 4096x4096 has more than the 65536 weights that are learned" \
    filter x.pgm --learn x.pgm --size 4096x4096
refused 1 "--size: the input is one row, so the kernel is one, too" \
    filter "1 2 3" --learn "1 2 3" --size 2x2
refused 2 "filter: --size needs --learn" \
    filter x.pgm --kernel sobel-x --size 3
refused 2 "kernel box:0: its side is a whole number, 1 to 255" \
    filter x.pgm --kernel box:0
refused 2 "kernel box:1.5: its side is a whole number, 1 to 255" \
    filter x.pgm --kernel box:1.5
refused 2 "kernel box:: its side is a whole number, 1 to 255" \
    filter x.pgm --kernel box:
refused 2 "kernel box:256: its side is a whole number, 1 to 255" \
    filter x.pgm --kernel box:256
refused 2 "kernel gauss:-1: sigma is a number above 0, up to 40" \
    filter x.pgm --kernel gauss:-1
refused 2 "the kernel is ragged: row 2 has 2 numbers, row 1 has 3" \
    filter x.pgm --kernel "1 2 3; 4 5"
refused 2 "the kernel: 'nan' is not a number that can be computed with" \
    filter x.pgm --kernel "1 nan 3"
refused 2 "the kernel: brackets do not match" \
    filter x.pgm --kernel "[1,2"
refused 2 "the kernel: brackets do not match" \
    filter x.pgm --kernel "1 2]"
refused 2 "channel 2 of the kernel has 2 rows, channel 1 has 1" \
    filter x.pgm --kernel "1 2 | 3 4; 5 6"
refused 2 "there is no kernel 'sobell-x'; did you mean 'sobel-x'?" \
    filter x.pgm --kernel sobell-x
refused 2 "there is no kernel 'nothing'; it is one of sobel-x|sobel-y|prewitt|prewitt-x|prewitt-y|laplace|gauss:X|sharpen|emboss|box:N, an array or a .npy file" \
    filter x.pgm --kernel nothing
refused 1 "kernel 2 is 3, kernel 1 is 2; kernels of one call have one size" \
    filter x.pgm --kernel "1 2" --kernel "1 2 3"
refused 2 "--pad: '1,2,3' has 3 numbers; 1, 2 or 4 are taken" \
    filter x.pgm --kernel sobel-x --pad 1,2,3
refused 2 "--pad: '1,2,3,4,5' has more than 4 numbers" \
    filter x.pgm --kernel sobel-x --pad 1,2,3,4,5
refused 2 "--pad: -1 is out of range 0 to 1048576" \
    filter x.pgm --kernel sobel-x --pad -1
refused 2 "--pad: 'a' is not a whole number, nor 4 with commas between" \
    filter x.pgm --kernel sobel-x --pad a
refused 2 "--stride: 0 is out of range 1 to 1048576" \
    filter x.pgm --kernel sobel-x --stride 0
refused 2 "--stride: '1,2,3' has more than 2 numbers" \
    filter x.pgm --kernel sobel-x --stride 1,2,3
refused 2 "--dilation: 0 is out of range 1 to 1048576" \
    filter x.pgm --kernel sobel-x --dilation 0,1
refused 2 "--pad-value: 'white' is not a number" \
    filter x.pgm --kernel sobel-x --boundary fill --pad-value white
refused 2 "--pad-value: the value is empty" \
    filter x.pgm --kernel sobel-x --boundary fill --pad-value ""
refused 2 "--pad-value is for --boundary fill, not for wrap" \
    filter x.pgm --kernel sobel-x --boundary wrap --pad-value 3
refused 2 "--boundary: 'mirror' is not one of fill|wrap|symm" \
    filter x.pgm --kernel sobel-x --boundary mirror
refused 2 "'y.gif' does not end in .png, .pgm, .ppm or .pnm, so its format is not known" \
    filter x.pgm --kernel sobel-x --out y.gif
refused 1 "cannot open 'none.pgm': no such file or directory" \
    filter none.pgm --kernel sobel-x
refused 1 "cannot open 'none': no such file or directory" \
    filter none --kernel sobel-x
refused 2 "the input is ragged: row 2 has 1 number, row 1 has 2" \
    filter "[[1,2],[3]]" --kernel sobel-x
refused 2 "the input: brackets do not match" \
    filter "[[1,2" --kernel sobel-x
refused 2 "channel 2 of the input has 2 rows, channel 1 has 1" \
    filter "1 | 2 ; 3" --kernel sobel-x
refused 1 "the input is empty: its dimension 0 is 0" \
    filter empty.npy --kernel sobel-x
refused 2 "the input: '0x3' is out of range, a side has 1 to 1048576" \
    filter 0x3 --kernel 3x3 --sizes
refused 2 "the input: '3x' is not a size; 3x5 is one of 3 rows and 5 columns" \
    filter 3x --kernel 3x3 --sizes
refused 1 "the target is 2x3, a kernel of 3x3 makes 4x4 of the input in mode same" \
    filter x.pgm --learn flat.npy
refused 1 "cannot open 'none.npy': no such file or directory" \
    filter x.pgm --learn none.npy

# train: sweeps and folders
refused 2 "train: --sweep needs --out FOLDER, for the trainings and their results" \
    train lenet5 --data mnist:data --sweep lr=0.1
refused 2 "--sweep: 'lr' is not of the form OPTION=VALUE,VALUE,…" \
    train lenet5 --data mnist:data --out runs --sweep lr
refused 2 "--sweep: lr has an empty value" \
    train lenet5 --data mnist:data --out runs --sweep lr=
refused 2 "--lr: 'fast' is not a number" \
    train lenet5 --data mnist:data --out runs --sweep lr=0.1,fast
refused 2 "--sweep: 'lrr' is not an option of a training with a value" \
    train lenet5 --data mnist:data --out runs --sweep lrr=0.1,0.2
refused 2 "--sweep: more than 64 values of lr" \
    train lenet5 --data mnist:data --out runs --sweep "$many"
refused 1 "'file' is there already and is not a folder" \
    train lenet5 --data mnist:data --out file --epochs 1
refused 1 "'file' is not a folder" \
    train lenet5 --data mnist:data --out file/run --epochs 1

# run, diff and the readers of run folders
refused 1 "cannot open 'none.npy': no such file or directory" \
    run lenet5 --input none.npy
refused 1 "input 'image' wants [N, 1, 28, 28], 'flat.npy' holds [2, 3]" \
    run lenet5 --input flat.npy
refused 1 "x.pgm: not a .npy file" \
    run lenet5 --input image=x.pgm
refused 2 "the model has no input 'nothing'; it has 'image'" \
    run lenet5 --input nothing=flat.npy
refused 2 "run: --input is missing; usage: stria run MODEL --input [NAME=]FILE" \
    run lenet5 --output nothing=y.npy
refused 2 "run: --input is missing; usage: stria run MODEL --input [NAME=]FILE" \
    run lenet5 --grad nothing
refused 2 "--seed: -1 is out of range, 0 is the least" \
    run lenet5 --seed -1
refused 1 "cannot open 'none.onnx': no such file or directory" \
    diff lenet5 none.onnx
refused 2 "there is no network 'none.npy'" \
    diff none.npy flat.npy
refused 2 "flat.npy: not a model file: expected .onnx, .net or a run folder" \
    diff flat.npy none.npy
refused 1 "cannot open 'none/checkpoint.safetensors': no such file or directory" \
    report none
refused 1 "cannot open 'none/checkpoint.safetensors': no such file or directory" \
    compare none
refused 1 "cannot open 'none/checkpoint.safetensors': no such file or directory" \
    compare none nothing
refused 2 "show: KIND is missing; usage: stria show MODEL KIND --image IMAGE --out OUT [options]" \
    show lenet5
refused 2 "show: there is no kind 'kernel'; there are filters, features, gradcam, gradcam++, saliency, smoothgrad, guided, integrated, occlusion, deepdream, activation-max and embedding" \
    show lenet5 kernel
refused 2 "there is no network 'none'" \
    eval none --data mnist:data
refused 1 "cannot open 'none.png': no such file or directory" \
    predict lenet5 none.png

for made in runs y.gif y.npy y.png never; do
    [ ! -e "$made" ] || fail "what is refused left $made"
done
finish
