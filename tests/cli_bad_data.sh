#!/usr/bin/env bash
# Data that are not as they should be: each gets one sentence with its name, ends, and leaves nothing half-done.
. "${SOURCE:-.}/tests/cli.sh"
make() { # PATH SEED: a PGM of 4 × 4
    { printf 'P2\n4 4\n255\n'; for p in {1..16}; do echo $((p * $2 * 37 % 251)); done; } >"$1"
}
mkdir -p f/a f/b
for i in {1..10}; do make f/a/$i.pgm $i; make f/b/$i.pgm $((i + 50)); done
train=(train linear --data folder:f --epochs 1 --batch 4)

# ends CODE WORDS…: as expect, but what hangs fails.
real=$STRIA
ends() {
    STRIA=within_limit
    expect "$@"
    STRIA=$real
}
within_limit() { timeout 60 "$real" "$@"; }

# ---- folders

mkdir f/empty
refused 1 "folder f/empty holds no pictures (.jpg .png .webp .tif .bmp .pgm .ppm)" "${train[@]}" --out never
refused 1 "folder f/empty holds no pictures (.jpg .png .webp .tif .bmp .pgm .ppm)" data check f
echo text >f/empty/readme.md
refused 1 "folder f/empty holds no pictures (.jpg .png .webp .tif .bmp .pgm .ppm)" "${train[@]}" --out never
rm -r f/empty
mkdir none
refused 1 "folder none has no folders inside: put each class's pictures into one" train linear --data folder:none --out never

# Links that lead in a circle: to a folder above, to themselves, as a class and as a picture.
ln -s . f/loop
refused 1 "folder f/loop holds no pictures (.jpg .png .webp .tif .bmp .pgm .ppm)" "${train[@]}" --out never
rm f/loop
ln -s self f/self
ln -s .. f/a/up
ends 0 "${train[@]}" --out circle
rm f/self f/a/up
ln -s me.pgm f/a/me.pgm
refused 1 "cannot open 'f/a/me.pgm': too many levels of symbolic links" "${train[@]}" --out never
rm f/a/me.pgm
ln -s gone f/a/gone.pgm
ends 1 "${train[@]}" --out never
says stderr "f/a/gone.pgm"
rm f/a/gone.pgm

# What is no file among the pictures is named like any picture that cannot be read, and is left out with --skip-bad.
mkfifo f/a/pipe.pgm
ln -s /dev/zero f/b/zero.pgm
mkdir f/b/folder.pgm
ends 1 data check f --json
[ "$(jq -r '.unreadable | sort_by(.picture) | .[].why' stdout)" = "cannot read 'f/a/pipe.pgm': it is a device or pipe
cannot read 'f/b/zero.pgm': it is a device or pipe" ] || { fail "data check"; cat stdout; }
ends 1 "${train[@]}" --epochs 2 --batch 1 --out stops
says stderr "it is a device or pipe; --skip-bad leaves such pictures out"
ends 0 "${train[@]}" --batch 1 --skip-bad --out skips
says stderr "it is a device or pipe"
rm -r f/a/pipe.pgm f/b/zero.pgm f/b/folder.pgm

if [ "$(id -u)" != 0 ]; then
    chmod 0 f/a/1.pgm
    ends 1 "${train[@]}" --out never
    says stderr "f/a/1.pgm': permission denied"
    chmod 0 f/b
    ends 1 data check f
    says stderr "f/b"
    chmod 755 f/b
    chmod 644 f/a/1.pgm
else
    echo "skipped: case permissions: root may read everything"
fi

# Names in no UTF-8 are names: the class trains, packs, splits and comes back.
odd=$(printf 'caf\351')
if mkdir "f/$odd" 2>stderr; then
    for i in {1..10}; do make "f/$odd/$(printf '\377%d' $i).pgm" $((i + 90)); done
    ends 0 "${train[@]}" --out odd
    ends 0 predict odd "f/$odd/$(printf '\3771').pgm" --json
    jq -e '.[0].image == "f/caf\\xE9/\\xFF1.pgm"' stdout >/dev/null || { fail "predict"; cat stdout; }
    jq -e '[.[0].predictions[].name] | index("caf\\xE9")' stdout >/dev/null || { fail "the class is lost"; cat stdout; }
    iconv -f UTF-8 -t UTF-8 odd/report.html >/dev/null || fail "report.html is no UTF-8"
    ends 0 data split f --output parts
    [ -d "parts/train/$odd" ] || fail "the class's folder is lost"
    ends 0 data pack f --output shards/s
    ends 0 data check wds:shards/s-000000.tar --json
    jq -e '.classes[2] == {"name": "caf\\xE9", "images": 10}' stdout >/dev/null || { fail "pack"; cat stdout; }
    rm -r "f/$odd"
fi

# A name that leads out of an archive is passed over and said.
mkdir -p in/a && cp f/a/1.pgm in/a
tar cf up.tar f
tar rPf up.tar --transform 's,^in,../f,' in
ends 0 train linear --data folder:up.tar --epochs 1 --batch 4 --out up
says stderr "../f/a/1.pgm"
says stderr "16 images in 2 classes for training, 4 for validation"
[ ! -e ../f ] || fail "an archive wrote outside"

# ---- pipes are read once

lines() { for c in a b; do for i in {1..10}; do echo "$PWD/f/$c/$i.pgm,$c"; done; done; }
mkfifo list.csv
# pipe CODE WORDS…: the list through list.csv, once.
pipe() {
    lines >list.csv &
    writer=$!
    ends "$@"
    kill $writer 2>/dev/null
    wait $writer 2>/dev/null
}
pipe 0 train linear --data csv:list.csv --epochs 1 --batch 4 --out piped
lines >plain.csv
ends 0 train linear --data csv:plain.csv --epochs 1 --batch 4 --out plain
cmp -s piped/model.onnx plain/model.onnx || fail "a pipe trains to other bits"
pipe 1 train linear --data csv:list.csv --epochs 1 --batch 4 --sweep "lr=0.1,0.01" --out sweep
says stderr "lr=0.1: cannot read 'list.csv': it is a device or pipe"
[ ! -d sweep/001-0.1-seed0 ] || fail "a refused sweep began"

# ---- a disk that fills

# The file size limit stops the checkpoint; the run that was there goes on from its last one.
ends 0 "${train[@]}" --epochs 2 --schedule constant --out whole
ends 0 "${train[@]}" --epochs 1 --schedule constant --out full
sum=$(cat full/checkpoint.safetensors | cksum)
(ulimit -f 1; timeout 60 "$STRIA" train --resume full --epochs 2 2>&1 >/dev/null | cat >stderr; exit "${PIPESTATUS[0]}")
[ $? = 1 ] || fail "a full disk is not said by the exit code"
says stderr "cannot write 'full/"
[ "$(cat full/checkpoint.safetensors | cksum)" = "$sum" ] || fail "the checkpoint before is lost"
[ -z "$(find full -name '*.tmp')" ] || fail "half a file is left: $(ls full)"
ends 0 train --resume full --epochs 2
cmp -s full/model.onnx whole/model.onnx || fail "after a full disk the run goes on to other bits"

[ ! -e never ] || fail "a refused training left a folder"
finish
