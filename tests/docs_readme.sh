#!/usr/bin/env bash
# Documents' commands: `make` targets exist; every command of README, docs/*.md and --help runs (on few images; fashion-mnist,
# models and pictures are stand-ins); networks in docs/net.md are read; README's C program compiles and runs. README.zh-CN.md has the
# same blocks.
source=$(cd "${SOURCE:-.}" && pwd) || exit 1
. "$source/tests/cli.sh"
[ -f "$source/README.md" ] || { echo "no $source/README.md"; exit 1; }

# blocks LANGUAGE FILE: the contents of its fenced blocks, one after the other
blocks() {
    awk -v mark="\`\`\`$1" '$0 == mark { on = 1; next } /^```/ { on = 0 } on' "$2"
}

blocks sh "$source/README.md" >commands
blocks c "$source/README.md" >small.c
[ "$(wc -l <commands)" -ge 10 ] || fail "README.md has fewer than ten commands"
for language in sh c; do
    cmp -s <(blocks $language "$source/README.md") <(blocks $language "$source/README.zh-CN.md") ||
        fail "README.md and README.zh-CN.md have different $language blocks"
done

# ---- stand-ins: ten classes of stripes, and pictures of cats and dogs that are bright above, or on the left

digits data
mkdir bin pictures pictures/cat pictures/dog
awk 'BEGIN {
    srand(1)
    for (i = 0; i < 120; i++) {
        file = sprintf("pictures/%s/%03d.pgm", i % 2 ? "cat" : "dog", i)
        printf "P2\n24 24\n255\n" >file
        for (p = 0; p < 576; p++) print (i % 2 ? p % 24 : p / 24) < 12 ? 150 + int(rand() * 60) : int(rand() * 60) >file
        close(file)
    }
}'
cp pictures/cat/001.pgm picture.png # found out by its contents, not by its name
{ printf '\223NUMPY\001\000\166\000'
  printf '%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 28, 28), }"
  head -c 3136 /dev/zero; } >x.npy
printf '%s\n' '#!/usr/bin/env bash' 'words=("${@//fashion-mnist/mnist:data}")' \
    'for i in "${!words[@]}"; do [ "${words[i]}" != --epochs ] || words[i + 1]=$((words[i + 1] > 5 ? 2 : 1)); done' \
    "exec '$STRIA' \"\${words[@]}\"" >bin/stria
chmod +x bin/stria
PATH=$PWD/bin:$PATH

# ---- the commands

while read -r line; do
    case $line in
    make\ *) grep -qE "^${line#make }:" "$source/Makefile" || fail "'$line': the Makefile has no such target" ;;
    stria\ *) bash -c "$line" >stdout 2>stderr </dev/null || { fail "'$line' exits with $?"; tail -n 3 stderr; } ;;
    *) fail "'$line' is neither make nor stria" ;;
    esac
done <commands
for file in runs/pets/model.onnx runs/first/checkpoint.safetensors first.onnx out/logits.npy; do
    [ -s "$file" ] || fail "README's commands do not write $file"
done
grep -q '"kind": "epoch", "step": 16, "epoch": 2' runs/first/metrics.jsonl || fail "the resumed run did not reach its second epoch"

# ---- the commands of docs and of --help

printf 'stria-net 1\nx = input(batch x 1 x 28 x 28)\nc = conv(x, 1, kernel=3, padding=1)\ny = sigmoid(c)\noutput(y)\n' >autoencoder.net
cat >one.net <<'NET'
stria-net 1
image = input(batch x 1 x 28 x 28)
conv1 = conv(image, 2, kernel=5)
flat = flatten(conv1)
y = dense(flat, 10)
output(y)
NET
sed 's/image/x/g' one.net >two.net
expect 0 convert one.net model.onnx
expect 0 convert two.net gradient.onnx
expect 0 convert resnet20 resnet.onnx
expect 0 convert lenet5 lenet5.safetensors --seed 2
cp lenet5.safetensors lenet5.pth # known by its contents, too
seq 10 >names.txt
cp picture.png shoe.png
cp picture.png cat.png
cp picture.png photo.png
cp picture.png cat.jpg
cp picture.png digit.png
cp picture.png parrot.jpg
cp -r pictures flowers
for i in 0 1 2 3 4 5 6 7 8 9; do mkdir -p photos/test/$i && cp picture.png photos/test/$i/a.png; done
cp resnet.onnx squeezenet1.1.onnx
printf 'stria-net 1\nx = input(batch x 1 x height x width)\ny = conv(x, 2, kernel=1)\noutput(y)\n' >detector.net
expect 0 convert detector.net detector.onnx
cp x.npy page.npy
cp names.txt synset_words.txt
printf 'P2 4 3 255 1 2 3 4 5 6 7 8 9 10 11 12' >eye.png
mkdir -p data/mnist
for file in data/*-ubyte; do ln -s "../${file#data/}" data/mnist/; done
[ -d runs/lenet5-1 ] || cp -r runs/first runs/lenet5-1
cp -r runs/first runs/lenet
ln -s data mnist
export STRIA_DATA=$PWD/data # for names without a path

# runs LINE WHERE: the line, as a user would type it.
runs() {
    local line=$1
    case $line in
    *test_conv*) [ -d /usr/share/libonnx-testdata/data/node/test_basic_conv_with_padding ] || return 0
                 [ -e test_conv ] || ln -s /usr/share/libonnx-testdata/data/node/test_basic_conv_with_padding test_conv ;;
    *--grad*) line=${line/model.onnx/gradient.onnx} ;;
    *fire5/concat_1*) line=${line/fire5\/concat_1/layer1.0.conv1} ;;
    *"--out runs/try") line="$line --epochs 1" ;; # which the next one continues
    "stria data fetch "* | "stria model fetch "*) # no test leaves the machine: a server that is not there
        bash -c "$line --from http://127.0.0.1:1/" >stdout 2>stderr
        [ $? = 1 ] || fail "$2: '$line' is not understood: $(cat stderr)"
        return 0 ;;
    *"| jq "*) line=${line%%|*} ;; # which not everyone has
    esac
    bash -c "$line" >stdout 2>stderr </dev/null || { fail "$2: '$line' exits with $?"; tail -n 3 stderr; }
}

for document in "$source"/docs/*.md; do
    while read -r line; do
        case $line in stria\ *) runs "$line" "${document##*/}" ;; \#* | tensorboard\ * | chromium\ *) ;; *) fail "${document##*/}: '$line' is not run" ;; esac
    done < <(blocks sh "$document")
done
count=0
for verb in $(verbs); do
    while read -r line; do
        count=$((count + 1))
        runs "$line" "stria $verb --help"
    done < <("$STRIA" "$verb" --help | sed -n '/^examples:/,$s/^  \(\(STRIA_ISA=[a-z0-9]* \)\{0,1\}stria .*\)/\1/p')
done
[ $count -ge 25 ] || fail "--help has $count examples"

# Every network that a document shows is one.
for document in "$source"/README.md "$source"/docs/*.md; do
    awk -v name="${document##*/}" '/^```/ { if (on) close(file); on = 0; next }
        /^stria-net 1/ { on = 1; file = name "-" ++n ".net" } on { print >file }' "$document"
done
[ -e net.md-1.net ] || fail "docs/net.md shows no network"
for file in *.md-*.net; do expect 0 summary "$file"; done

# ---- the C program

library=$(ls "$BUILD"/libstria.so "$BUILD"/libstria.dylib 2>/dev/null | head -n 1)
sanitize=
if nm -D "$library" | grep -q ' __asan_'; then sanitize=-fsanitize=address,undefined; fi
if nm -D "$library" | grep -q ' __tsan_'; then sanitize=-fsanitize=thread; fi
if "${TREE_CC:-cc}" -std=c11 -Wall -Wextra -Werror $sanitize -I"$source/include" small.c -o small "$library" "-Wl,-rpath,$BUILD"; then
    ./small mnist:data >stdout || fail "the C program exits with $?"
    says stdout "% of 100 test images"
    [ -s small.onnx ] || fail "the C program does not write small.onnx"
else
    fail "the C program does not compile"
fi
finish
