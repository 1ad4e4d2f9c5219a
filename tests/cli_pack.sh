#!/usr/bin/env bash
# stria data pack, split, augment, and wds: shards come back as the same pictures, other tools read them, damaged ones are
# refused with a sentence.
. "${SOURCE:-.}/tests/cli.sh"

picture() { printf "P5 2 2 255\n$2abc" >"$1"; }
mkdir -p f/cat f/dog
for i in 1 2 3 4 5; do picture f/cat/$i.pgm "\\00$i"; picture f/dog/$i.PGM "\\01$i"; done

# Folder → shards → the same statistics, labels and names; the same bytes each time; tar reads them.
expect 0 data pack folder:f --shard 4 --output sh/t
says stdout "10 images in 3 shards: wds:sh/t-{000000..000002}.tar"
expect 0 data pack folder:f --shard 4 --output again/t --json
[ "$(jq -c . stdout)" = '{"images":10,"shards":3,"prefix":"again/t"}' ] || { fail "pack --json"; cat stdout; }
for i in 0 1 2; do cmp -s sh/t-00000$i.tar again/t-00000$i.tar || fail "shard $i has other bytes the second time"; done
[ "$(cat sh/classes.txt | tr '\n' ' ')" = "cat dog " ] || fail "classes.txt"
mkdir out && for i in 0 1 2; do tar -C out -xf sh/t-00000$i.tar || fail "tar does not read shard $i"; done
[ "$(find out -name '*.cls' | wc -l)" = 10 ] || fail "tar finds other samples"
for cls in out/*.cls; do
    folder=$([ "$(cat "$cls")" = 0 ] && echo cat || echo dog)
    found=0
    for original in f/$folder/*; do cmp -s "$original" "${cls%.cls}.pgm" && found=1; done
    [ $found = 1 ] || fail "$cls is not a picture of $folder"
done
expect 0 data stats folder:f --json
cp stdout stats
expect 0 data stats "wds:sh/t-{000000..000002}.tar" --json
cmp -s stats stdout || fail "shards have other statistics"
expect 0 data check "wds:sh/t-{000000..000002}.tar" --json
[ "$(jq -c '.classes' stdout)" = '[{"name":"cat","images":5},{"name":"dog","images":5}]' ] || { fail "classes"; cat stdout; }
expect 0 data stats wds:sh/t-000001.tar --json
[ "$(jq .images stdout)" = 4 ] || fail "one shard alone"
tar -C out -czf packed.tar.gz .
expect 0 data stats wds:packed.tar.gz --json
cmp -s stats stdout || fail "a compressed shard has other statistics"

# Shards that differ by their folder only, with the same keys, keep all their samples.
for i in 0 1 2; do mkdir part-$i && cp sh/t-000000.tar part-$i/data.tar; done
expect 0 data stats "wds:part-{0..2}/data.tar" --json
[ "$(jq .images stdout)" = 12 ] || fail "shards of one name lose samples: $(cat stdout)"

# Arrays are packed too; a training on shards is that on the pictures, whatever the threads.
digits digits
expect 0 data pack mnist:digits --split train --shard 250 --output mn/t
expect 0 train linear --data "wds:mn/t-{000000..000002}.tar" --epochs 1 --batch 20 --threads 1 --out one
expect 0 train linear --data "wds:mn/t-{000000..000002}.tar" --epochs 1 --batch 20 --threads 3 --out three
cmp -s one/model.onnx three/model.onnx || fail "threads change a training on shards"
[ "$("$STRIA" eval one --split val --json | jq .images)" = 120 ] || fail "a fifth of the shards does not validate"

# Names as classes, keys with folders, what does not fit.
mkdir -p w/a w/b && picture w/a/x.pgm '\001' && picture w/b/x.pgm '\002' && echo ' red ' >w/a/x.cls && echo blue >w/b/x.cls
echo text >w/a/x.txt
tar -C w -cf names.tar a b
expect 0 data check wds:names.tar --val 0.5 --json
[ "$(jq -c '[.classes[].name]' stdout)" = '["blue","red"]' ] || { fail "names as classes"; cat stdout; }
rm w/b/x.cls && tar -C w -cf lacks.tar a b
refused 1 "lacks.tar: sample 'b/x' has no .cls, which would say its class" data stats wds:lacks.tar
rm w/b/x.pgm && echo 1 >w/b/x.cls && tar -C w -cf lacks.tar a b
refused 1 "lacks.tar: sample 'b/x' has no picture" data stats wds:lacks.tar
rm w/b/x.cls && : >w/a/x.cls && tar -C w -cf lacks.tar a
refused 1 "lacks.tar: 'a/x.cls' does not hold a class" data stats wds:lacks.tar
tar -cf none.tar stats
refused 1 "none.tar: there is no sample with a picture and a .cls in it" data stats wds:none.tar
head -c 700 sh/t-000000.tar >sh/t-000003.tar
expect 1 data stats "wds:sh/t-{000000..000003}.tar"
says stderr "sh/t-000003.tar: "
refused 1 "there is no shard 'sh/t-000004.tar'" data stats "wds:sh/t-{000004..000009}.tar"
for pattern in 'a-{3..1}.tar' 'a-{x..9}.tar' 'a-{1,2}.tar' 'a-{1..2' 'a-{1..2}-{1..2}.tar' 'a-{0..99999999999999999}.tar'; do
    refused 2 "wds:$pattern: shards are written as in shards-{000..099}.tar, the lower number first" data stats "wds:$pattern"
done
refused 2 "wds:a-{1..9999999}.tar: 9999999 shards; there may be 100000" data stats "wds:a-{1..9999999}.tar"
printf 'one\n' >sh/classes.txt
expect 1 data stats "wds:sh/t-{000000..000002}.tar"
says stderr "sh/classes.txt names 1 classes, but the shards have 2"
refused 1 "sh/classes.txt is there and names other classes: pack into another folder" data pack folder:f --output sh/u
refused 2 "data pack: --output is missing; add --output shards/train" data pack folder:f

# A class without a name keeps its line; files that shards would not be read with are refused before anything is written.
mkdir blank && cp sh/t-000000.tar blank/t-000000.tar
printf 'cat\r\n\ndog\n\n\n' >blank/classes.txt
expect 0 data check wds:blank/t-000000.tar --val 0.5 --json
[ "$(jq -c '[.classes[].name]' stdout)" = '["cat","","dog"]' ] || { fail "a class without a name"; cat stdout; }
cp f/cat/1.pgm f/cat/1.image && printf '%s,%s\n' f/cat/1.image a f/cat/2.pgm b >endings.csv
refused 2 "'f/cat/1.image' is not named like a picture (.jpg .png .webp .tif .bmp .ppm), so it would not be read from a shard: rename it" \
    data pack csv:endings.csv --output never/t
[ ! -e never ] || fail "a refused pack leaves a folder"
rm f/cat/1.image

# Split: the parts of a training, once each; the same ones again.
expect 0 data split folder:f --val 0.2 --output parts
[ "$(find parts/train -type f | wc -l) $(find parts/val -type f | wc -l)" = "8 2" ] || fail "split has other sizes"
expect 0 data check folder:parts --json
[ "$(jq -c '[.images.train, .images.val, (.leaks | length)]' stdout)" = "[8,2,0]" ] || { fail "split leaks"; cat stdout; }
expect 0 data split folder:f --val 0.2 --output parts2
diff -r parts parts2 || fail "split is another one the second time"
refused 2 "'parts' is there already: give a folder that is not" data split folder:f --output parts

# Each class has a folder of its own, also those whose name can be none, and those of one name.
printf '%s,%s\n' f/cat/1.pgm 1/x f/cat/2.pgm 2 f/cat/3.pgm 1 f/cat/4.pgm .. >odd.csv
expect 0 data augment csv:odd.csv --augment "flip p 0" --output odd
[ "$(find odd -name '*.png' | wc -l) $(ls odd | wc -l)" = "4 4" ] || { fail "classes share a folder"; find odd; }
mkdir twins && tar -C twins -xf sh/t-000000.tar && (cd twins && tar -cf t-0.tar ./*.cls ./*.pgm)
printf 'a\na\n' >twins/classes.txt
expect 0 data augment wds:twins/t-0.tar --augment "flip p 0" --output twin
[ "$(ls twin | tr '\n' ,)" = "a (0),a (1)," ] || { fail "equal names share a folder"; ls twin; }

# What is wrong with the test part is said; that there is none is no failure.
mkdir -p tested/train tested/test && cp -r f/cat f/dog tested/train && cp -r f/cat f/dog tested/test
echo junk >tested/test/dog/9.png
expect 1 data split folder:tested --val 0.2 --output wrong
says stderr "tested/test/dog/9.png"
rm tested/test/dog/9.png
expect 0 data split folder:tested --val 0.2 --output right --json
[ "$(jq -c . stdout)" = '{"train":8,"val":2,"test":10}' ] || { fail "split with a test part"; cat stdout; }
# A validation part of the data's own is not held out of the training images once more.
expect 0 data split folder:right --output right2 --json
[ "$(jq -c . stdout)" = '{"train":8,"val":2,"test":10}' ] || { fail "split of parts loses pictures"; cat stdout; }

# Augment: mirrored twice is what it was.
expect 0 data augment folder:f --augment "flip p 1" --count 2 --output mirrored
[ "$(find mirrored -name '*.png' | wc -l)" = 20 ] || fail "augment writes another number"
expect 0 data augment folder:mirrored --augment "flip p 1" --output back
expect 0 data augment folder:f --augment "flip p 0" --output same
cmp -s back/dog/000011.png same/dog/000005.png || cmp -s back/dog/000010.png same/dog/000005.png || fail "mirrored twice is another picture"
refused 2 "data augment: --augment is missing; 'stria data steps' lists the steps" data augment folder:f --output x
[ ! -e x ] || fail "a refused augment leaves a folder"
finish
