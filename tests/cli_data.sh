#!/usr/bin/env bash
# stria data: sheets, statistics, what check finds; --augment through a training and its resumption.
. "${SOURCE:-.}/tests/cli.sh"

# grey FILE SIDE BYTE: a PGM of one grey. ramp FILE STEP: 40 × 40, rows alike.
grey() { { printf 'P5 %d %d 255\n' "$2" "$2"; head -c $(($2 * $2)) /dev/zero | tr '\0' "$3"; } >"$1"; }
ramp() {
    { echo "P2 40 40 255"
      for ((y = 0; y < 40; y++)); do for ((x = 0; x < 40; x++)); do echo $(((x * $2 + y * y * $3) % 256)); done; done; } >"$1"
}
mkdir -p set/train/a set/train/b set/test/a set/test/b
for i in 1 2 3 4 5 6 7 8 9; do
    ramp set/train/a/$i.pgm $((5 * i + 1)) $i
    ramp set/train/b/$i.pgm $((7 * i + 2)) $((i + 3))
done
ramp set/test/a/1.pgm 17 2
ramp set/test/b/1.pgm 90 9

expect 0 data check folder:set
says stdout "no problems found"
says stdout "2 classes"

cp set/train/a/3.pgm set/train/a/again.pgm
cp set/train/b/4.pgm set/test/b/leaked.pgm
sed '500s/.*/1/' set/train/a/6.pgm >set/train/a/near.pgm
grey set/train/b/tiny.pgm 4 '\100'
echo junk >set/train/b/bad.png
expect 1 data check folder:set
says stdout "1 picture that repeats another"
says stdout "1 picture in two parts"
says stdout "1 picture that nearly repeats another"
says stdout "1 picture of less than 8 pixels a side"
says stdout "set/train/b/bad.png: not a PNG, JPEG, WebP, TIFF, BMP or PNM picture"
expect 1 data check folder:set --json
for key in unreadable repeated nearly leaks tiny; do
    [ "$(jq ".$key | length" stdout)" = 1 ] || fail "--json: $key does not have one row"
done
[ "$(jq -r '.leaks[0].picture' stdout)" = set/test/b/leaked.pgm ] || fail "the leaked picture is not named"
rm set/train/b/bad.png set/train/b/tiny.pgm
refused 1 "there is no folder 'nosuch'" data check folder:nosuch

# The mean of half black, half white is 0.5, its deviation too.
mkdir -p plain/x plain/y
grey plain/x/1.pgm 8 '\0'
grey plain/y/1.pgm 8 '\377'
expect 0 data stats folder:plain --json
[ "$(jq -c '[.images, .mean, .std]' stdout)" = "[2,[0.5],[0.5]]" ] || { fail "stats"; cat stdout; }
expect 0 data stats folder:plain
says stdout "--mean 0.5000 --std 0.5000"

# A sheet: four pictures of 8 with gaps of 2; the picture is one of them, its mirror image the other.
digits digits
expect 0 data show mnist:digits --count 4 --size 28 --output sheet.ppm
head -n 1 sheet.ppm | grep -q P6 || fail "the sheet is no PPM"
sed -n 2p sheet.ppm | grep -q "62 62" || fail "the sheet is not 62 x 62"
expect 0 data show mnist:digits --count 4 --size 28 --output again.ppm --augment "flip-vertical p 1"
cmp -s sheet.ppm again.ppm && fail "--augment does not change the sheet"
refused 2 "--augment: there is no augmentation 'flop'; did you mean 'flip'?" \
    data show mnist:digits --output no.ppm --augment flop
[ ! -e no.ppm ] || fail "a refused sheet was written"
refused 2 "data show: --output is missing; add --output sheet.png" data show mnist:digits
refused 2 "data show: DATA is missing; 'stria data show folder:DIR'" data show
refused 2 "data steps takes no data" data steps mnist:digits

# Steps are listed, and each is known by that name; a training resumes with its own to the same bits.
expect 0 data steps --json
for step in $(jq -r '.steps[].name' stdout); do
    grep -q "\`$step" "${SOURCE:-.}/docs/augmentation.md" || fail "docs/augmentation.md lacks $step"
done
expect 0 train linear --data mnist:digits --epochs 4 --batch 20 --schedule constant --augment "crop pad 2, noise 0.1" --out whole
expect 0 train linear --data mnist:digits --epochs 2 --batch 20 --schedule constant --augment "crop pad 2, noise 0.1" --threads 1 --out part
expect 0 train --resume part --epochs 4
cmp -s whole/model.onnx part/model.onnx || fail "an augmented training resumes to other bits"
expect 0 train linear --data mnist:digits --epochs 3 --batch 20 --schedule constant --augment "mixup 1, cutmix" --out mixed
expect 0 train linear --data mnist:digits --epochs 1 --batch 20 --schedule constant --augment "mixup 1, cutmix" --threads 1 --out parts
expect 0 train --resume parts --epochs 3
cmp -s mixed/model.onnx parts/model.onnx || fail "a training on mixed batches resumes to other bits"
expect 2 train linear --data mnist:digits --augment cutmix --loss hinge --out never
says stderr "--loss: hinge takes one class for each picture, not shares of classes (of data that has them, mixup, cutmix)"
expect 0 train linear --data mnist:digits --epochs 4 --batch 20 --schedule constant --out bare
cmp -s whole/model.onnx bare/model.onnx && fail "--augment changes nothing"
finish
