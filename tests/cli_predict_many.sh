#!/usr/bin/env bash
# stria predict of folders, lists and pipes: batches, rows, lines of JSON, pictures that cannot be read.
. "${SOURCE:-.}/tests/cli.sh"

# picture FILE BYTE: 2 × 2 pixels, of which the first decides between classes a and b.
picture() { printf "P5 2 2 255\n$2\001\001\001" >"$1"; }
mkdir -p photos/deep/er photos/.hidden empty
for i in 01 02 03 04 05 06 07 08 09; do picture photos/$i.pgm '\000'; picture photos/deep/$i.PGM '\011'; done
for i in 1 2 3; do picture photos/deep/er/$i.pgm '\000'; done
picture photos/.hidden/1.pgm '\000'
picture "photos/deep/a \"quoted\", name.pgm" '\011'
echo text >photos/05b.png
echo text >photos/notes.txt
ln -s .. photos/deep/loop
ln -s ../../photos/01.pgm photos/deep/link.pgm
cat >pixel.net <<'NET'
stria-net 1
image = input(batch x 1 x 2 x 2)
f = flatten(image)
w = constant(4x1, [1, -1, -1, -1])
o = MatMul(f, w)
y = Sigmoid(o)
output(y)
NET
printf 'a\nb\n' >names
run() { expect "$1" predict pixel.net "${@:2}" --scale 1 --labels names; }

# A folder: its own pictures, in order; the bad one is said, the exit code is 1.
run 1 photos
[ "$(grep -c '^photos/0' stdout)" = 9 ] || fail "a folder's pictures are not named"
[ "$(grep -c '  95.3 %  a' stdout)" = 9 ] || { fail "a folder's pictures are judged otherwise"; cat stdout; }
says stderr "photos/05b.png: not a PNG"
grep -q deep stdout && fail "predict goes into folders without --recursive"
cp stdout nine

# A name is said once, whatever is in it: control characters of both kinds, or more than a sentence holds.
long=$(printf '%0250d/' 0 0 0 0 0)long.png
for name in $'new\nline.png' $'next\xc2\x85line.png' $'eight\x9bbit.png' plain.png "$long"; do
    [ "$name" = "$long" ] || echo text >"$name"
    for missing in "" no; do
        run 1 "$missing$name"
        [ "$(grep -cE '^stria: (cannot open|[^ ]*: not a PNG)' stderr)" = 1 ] || { fail "a name is not said once:"; cat -v stderr; }
    done
done
run 1 photos --batch 1
cmp -s nine stdout || fail "--batch 1 gives other answers"
run 1 photos --batch 4 --threads 2
cmp -s nine stdout || fail "--batch 4 gives other answers"

# Recursive, with links and a loop; a table of all.
run 1 photos --recursive --csv out.csv --top 1
[ "$(wc -l <out.csv)" = 25 ] || { fail "out.csv has $(wc -l <out.csv) lines"; cat out.csv; }
head -n 1 out.csv | grep -qx 'image,label,error,class1,probability1' || fail "out.csv has another heading"
grep -qx 'photos/01.pgm,,,a,0.952574' out.csv || fail "out.csv lacks 01"
grep -qx '"photos/deep/a ""quoted"", name.pgm",,,b,0.997527' out.csv || fail "a name is not quoted"
grep -q '^photos/05b.png,,.*not a PNG.*,,$' out.csv || fail "out.csv lacks the bad picture"
grep -q 'deep/link.pgm' out.csv || fail "a link is passed over"
[ "$(grep -c hidden out.csv)" = 0 ] || fail "hidden folders are looked into"
run 1 photos --recursive --json
[ "$(jq length stdout)" = 24 ] || fail "--json has $(jq length stdout) pictures"

# Names from a pipe, a line of JSON each, while the pipe is open.
mkfifo pipe
"$STRIA" predict pixel.net --list - --json-lines --scale 1 --labels names <pipe >lines 2>stderr &
exec 5>pipe
echo photos/01.pgm >&5
for ((i = 0; i < 100; i++)); do [ -s lines ] && break; sleep 0.1; done
[ "$(jq -r '.predictions[0].name' lines)" = a ] || fail "the first name is not answered while the pipe is open"
printf 'photos/05b.png\n\nphotos/deep/01.PGM\r\n' >&5
exec 5>&-
wait $!
[ $? = 1 ] || fail "a bad name from a pipe does not end in 1"
[ "$(jq -rc '[.image, .predictions[0].name, (.error != null)]' lines | tr '\n' ' ')" = \
    '["photos/01.pgm","a",false] ["photos/05b.png",null,true] ["photos/deep/01.PGM","b",false] ' ] || { fail "lines"; cat lines; }
ls photos/0*.pgm >list
run 0 --list list --json
[ "$(jq length stdout)" = 9 ] || fail "--list FILE has $(jq length stdout) answers"

# What is made of pictures is said of each one, not of the last of a batch.
mkdir sizes && picture sizes/2.pgm '\000' && { printf 'P5 4 4 255\n'; head -c 16 /dev/zero; } >sizes/1.pgm
run 0 sizes --batch 1
grep resized stderr >told || fail "a picture that is resized is not said"
run 0 sizes
grep -qxFf told stderr || { fail "a picture that is resized is not said in a batch"; cat stderr; }

# Folders that link to each other are each listed once.
for i in 1 2 3 4; do mkdir -p ring/$i && picture ring/$i/p.pgm '\000'; done
for i in 1 2 3 4; do for k in 1 2 3 4; do ln -s ../$k ring/$i/to-$k; done; done
run 0 ring --recursive --json
[ "$(jq length stdout)" = 4 ] || fail "of 4 folders with links to each other $(jq length stdout) pictures are named"

# With labels, too.
mkdir -p two/a two/b
picture two/a/1.pgm '\000'; picture two/b/1.pgm '\011'; picture two/b/2.pgm '\000'
run 0 --data folder:two --split train --limit 0 --csv two.csv --top 1
[ "$(cut -d, -f1,2,4 two.csv | tail -n +2 | tr '\n' ' ')" = "two/a/1.pgm,a,a two/b/1.pgm,b,b two/b/2.pgm,b,a " ] ||
    { fail "two.csv"; cat two.csv; }

# Of no picture the table has its heading; what fails before the first one leaves the old table.
: >none
echo old >old.csv
run 1 --list nolist --csv old.csv
[ "$(cat old.csv)" = old ] || fail "a list that is not there takes the old table away"
# A folder without pictures is a row, and the others are predicted.
run 1 empty two/a/1.pgm --csv mixed.csv --top 1
grep -q "^empty,,folder 'empty' holds no pictures" mixed.csv && grep -q '^two/a/1.pgm,,,a,' mixed.csv ||
    { fail "an empty folder beside a picture"; cat mixed.csv; }
run 0 --list none --csv old.csv --top 1
[ "$(cat old.csv)" = image,label,error,class1,probability1 ] || { fail "of no picture"; cat old.csv; }
echo - >dash
refused 2 "dash names '-', standard input; a list names files: './-' is a file of that name" predict pixel.net --list dash

refused 1 "folder 'empty' holds no pictures; --recursive looks into the folders in it" predict pixel.net empty
refused 1 "folder 'empty' holds no pictures" predict pixel.net empty --recursive
refused 1 "'nolist' cannot be read: No such file or directory" predict pixel.net --list nolist
refused 2 "predict: pictures and --data are given; give one of the two" predict pixel.net --list list --data folder:two
finish
