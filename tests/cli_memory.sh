#!/usr/bin/env bash
# stria summary --memory-map: the picture has the blocks of --json where they lie; models that cannot be trained; bad words.
. "${SOURCE:-.}/tests/cli.sh"
expect 0 summary lenet5 --batch 8 --memory-map -o map.svg --json
jq -e '.training and .peak_bytes <= .workspace_bytes and .nodes > 20 and .peak_node != null' stdout >/dev/null || fail "--json: $(cat stdout)"
[ "$(grep -c '<rect class="block' map.svg)" -eq "$(jq '.blocks | length' stdout)" ] || fail "the picture has other blocks"
# Places: 916 pixels for all nodes from 64 on; heights are shares of the axis, which are those of the largest block's.
grep -o '<rect class="block[^>]*>' map.svg | sed 's/.* x="\([0-9.]*\)" y="\([0-9.]*\)" width="\([0-9.]*\)" height="\([0-9.]*\)".*/\1 \3 \4/' >drawn
jq -r '.nodes as $n | .blocks[0].bytes as $most | .blocks[] | "\(64 + 916 * .first / $n) \(916 * (.last + 1 - .first) / $n) \(.bytes / $most)"' stdout >wanted
tall=$(head -n 1 drawn | cut -d' ' -f3)
paste -d' ' drawn wanted | awk -v tall="$tall" '{ if (($1 - $4) ^ 2 + ($2 - $5) ^ 2 + ($3 - $6 * tall) ^ 2 > 0.002) { print; bad = 1 } } END { exit bad || NR == 0 }' ||
    fail "blocks are elsewhere"
peak=$(jq -r .peak_node stdout)
grep -q "peak [0-9.]* [KM]iB in use at $peak<" map.svg || fail "the peak is not named"
for word in 'parameter gradient (' 'backward pass begins'; do says map.svg "$word"; done

cat >plain.net <<'NET'
stria-net 1
"<script>" = input(batch x 4)
y = dense("<script>", 3)
z = relu(y)
output(z)
NET
expect 0 summary plain.net --memory-map -o plain.svg
says stdout "plain.svg: workspace of inference"
says stderr "the map is that of inference"
if grep -q '<script' plain.svg; then fail "a name became an element"; fi
refused 2 "summary: --memory-map needs --out FILE.svg" summary lenet5 --memory-map
refused 2 "summary: 'x.png' does not end in .svg" summary lenet5 --memory-map -o x.png
expect 1 summary lenet5 --memory-map -o none/x.svg
[ ! -e none ] || fail "a folder was made"
finish
