#!/usr/bin/env bash
# stria filter: the transcripts of docs/filter.md, SciPy's results, pictures, and what is refused.
. "${SOURCE:-.}/tests/cli.sh"
source=${SOURCE:-.}

# Transcripts: "$ stria …" and what it prints, in blocks of ```.
awk '/^```/ { inside = !inside; next } inside' "$source/docs/filter.md" >transcripts
count=0
play() { # play COMMAND WANTED
    eval "\"$STRIA\" ${1#\$ stria }" >got 2>&1
    cmp -s got "$2" || { fail "docs/filter.md: $1"; diff got "$2"; }
    count=$((count + 1))
}
command=
while IFS= read -r line; do
    case $line in
    '$ stria '*)
        [ -z "$command" ] || play "$command" wanted
        command=$line
        : >wanted ;;
    *) printf '%s\n' "$line" >>wanted ;;
    esac
done <transcripts
[ -z "$command" ] || play "$command" wanted
[ "$count" -ge 10 ] || fail "docs/filter.md has $count transcripts"

# SciPy's results; rows with "; " between.
count=0
while IFS=$'\t' read -r x w words y; do
    # shellcheck disable=SC2086 # several words
    got=$("$STRIA" filter "$x" --kernel "$w" $words 2>&1 | tr -s ' ' | sed 's/^ //' | paste -sd';' | sed 's/;/; /g')
    y=${y#[[}
    [ "$got" = "${y%]]}" ] || { fail "SciPy: $x * $w $words is $y, not $got"; }
    count=$((count + 1))
done <"$source/tests/golden/filter.txt"
[ "$count" -ge 200 ] || fail "tests/golden/filter.txt has $count cases"

# filter WANTED WORDS…: what it prints, lines joined with a slash
filter() {
    local wanted=$1
    shift
    expect 0 filter "$@"
    [ "$(paste -sd/ stdout)" = "$wanted" ] || { fail "filter $* prints otherwise, not $wanted:"; cat stdout; }
}
filter "-2 -2 0 0" "-1 0 1" --kernel "1 1" --bias "-1"
filter "0 1 2 3 4" "[0, 1, 2, 3, 4]" --kernel 1
filter "1 2 0/3 5 2/0 3 4" "[[1, 2], [3, 4]]" --kernel "[[1, 0], [0, 1]]"
filter "map 0:/0.5 1//map 1:/1.5 2" "[[[1, 2]], [[3, 4]]]" --kernel 1/2
filter "5 0" "3 0 | 4 0" --kernel "1 | 0" --kernel "0 | 1" --magnitude
filter "5 1 3 8" "1 3 8" --kernel "0 1 0" --pad 2,1 --pad-value 5
filter "1 2/3 4" "$(printf '1 2\n3 4\n')" --kernel 1

# JSON
filter '{"shape":[3],"minimum":1.0,"maximum":3.0,"files":[],"values":[1.0,3.0,2.0]}' "1 2" --kernel "1 1" --json
filter '{"row":0,"column":1,"height":1,"width":3,"score":1.0}' "1 3 9 2 5" --find "3 9 2" --json
expect 0 filter 5 --kernel "1 1" --sizes --json
says stdout '"sizes":[{"stride":1,"padding":0,"height":1,"width":0}'
expect 0 filter "1 2" --kernel "1 -1" --steps --json
says stdout '{"map":0,"row":0,"column":0,"products":[0.0,1.0],"value":1.0}'

# A learned kernel is kept, and makes what it was learned from.
stripe="1 1 0 0 0 0 1 1" edges="0 1 0 0 0 -1 0"
for i in 1 2 3 4 5; do stripe="$stripe; 1 1 0 0 0 0 1 1" edges="$edges; 0 1 0 0 0 -1 0"; done
expect 0 filter "$stripe" --learn "$edges" --size 1x2 --correlate --save-kernel edge.npy
[ "$(tail -n 2 stdout | head -n 1)" = "1 -1" ] || { fail "the edge detector is not learned:"; cat stdout; }
expect 0 filter "$stripe" --kernel edge.npy --correlate --mode valid --out edges.npy
expect 0 filter edges.npy --kernel 1
[ "$(head -n 1 stdout | tr -s ' ' | sed 's/^ //')" = "${edges%%;*}" ] || { fail "the learned kernel does not make the edges:"; cat stdout; }

# Pictures: grey, an edge between 10 and 200; colour keeps its channels.
printf 'P2 4 3 255 10 10 200 200 10 10 200 200 10 10 200 200\n' >edge.pgm
pixels() { tail -c "$2" "$1" | od -An -tu1 | tr -s ' \n' ' ' | sed 's/^ //; s/ $//'; }
picture() { # picture WANTED BYTES WORDS…
    local wanted=$1 bytes=$2
    shift 2
    expect 0 filter "$@" --out out.pnm
    [ "$(pixels out.pnm "$bytes")" = "$wanted" ] || { fail "filter $* makes other pixels:"; pixels out.pnm "$bytes"; }
}
picture "0 255 255 0 0 255 255 0 0 255 255 0" 12 edge.pgm --kernel sobel-x
picture "0 0 0 0 0 0 0 0 0 0 0 0" 12 edge.pgm --kernel sobel-x --convolve --show clip
picture "0 190 190 0 0 190 190 0 0 190 190 0" 12 edge.pgm --kernel laplace
picture "128 255 0 128 128 255 0 128 128 255 0 128" 12 edge.pgm --kernel laplace --show offset
picture "128 255 0 128 128 255 0 128 128 255 0 128" 12 edge.pgm --kernel laplace --show scale
picture "10 73 137 200 10 73 137 200 10 73 137 200" 12 edge.pgm --kernel box
picture "0 255 255 0 0 255 255 0 0 255 255 0" 12 edge.pgm --kernel sobel-x,sobel-y --magnitude
printf 'P3 2 1 255 1 2 3 4 5 6\n' >two.ppm
picture "1 2 3 4 5 6" 6 two.ppm --kernel 1
picture "6 15" 2 two.ppm --kernel "1 | 1 | 1"
expect 0 filter edge.pgm --kernel sobel-x,sobel-y --out both.pgm
says stdout "both-1.pgm"
[ -s both-2.pgm ] || fail "the second kernel's picture is missing"
mkdir -p deep && cp edge.pgm deep/x.y.pgm
if "$STRIA" filter deep/x.y.pgm --kernel gauss:0.5 >stdout 2>stderr; then
    [ "$(head -c 4 x.y-gauss-0.5.png | tail -c 3)" = PNG ] || fail "the default is no PNG called x.y-gauss-0.5.png"
    expect 0 filter x.y-gauss-0.5.png --find edge.pgm
    says stdout "row 0, column 0, score 0.9"
    expect 0 filter edge.pgm --kernel sobel-x,laplace
    says stdout "edge-sobel-x.png"
    says stdout "edge-laplace.png"
    rm edge-*.png
    expect 0 filter edge.pgm --kernel sobel-x,sobel-y --magnitude
    [ "$(echo edge-*.png)" = edge-magnitude.png ] || fail "the outline is not edge-magnitude.png alone"
    expect 0 filter edge.pgm --kernel gauss:2,gauss:2
    says stdout "edge-gauss-2-2.png"
else
    says stderr "libpng"
fi

refused 2 "filter: --kernel is missing; usage: stria filter INPUT --kernel KERNEL" filter "1 2"
refused 2 "kernel gauss:: sigma is a number above 0, up to 40" filter edge.pgm --kernel gauss:
refused 2 "the kernel is ragged: row 2 has 1 number, row 1 has 2" filter "1 2 3" --kernel "1 2; 3"
refused 2 "the kernel is empty: it has no number" filter "1 2 3" --kernel "[]"
refused 2 "the kernel: 'nan' is not a number that can be computed with" filter "1 2 3" --kernel "1 nan"
refused 2 "the kernel: 'x' is not a number" filter "1 2 3" --kernel "1 x"
refused 2 "the input: brackets do not match" filter "[1 2" --kernel 1
refused 2 "there is no kernel 'sobol-x'; did you mean 'sobel-x'?" filter edge.pgm --kernel sobol-x
refused 2 "kernel gauss:99: sigma is a number above 0, up to 40" filter edge.pgm --kernel gauss:99
refused 1 "the kernel is 3x3, larger than the input of 2x2; mode same or full takes it" \
    filter "1 2; 3 4" --kernel "1 1 1; 1 1 1; 1 1 1" --mode valid
refused 1 "the kernel is 3x3, dilated to 5x5, larger than the input of 3x4; mode same or full takes it" \
    filter edge.pgm --kernel box --dilation 2 --pad 0
refused 1 "the input is one row of 3, the kernel is 3x3" filter "1 2 3" --kernel sobel-x
refused 1 "the kernel has 3 channels, the input has 2" filter "1 | 2" --kernel "1 | 2 | 3"
refused 1 "kernel 2 is 1, kernel 1 is 2; kernels of one call have one size" filter "1 2" --kernel "1 1" --kernel 2
refused 1 "cannot open 'none.png': no such file or directory" filter none.png --kernel box
refused 1 "cannot write 'none/x.npy': no such file or directory" filter "1 2" --kernel 1 --out none/x.npy
refused 2 "'x.txt' does not end in .png, .pgm, .ppm or .pnm, so its format is not known" filter edge.pgm --kernel box --out x.txt
refused 1 "the result of 1 x 200002x200002 values, or its padded input, is more than the 67108864 that are computed" \
    filter "1 2; 3 4" --kernel 1 --pad 100000
refused 1 "--steps would show 200001 windows of 1 products, at most 100000 products are shown" \
    filter 1 --kernel 1 --pad 100000 --steps
refused 2 "filter: --lr needs --learn" filter "1 2" --kernel 1 --lr 1
refused 2 "filter: --mode has no effect with --find" filter "1 2" --find 1 --mode full
refused 2 "filter: --mode and --pad are given; give one of the two" filter "1 2" --kernel 1 --mode full --pad 1
refused 2 "the pattern is flat: all of its values are 1, so it matches nowhere better than elsewhere" filter "1 2" --find "1 1"
refused 1 "the pattern is 4, larger than the input of 3" filter "1 2 3" --find "1 2 3 4"
refused 1 "the target is 7, a kernel of 3 makes 5 of the input in mode full" filter "1 2 3" --learn "1 2 3 4 5 6 7"
refused 2 "the input is zero everywhere, so no kernel can be learned from it" filter "0 0 0" --learn "1 2 3"
refused 1 "the loss is not finite after step 48; a smaller --lr helps" filter "1 2 3" --learn "1 2 3" --lr 100
finish
