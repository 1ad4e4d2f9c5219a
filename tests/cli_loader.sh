#!/usr/bin/env bash
# Pictures that are read and changed ahead of the steps: the same model for any threads, workers and cache, also where a
# training is killed within an epoch and goes on; what a training says of it; a corrupt picture.
. "${SOURCE:-.}/tests/cli.sh"

picture() { { printf 'P6 24 20 255\n'; head -c 1440 /dev/urandom; } >"$1"; }
mkdir -p data/train/blue data/train/red
for i in {10..49}; do
    picture data/train/blue/$i.ppm
    picture data/train/red/$i.ppm
done
printf 'stria-net 1\nimage = input(batch x 3 x 12 x 12)\nc = conv(image, 4, kernel=3)\nr = relu(c)\nflat = flatten(r)\nlogits = dense(flat, 2)\noutput(logits)\n' >net.net
train() { expect 0 train net.net --data folder:data --val no --batch 8 --seed 3 --schedule constant --augment "resized-crop scale 0.3 1, flip, mixup" "$@"; }
lines() { sed -E 's/"(seconds|wait_share|peak_bytes)": *[^,}]*//g' "$1/metrics.jsonl"; }
same() {
    cmp -s "$1/model.onnx" "$2/model.onnx" || fail "$3: another model"
    cmp -s <(lines "$1") <(lines "$2") || fail "$3: other lines in metrics.jsonl"
}

train --epochs 3 --out whole --threads 1 --json
says stderr ', 1 thread'
if grep -q "load pictures" stderr; then fail "one thread has others beside it"; fi
jq -e '.wait_share > 0 and .wait_share < 1' stdout >/dev/null || fail "no share of waiting: $(cat stdout)"
grep -q "system .* [0-9.]* % of the steps' time waited for pictures" stderr || { fail "no share of waiting:"; cat stderr; }
for threads in 2 5; do
    for workers in -1 1 2 5; do
        train --epochs 3 --out "t$threads$workers" --threads $threads --workers $workers
        same "t$threads$workers" whole "$threads threads, $workers workers"
        [ $workers = -1 ] || says stderr ", $workers that load pictures, 8 batches ahead"
        [ $workers = -1 ] || grep -q 'memory .*, pictures up to [0-9.]* KiB' stderr || { fail "no memory of pictures:"; cat stderr; }
    done
done
train --epochs 3 --out uncached --threads 2 --workers 3 --cache 0
same uncached whole "no cache"
grep -q 'memory .*, pictures up to [0-9.]* KiB$' stderr || { fail "without a cache the batches ahead are small:"; cat stderr; }

# Killed at any moment, also within an epoch, and resumed with other workers.
for step in 2 5 9; do
    rm -rf cut
    "$STRIA" train net.net --data folder:data --val no --batch 8 --seed 3 --schedule constant --augment "resized-crop scale 0.3 1, flip, mixup" \
        --epochs 3 --out cut --threads 2 >stdout 2>stderr </dev/null &
    pid=$!
    await $pid "\"step\": $step," cut/metrics.jsonl
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    expect 0 train --resume cut --threads 2 --workers 4
    if grep -q "bit-identical" stderr; then fail "--workers is said to change the result"; fi
    same cut whole "killed after step $step"
done
train --steps 13 --out part --threads 2 # within the second epoch
expect 0 train --resume part --epochs 3 --threads 2 --workers 3
cmp -s part/model.onnx whole/model.onnx || fail "in two parts: another model"

# A signal asks to stop: saved, exit 1, no thread is waited for in vain.
"$STRIA" train net.net --data folder:data --val no --batch 8 --epochs 20000 --augment flip --out stopped --threads 2 >stdout 2>stderr </dev/null &
pid=$!
await $pid '"step": 5,' stopped/metrics.jsonl
kill -TERM $pid
wait $pid
[ $? = 1 ] || fail "an interrupted training exits otherwise"
says stderr "everything is saved, continue with: stria train --resume stopped"

# A corrupt picture stops the training with its path, or is left out and counted, for any workers.
printf 'P6 24 20 255\nabc' >data/train/red/30.ppm
for workers in -1 1 3; do
    expect 1 train net.net --data folder:data --val no --batch 8 --threads 2 --workers $workers --out corrupt$workers
    says stderr "data/train/red/30.ppm: truncated"
    says stderr "--skip-bad leaves such pictures out"
    train --epochs 2 --out skip$workers --threads 2 --workers $workers --skip-bad --json
    jq -e '.skipped == 1' stdout >/dev/null || fail "skipped otherwise: $(cat stdout)"
    same skip$workers skip-1 "--skip-bad with $workers workers"
done
# A picture that its orientation turns upside down (a TIFF of 2 x 2 grey pixels), as it is shown and as it is stored.
entry() { printf "$1$2\\000\\001\\000\\000\\000$3\\000\\000\\000"; } # entry TAG TYPE VALUE
turned() { # turned ORIENTATION
    printf 'II*\000\014\000\000\000\012\100\310\377\011\000'
    entry '\000\001' '\003' '\002'; entry '\001\001' '\003' '\002'; entry '\002\001' '\003' '\010'; entry '\003\001' '\003' '\001'
    entry '\006\001' '\003' '\001'; entry '\021\001' '\004' '\010'; entry '\022\001' '\003' "$1"; entry '\025\001' '\003' '\001'
    entry '\027\001' '\004' '\004'; printf '\000\000\000\000'
}
picture data/train/red/30.ppm
turned '\001' >plain.tif
turned '\003' >turned.tif
scores() { expect 0 predict "$@" --json; jq -c . stdout | sed 's/plain.tif\|turned.tif//g'; }
if "$STRIA" predict whole plain.tif >/dev/null 2>stderr || ! grep -q "has no libtiff\|libtiff.* cannot be loaded" stderr; then
    [ "$(scores whole turned.tif --no-exif)" = "$(scores whole plain.tif)" ] || fail "--no-exif is not the stored picture"
    [ "$(scores whole turned.tif)" != "$(scores whole plain.tif)" ] || fail "the picture is not turned"
    train --steps 1 --no-exif --fast-decode --out stored
    cp whole/model.onnx stored/model.onnx # a run folder remembers how pictures are read; its model does not
    [ "$(scores stored turned.tif)" = "$(scores whole plain.tif)" ] || fail "the run folder forgets --no-exif"
    [ "$(scores stored/model.onnx turned.tif)" = "$(scores whole turned.tif)" ] || fail "a model file remembers --no-exif"
    mkdir -p few/train/blue few/train/red
    cp turned.tif few/train/blue; cp plain.tif few/train/red
    loss() { expect 0 eval "$@" --split train --json; jq .loss stdout; }
    [ "$(loss stored --data folder:few)" = "$(loss whole --data folder:few --no-exif)" ] || fail "eval reads otherwise than the run"
    [ "$(loss whole --data folder:few)" != "$(loss whole --data folder:few --no-exif)" ] || fail "eval does not heed --no-exif"
    expect 0 data stats folder:few --no-exif
fi
refused 2 "--workers: -2 is out of range -1…1024" train net.net --data folder:data --workers -2
finish
