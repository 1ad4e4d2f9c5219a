#!/usr/bin/env bash
# stria run: models without inputs, values that cannot be, NaN as people write it. predict: the warning for models that
# do not say how pictures become their input.
. "${SOURCE:-.}/tests/cli.sh"

# A model of nothing but constants and random numbers needs no --input.
printf 'stria-net 1\nr = RandomUniform(shape=[2,3], low=2, high=3)\ny = Floor(r)\noutput(y)\n' >none.net
expect 0 run none.net
says stdout "y: float32 [2, 3]"
says stdout "2 2 2"
expect 0 run none.net --output out
[ -s out/y.npy ] || fail "no out/y.npy"
expect 0 run none.net --json
says stdout '"shape":[2,3]'
expect 0 summary none.net
expect 0 convert none.net none2.net
refused 2 "run: --input is missing; usage: stria run MODEL --input [NAME=]FILE" run lenet5

# Data that an operator cannot take is failed work, not wrong usage.
printf 'stria-net 1\nx = input(1 x 2)\ni = Cast(x, to=7)\nz = Sub(i, i)\ny = Div(i, z)\noutput(y)\n' >zero.net
matrix x.npy 1 2
sentence() {
    expect 1 "$@"
    says stderr "integer division by zero"
    [ ! -s stdout ] || fail "stria $* writes to stdout"
}
sentence run zero.net --input x.npy

printf 'stria-net 1\nx = input(1 x 2)\none = Cos(x)\nm = Neg(one)\ny = Sqrt(m)\noutput(y)\n' >nan.net
for way in "" --reference --no-optimize; do
    expect 0 run nan.net --input x.npy $way
    grep -q -- -nan stdout && fail "a NaN has a sign"
    says stdout "nan nan"
done
# A model that does not say how pictures become its input is used with a warning, unless flags or its own words say it.
printf 'stria-net 1\nx = input(batch x 1 x 2 x 2)\nf = flatten(x)\nw = constant(4x3, [1,0,0,0,1,0,0,0,1,1,1,1])\ny = MatMul(f, w)\n' >foreign.net
printf 'P5\n2 2\n255\n\001\002\003\004' >p.pgm
expect 0 predict foreign.net p.pgm
says stderr "stria: warning: the model does not say how pixels become its input, so they are divided by 255"
for way in "--scale 1/255" "--std 2" "--mean 3"; do
    expect 0 predict foreign.net p.pgm $way
    [ ! -s stderr ] || fail "predict $way warns"
done
expect 0 convert foreign.net told.onnx --mean 3
expect 0 predict told.onnx p.pgm
[ ! -s stderr ] || fail "a model that says it is warned of"

# Windows that reach far beyond the image are neither laid out nor a size that overflows.
matrix flat.npy 8 8
for reach in 1073741823,2147483638 1,1000000; do
    h=${reach%,*} w=${reach#*,}
    printf 'stria-net 1\nx = input(8 x 8)\ns = Constant(value_ints=[1, 1, 8, 8])\ni = Reshape(x, s)\nw = parameter(2x1x3x3)\ny = Conv(i, w, dilations=[%s, %s], pads=[%s, %s, %s, %s])\noutput(y)\n' \
        "$h" "$w" "$h" "$w" "$h" "$w" >far.net
    expect 0 run far.net --input flat.npy
    says stdout "float32 [1, 2, 8, 8]"
done

# Scores that a Softmax made are not put through another, whatever shape they are given afterwards.
for last in "y = Flatten(p)" "y = Identity(p)" "a = Constant(value_ints=[2])
u = Unsqueeze(p, a)
y = Squeeze(u, a)" "s = Constant(value_ints=[-1, 4])
y = Reshape(p, s)"; do
    printf 'stria-net 1\nx = input(batch x 1 x 2 x 2)\nf = flatten(x)\np = Softmax(f)\n%s\noutput(y)\n' "$last" >soft.net
    expect 0 predict soft.net p.pgm --scale 1 --top 1
    says stdout "64.4 %" # e^4 / (e + e^2 + e^3 + e^4)
done

# Channels last are recognised, and taken with --layout nhwc: of fixed and of open sizes, of several types.
head -c 1440 /dev/urandom | tr '\200-\377' '\000-\177' >pixels # [2, 12, 20, 3] bytes
turned() { # the bytes of `pixels`, channels first
    od -An -v -tu1 -w3 pixels | awk '{ for (c = 1; c <= 3; c++) p[c, NR] = $c }
        END { for (n = 0; n < 2; n++) for (c = 1; c <= 3; c++) for (i = 1; i <= 240; i++) printf "\\%03o", p[c, n * 240 + i] }'
}
header() { printf '\x93NUMPY\x01\x00v\x00%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"; }
{ header '|u1' '2, 12, 20, 3' && cat pixels; } >last.npy
{ header '|u1' '2, 3, 12, 20' && printf "$(turned)"; } >first.npy
printf 'stria-net 1\nx = input(batch x 3 x 12 x 20)\ny = conv(x, 4, kernel=5, name=c)\noutput(y)\n' >fixed.net
printf 'stria-net 1\nx = input(batch x 3 x height x width)\ny = conv(x, 4, kernel=1, name=c)\noutput(y)\n' >open.net
for net in fixed open; do
    expect 0 run $net.net --input first.npy --output from-first
    expect 0 run $net.net --input x=last.npy --layout nhwc --output from-last
    cmp -s from-first/y.npy from-last/y.npy || fail "$net.net: --layout nhwc gives other numbers"
    [ -s from-last/y.npy ] || fail "$net.net gives nothing: $(ls from-last)"
done
refused 1 "input 'x' wants [2, 3, 12, 20], 'last.npy' holds [2, 12, 20, 3], channels last: --layout nhwc takes it" run fixed.net --input last.npy
expect 1 run open.net --input last.npy
says stderr "'last.npy' holds [2, 12, 20, 3], channels last: --layout nhwc takes it"
refused 1 "input 'x' wants [2, 3, 12, 20], 'first.npy' holds [2, 3, 12, 20], which --layout nhwc takes as [2, 20, 3, 12]" run fixed.net --input first.npy --layout nhwc
expect 0 diff fixed.net fixed.net --input last.npy --layout nhwc

# The same of data: --layout, or the name of the source.
{ header '<i8' '2,' && printf '\x00\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0'; } >y.npy
printf 'stria-net 1\nx = input(batch x 3 x 12 x 20)\ny = dense(x, 2, name=d)\noutput(y)\n' >two.net
expect 0 eval two.net --data npy:first.npy,y.npy --split train --json
cp stdout wanted
expect 0 eval two.net --data npy:last.npy,y.npy --split train --layout nhwc --json
[ "$(jq .loss stdout)" = "$(jq .loss wanted)" ] || fail "eval --layout nhwc: $(jq .loss stdout), not $(jq .loss wanted)"
expect 0 predict two.net --data npy-nhwc:last.npy,y.npy --split train --json
cp stdout wanted
expect 0 predict two.net --data npy:first.npy,y.npy --split train --json
[ "$(jq '[.. | .probability? // empty]' stdout)" = "$(jq '[.. | .probability? // empty]' wanted)" ] || fail "predict of npy-nhwc differs"
expect 0 train two.net --data npy:last.npy,y.npy --layout nhwc --val no --epochs 1 --out trained
expect 0 eval trained --split train
expect 1 eval two.net --data npy:last.npy,y.npy --split train --json
says stderr "npy-nhwc:X.npy,Y.npy reads [N,H,W,C]"
refused 2 "--layout nhwc is for --data npy:X.npy,Y.npy" eval two.net --data folder:. --layout nhwc
refused 2 "predict: --layout is given, but not --data npy:X.npy,Y.npy" predict two.net p.pgm --layout nhwc
finish
