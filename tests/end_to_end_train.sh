#!/usr/bin/env bash
# Real data to a known accuracy within seconds, and what a user does with the result. STRIA_TEST_DATA names a folder with
# mnist/ in it; Fashion-MNIST is looked for where Debian puts it.
. "${SOURCE:-.}/tests/cli.sh"
mnist=${STRIA_TEST_DATA:-none}/mnist
fashion=/usr/share/datasets/fashion-mnist
[ -d "$mnist" ] || [ -d "$fashion" ] || { echo "skipped: STRIA_TEST_DATA names no folder with mnist in it, and dataset-fashion-mnist is not installed"; exit 77; }

# value KEY FILE: a number of the top level of a JSON document.
value() { grep -o "\"$1\":[^,}]*" "$2" | head -n 1 | cut -d: -f2; }

# reaches LEAST MODEL DATA OPTIONS…: trains into MODEL-DATA and wants that share of the test images right.
reaches() {
    local least=$1 model=$2 data=$3 right
    shift 3
    run=${model%%:*}-${data%%:*}
    expect 0 train "$model" --data "$data" --epochs 1 --seed 1 --out "$run" --json "$@"
    right=$(value test_top1 stdout)
    awk -v a="$right" -v b="$least" 'BEGIN { exit !(a >= b) }' || fail "$model on $data: $right of the test images are right, $least expected"
}

# keys FILE KEY…: the document has all these keys.
keys() {
    local file=$1 key
    shift
    for key; do grep -q "\"$key\":" "$file" || fail "'$key' is not among the keys of $(head -c 200 "$file")"; done
}

# be NUMBER…: 32-bit numbers, highest byte first.
be() {
    local n
    for n; do printf "\\x$(printf '%02x' $((n >> 24 & 255)))\\x$(printf '%02x' $((n >> 16 & 255)))\\x$(printf '%02x' $((n >> 8 & 255)))\\x$(printf '%02x' $((n & 255)))"; done
}

# chunk TYPE FILE: gzip knows the checksum that PNG wants.
chunk() {
    be "$(wc -c <"$2")"
    { printf '%s' "$1"; cat "$2"; } >body
    cat body
    be "0x$(gzip -c body | tail -c 8 | od -An -tx1 -N4 | awk '{ print $4 $3 $2 $1 }')"
}

# png INDEX <IMAGES: picture INDEX of an IDX file, as an uncompressed PNG.
png() {
    local row
    tail -c +$((17 + $1 * 784)) | head -c 784 >pixels
    for ((row = 0; row < 28; row++)); do printf '\000'; tail -c +$((row * 28 + 1)) pixels | head -c 28; done >rows
    { be 28 28; printf '\010\000\000\000\000'; } >header
    { printf '\170\001\001\054\003\323\374'; cat rows
      be "$(od -An -v -tu1 -w1 rows | awk '{ a = (a + $1) % 65521; b = (b + a + 1) % 65521 } END { printf "%.0f", b * 65536 + (a + 1) % 65521 }')"; } >data
    : >nothing
    printf '\211PNG\r\n\032\n'
    chunk IHDR header
    chunk IDAT data
    chunk IEND nothing
}

use() {
    local data=$1 images=$2 run=$3
    expect 0 eval "$run" --data "$data" --limit 2000 --json
    keys stdout images loss top1 top5 classes name precision recall f1 support confusion
    [ "$(value images stdout)" = 2000 ] || fail "--limit 2000 judges $(value images stdout) images"
    expect 0 eval "$run/model.onnx" --data "$data" --limit 2000 --json --threads 1 --batch 77
    [ "$(value images stdout)" = 2000 ] || fail "model.onnx judges other images"
    expect 0 predict "$run" --data "$data" --split test --limit 1 --json
    keys stdout image predictions class name probability
    local first
    first=$(grep -o '"predictions":[^]]*' stdout)
    zcat -f "$images"* | png 0 >first.png
    expect 0 predict "$run" first.png --json
    [ "$(grep -o '"predictions":[^]]*' stdout)" = "$first" ] || { fail "the picture file and the data's picture differ:"; cat stdout; echo "$first"; }
    expect 0 summary "$run" --json
    keys stdout parameters multiply_adds inference_bytes training_bytes layers output_shape
}

if [ -d "$mnist" ]; then
    reaches 0.90 linear "mnist:$mnist"
    use "mnist:$mnist" "$mnist/t10k-images-idx3-ubyte" linear-mnist
    reaches 0.90 mlp "mnist:$mnist" --limit 10000
    reaches 0.90 lenet "mnist:$mnist" --limit 6000 --batch 32
    reaches 0.80 lenet5 "mnist:$mnist" --limit 15000
    use "mnist:$mnist" "$mnist/t10k-images-idx3-ubyte" lenet-mnist
else
    echo "skipped: STRIA_TEST_DATA names no folder with mnist in it"
fi

if [ -d "$fashion" ]; then
    reaches 0.78 linear fashion-mnist
    reaches 0.74 lenet fashion-mnist --limit 6000 --batch 32
    use fashion-mnist "$fashion/t10k-images-idx3-ubyte" lenet-fashion-mnist
    # A model may be a text file, or the file of a model that has been trained already: it goes on from there.
    expect 0 convert lenet-fashion-mnist/model.onnx own.net
    reaches 0.74 own.net fashion-mnist --limit 6000 --batch 32 --lr 0.02 --out from-net
    cp lenet-fashion-mnist/model.onnx own.onnx
    reaches 0.78 own.onnx fashion-mnist --limit 6000 --batch 32 --out from-onnx
else
    echo "skipped: dataset-fashion-mnist is not installed"
fi
finish
