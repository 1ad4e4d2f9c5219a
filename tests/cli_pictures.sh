#!/usr/bin/env bash
# Pictures of a folder: eval and predict see the same in each, whichever file comes first; --max-pixels; what is left out.
. "${SOURCE:-.}/tests/cli.sh"

picture() { printf "P$2 2 2 255\n$3" >"$1"; } # picture FILE 5|6 BYTES
red='\377\000\000' blue='\000\000\377' grey='\200'
mkdir -p data/blue data/grey data/red
for i in 1 2 3 4; do
    picture data/blue/$i.ppm 6 "$blue$blue$blue$blue"
    picture data/grey/$i.pgm 5 "$grey$grey$grey$grey"
    picture data/red/$i.ppm 6 "$red$red$red$red"
done
printf 'stria-net 1\nimage = input(batch x 3 x 2 x 2)\nflat = flatten(image)\nlogits = dense(flat, 3)\noutput(logits)\n' >net.net
mv data/blue data/zblue # the first picture by name is grey
for more in '' '--channels rgb'; do
    # shellcheck disable=SC2086 # words
    expect 0 train net.net --data folder:data --val no --epochs 40 --batch 4 --lr 0.5 --out "run$more" $more
    expect 0 eval "run$more" --data folder:data --split train --json
    says stdout '"top1":1.0'
    for class in grey red zblue; do
        expect 0 predict "run$more" data/$class/1.p?m --top 1 --json
        says stdout "\"name\":\"$class\""
    done
done

# A model that says nothing of sizes: eval resizes as predict does.
picture large.ppm 6 ''
{ printf 'P6 4 4 255\n'; for i in 1 2 3 4 5 6 7 8; do printf "$red$red"; done; } >data/red/1.ppm
expect 0 eval run --data folder:data --split train --json
says stdout '"top1":1.0'

# Limits, by file and by data; what is left out is said once.
refused 1 "data/red/1.ppm: a picture of 4 x 4 pixels is larger than the limit of 15; a larger --max-pixels reads it" \
    predict run data/red/1.ppm --max-pixels 15
expect 0 predict run data/red/1.ppm --max-pixels 16
expect 1 eval run --data folder:data --split train --max-pixels 15
says stderr 'is larger than the limit of 15'
touch data/red/notes.txt data/red/w.gif
expect 0 eval run --data folder:data --split train
[ "$(grep -c 'left out' stderr)" = 1 ] || fail "what is left out is not said once"
says stderr 'warning: 2 files are left out whose names are not of a picture (.jpg .png .webp .tif .bmp .ppm): data/red/'
finish
