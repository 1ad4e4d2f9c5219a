#!/usr/bin/env bash
# Names that could drive a terminal: no verb prints them as they are, neither of files nor of classes, tensors or
# options, neither on stdout nor on stderr; JSON has escapes.
. "${SOURCE:-.}/tests/cli.sh"
bad=$'x\033[31m\177\302\233\342\200\256\342\201\246\342\200\250y' # ESC, DEL, C1, U+202E, U+2066, U+2028
raw=$bad$'\233z'                                                   # and C1 as a byte, which is no UTF-8
line=$'a\nINJECTED'
# Bytes of C0 but newline and tab, DEL, C1 in UTF-8, separators and overrides, and C1 outside UTF-8.
drives='[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]|(?<![\x80-\xff])[\x80-\x9f]|^INJECTED'
tries=0

# The pattern itself: it finds each of them, and no harmless text.
for text in $'\033' $'\177' $'\302\233' $'\342\200\256' $'\342\201\246' $'\233' INJECTED; do
    printf '%s' "$text" | LC_ALL=C grep -qP "$drives" || fail "the pattern misses $(printf '%s' "$text" | od -An -tx1)"
done
printf 'Größe × 3 … → ’ 犬 \t\n' | LC_ALL=C grep -qP "$drives" && fail "the pattern finds harmless text"

# clean WORDS…: whatever the command does, what it prints is clean.
clean() {
    "$STRIA" "$@" >stdout 2>stderr </dev/null
    code=$?
    tries=$((tries + 1))
    for stream in stdout stderr; do
        LC_ALL=C grep -aqP "$drives" "$stream" && { fail "stria $1 prints controls to $stream:"; LC_ALL=C grep -aP "$drives" "$stream" | od -c | head -n 8; }
    done
}
# works WORDS…: the same, and it succeeds.
works() {
    clean "$@"
    [ "$code" -eq 0 ] || { fail "stria $1 exits with $code"; cat -v stderr; }
}

folder=$bad$line
mkdir -p "$folder/pictures/one$bad" "$folder/pictures/two"
for class in "one$bad" two; do
    for i in 1 2 3 4 5 6 7 8; do
        { printf 'P5\n4 4\n255\n'; printf '%0*d' 16 "$i"; } >"$folder/pictures/$class/$bad$i.pgm"
    done
done
picture=$folder/pictures/two/${bad}1.pgm
data=folder:$folder/pictures
works train "linear:classes=2,size=1x4x4" --data "$data" --epochs 1 --batch 2 --out "$folder/run"
says stderr '?'
works train --resume "$folder/run" --epochs 2 --json
works eval "$folder/run" --data "$data" --split val
works eval "$folder/run" --data "$data" --split val --json
says stdout 'onex\u001B[31m\u007f\u009b\u202e\u2066\u2028y'
works predict "$folder/run" "$picture" "$picture"
works predict "$folder/run" "$picture" --json
works predict "$folder/run" --data "$data" --split val
works predict "$folder/run" --data "$data" --split val --json --limit 0
model=$folder/model.onnx
works convert "$folder/run" "$model"
says stdout '?'
works convert "$folder/run" "$model" --json
mkdir "$raw"
cp "$picture" "$raw/$raw.pgm"
works convert "$model" "$raw/$raw.onnx"
works convert "$model" "$raw/$raw.onnx" --json
works predict "$raw/$raw.onnx" "$raw/$raw.pgm"
works predict "$raw/$raw.onnx" "$raw/$raw.pgm" --json
for verb in summary explain bench; do
    works $verb "$model"
    works $verb "$model" --json
done

# Tensors and layers whose names have what the reader of ONNX leaves: overrides; and what it does not.
expect 0 convert linear plain.onnx
odd=0
for name in $(LC_ALL=C grep -aoE '[a-z][a-z0-9._]{5,}' plain.onnx | sort -u); do
    LC_ALL=C sed "s/${name:1:3}/"$'\342\200\256'"/g" plain.onnx >odd.onnx
    clean summary odd.onnx
    [ "$code" -eq 0 ] || continue
    odd=$((odd + 1))
    for verb in summary explain bench; do works $verb odd.onnx; works $verb odd.onnx --json; done
    clean run odd.onnx --input none.npy
done
[ "$odd" -gt 1 ] || fail "only $odd models have odd names"
{ printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 28, 28), }"
  head -c 6272 /dev/zero; } >"$folder/x.npy"
works run plain.onnx --input "$folder/x.npy" --output "$folder/out"
works run plain.onnx --input "$folder/x.npy" --output "$folder/out" --json
works filter "1 2 3" --kernel "1 1" --out "$folder/f.npy"
works filter "$picture" --kernel sobel-x --out "$folder/f.png"
works filter "$picture" --kernel sobel-x --out "$folder/f.png" --json
works data list
works info

# What is not there, what is no option, what is no verb.
for verb in train eval predict run summary explain bench convert filter data info "$bad" "$raw"; do
    for word in "$bad" "$raw" "$line" "--$bad" "--$line=$bad" "./$bad/$line.onnx" "$picture"; do
        clean "$verb" "$word"
        clean "$verb" "$word" "$word"
        clean "$verb" "$word" --data "$word" --json
        clean "$verb" --seed "$word"
    done
done
clean eval "$model" --data "folder:$folder/none"
clean eval "$model" --labels "$folder/none" --data "$data"
clean run "$model" --input "$bad=$folder/none.npy"
clean run "$model" --input "$folder/x.npy" --grad "$bad"
clean run "$model" --test-data "$folder"
[ "$tries" -gt 300 ] || fail "only $tries commands were tried"

# A command that is proposed works as it is proposed, and shows no control either.
command=$("$STRIA" train "linear:classes=2,size=1x4x4" --data "$data" --epochs 1 --batch 2 --out "$folder/again" 2>/dev/null | grep -m 1 '^  stria explain')
printf '%s' "$command" | LC_ALL=C grep -qP "$drives" && fail "the proposed command has controls"
bash -c "${command/stria/\"\$STRIA\"}" >stdout 2>stderr || { fail "the proposed command fails: $command"; cat -v stderr; }
finish
