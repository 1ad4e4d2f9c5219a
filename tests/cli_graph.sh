#!/usr/bin/env bash
# stria graph: boxes and arrows of a known network, hostile names, three formats, a thousand nodes in a second.
. "${SOURCE:-.}/tests/cli.sh"

cat >branch.net <<'NET'
stria-net 1
x = input(batch x 4 x 8 x 8)
block.a = conv(x, 4, kernel=3, padding=1)
r = relu(block.a)
s = add(r, x)
y = conv(s, 2, kernel=1)
output(y)
NET
expect 0 graph branch.net --out branch.svg --json
says stdout '"boxes":5,"arrows":5' # conv + relu, add, conv, input, output; x is read twice
for word in '>Conv + Relu<' '>block.a<' '>4×8×8 · 148 parameters<' '>2×8×8 · 10 parameters<' '>input<' '>output<'; do
    grep -qF "$word" branch.svg || fail "branch.svg lacks $word"
done
[ "$(grep -c 'class="edge"' branch.svg)" -eq 5 ] || fail "branch.svg has not 5 arrows"
[ "$(grep -c 'class="node"' branch.svg)" -eq 5 ] || fail "branch.svg has not 5 boxes"
expect 0 graph branch.net --out branch.svg --fold no --json
says stdout '"boxes":6'
expect 0 graph branch.net -o branch.dot
says stdout "branch.dot: 5 boxes, 5 arrows"
grep -qF 'label="Conv + Relu\nblock.a\n4×8×8 · 148 parameters"' branch.dot || fail "branch.dot lacks its first box"
[ "$(grep -c -- '->' branch.dot)" -eq 5 ] || fail "branch.dot has not 5 arrows"
if command -v dot >/dev/null; then dot -Tsvg branch.dot >/dev/null || fail "Graphviz does not read branch.dot"; fi
expect 0 graph branch.net -o branch.mmd
head -n 1 branch.mmd | grep -qx 'flowchart TD' || fail "branch.mmd is no flowchart"
[ "$(grep -c -- '-->' branch.mmd)" -eq 5 ] || fail "branch.mmd has not 5 arrows"
expect 0 graph branch.net -o text --format dot
grep -q digraph text || fail "--format dot"
expect 0 graph branch.net -o back.svg --backward
grep -q 'class="edge back"' back.svg || fail "--backward draws no gradients"

# Scopes share boxes where the network is large.
expect 0 graph resnet56 -o deep.svg --json
[ "$(grep -c 'class="node"' deep.svg)" -le 36 ] || fail "resnet56 is not folded"
grep -q '>layer1.0<\|>layer1<' deep.svg || fail "resnet56's blocks have lost their names"

# Names are escaped.
cat >hostile.net <<NET
stria-net 1
"<script>alert(1)</script>" = input(batch x 1 x 4 x 4)
"a$(printf '\033')[31m\`#&<img/src=x>" = relu("<script>alert(1)</script>")
output("a$(printf '\033')[31m\`#&<img/src=x>")
NET
for file in hostile.svg hostile.dot hostile.mmd; do
    expect 0 graph hostile.net -o "$file"
    if grep -q '<script\|<img\|'$'\033' "$file"; then fail "$file holds the name as it is"; fi
done
grep -q '&lt;script&gt;' hostile.svg || fail "hostile.svg has lost the name"
grep -q '#lt;script#gt;' hostile.mmd || fail "hostile.mmd has lost the name"
grep -qF '#96;#35;#amp;#lt;img/src=x#gt;' hostile.mmd || fail "hostile.mmd has lost a character"
cp hostile.net quoted.net
printf 'stria-net 1\n"a#1'"'"'#39;" = input(batch x 1 x 4 x 4)\noutput("a#1'"'"'#39;")\n' >quoted.net
expect 0 graph quoted.net -o quoted.mmd
grep -qF 'a#35;1#39;#35;39;' quoted.mmd || { fail "quoted.mmd reads an entity in a name"; cat quoted.mmd; }

# On a terminal, the text of a network drives nothing; in a file it is what it was.
expect 0 summary hostile.net --net
grep -q $'\033' stdout || fail "summary --net changes a name in a file"
if command -v script >/dev/null; then
    script -qec "'$STRIA' summary hostile.net --net" shown >/dev/null 2>&1 </dev/null
    grep -q 'a?\[31m' shown || { fail "summary --net shows no name on a terminal"; cat shown; }
    if grep -v '^Script' shown | grep -q $'\033'; then fail "summary --net drives the terminal"; fi
else echo "skipped: no script(1) to make a terminal"; fi

{
    printf 'stria-net 1\nx = input(batch x 4 x 8 x 8)\nv0 = conv(x, 4, kernel=1)\n'
    for i in $(seq 1 500); do printf 'c%d = conv(v%d, 4, kernel=1)\nv%d = add(c%d, v%d)\n' "$i" $((i - 1)) "$i" "$i" $((i > 7 ? i - 7 : 0)); done
    echo 'output(v500)'
} >big.net
TIMEFORMAT='%U %S' # of the processor: others may use the machine
{ time "$STRIA" graph big.net -o big.svg --fold no >/dev/null; } 2>times
[ "$(grep -c 'class="node"' big.svg)" -eq 1003 ] || fail "big.svg has $(grep -c 'class="node"' big.svg) boxes"
awk '{ exit !($1 + $2 < 1) }' times || case ${BUILD:-} in
*asan* | *tsan* | *ubsan* | *valgrind*) ;;
*) fail "a thousand nodes took $(cat times) s" ;;
esac

# Ten times the nodes take about ten times as long, however they are folded.
{
    printf 'stria-net 1\nx = input(batch x 4 x 8 x 8)\nv0 = conv(x, 4, kernel=1)\n'
    for i in $(seq 1 10000); do printf 'c%d = conv(v%d, 4, kernel=1)\nv%d = relu(c%d)\n' "$i" $((i - 1)) "$i" "$i"; done
    echo 'output(v10000)'
} >huge.net
for fold in no auto; do
    { time "$STRIA" graph huge.net -o huge.svg --fold $fold >/dev/null; } 2>times
    awk '{ exit !($1 + $2 < 4) }' times || case ${BUILD:-} in
    *asan* | *tsan* | *ubsan* | *valgrind*) ;;
    *) fail "twenty thousand nodes took $(cat times) s" ;;
    esac
done

refused 2 "graph: --out FILE is missing; it ends in .svg, .dot or .mmd" graph lenet5
refused 2 "graph: 'x.pdf' does not end in .svg, .dot or .mmd; --format names the format" graph lenet5 -o x.pdf
expect 1 graph lenet5 -o none/x.svg
[ ! -e none ] || fail "a folder was made"
expect 1 graph nothere.onnx -o x.svg
[ ! -e x.svg ] || fail "half a picture was written"
finish
