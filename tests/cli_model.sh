#!/usr/bin/env bash
# stria model: what is listed, what comes from a server, and that a model is found by its name.
. "${SOURCE:-.}/tests/cli.sh"
export XDG_CACHE_HOME=$PWD/cache HOME=$PWD STRIA_DATA=

expect 0 model list
says stdout "not here: stria model fetch mobilenetv2-12"
says stdout "licence: Apache-2.0"
[ -z "$(awk 'length($0) > 80' stdout)" ] || fail "model list is wider than 80: $(awk 'length($0) > 80' stdout)"
expect 0 model list --json
jq -e '.models | length >= 10 and all((.sha256 | test("^[0-9a-f]{64}$")) and .bytes > 1000000 and .checked and .licence != "" and
    .place == null and (.home | startswith("https://")) and (.preprocess | test("(^| )mean=")))' stdout >/dev/null || fail "model list --json: $(cat stdout)"
# A name means one thing: no network built in and no data set is called so.
for name in $(jq -r '.models[].name' stdout); do
    "$STRIA" data list | grep -q "^$name " && fail "$name is a data set, too"
    expect 1 summary "$name"
    says stderr "'$name' is not on this machine: 'stria model fetch $name' downloads it ("
done

refused 2 "model fetch: NAME is missing; 'stria model fetch mobilenetv2-12'" model fetch
refused 2 "model list takes no model" model list mobilenetv2-12
refused 2 "model: unknown word 'get'; there are list and fetch" model get
expect 2 model fetch mobilenetv2-13
says stderr "there is no 'mobilenetv2-13'; did you mean 'mobilenetv2-12'?"
refused 2 "there is no model 'mobilenetv2-13'; did you mean 'mobilenetv2-12'?" summary mobilenetv2-13
refused 2 "there is no network 'mobilenetv2'; did you mean 'mobilenet-v2'?" summary mobilenetv2
expect 2 model fetch mnist # data
refused 2 "model fetch: --sum is given with a name, whose sum is known; it is for addresses" model fetch mobilenetv2-12 --sum 00
refused 2 "'00' is not a SHA-256 sum: 64 hexadecimal digits" model fetch http://127.0.0.1:1/a.onnx --sum 00
refused 2 "model fetch: --from is given with an address; it is for names" model fetch http://127.0.0.1:1/a.onnx --from http://127.0.0.1:1/
refused 2 "model fetch: 'http://127.0.0.1:1/' does not name a file; give --output FILE" model fetch http://127.0.0.1:1/
"$STRIA" data fetch mnist --from http://127.0.0.1:1/ 2>&1 | grep -q "no libcurl" && finish
expect 1 model fetch http://127.0.0.1:1/a.onnx
[ ! -e a.onnx ] && [ ! -e a.onnx.part ] || fail "a download that never began left a file"

# By its name: the catalog says how pictures become inputs, where the file does not.
printf 'stria-net 1\nx = input(batch x 3 x 224 x 224)\np = average_pool(x, kernel=56)\ny = dense(p, 10)\n' >small.net
expect 0 convert small.net small.onnx --std 2
mkdir -p cache/stria/resnet18-v1-7
cp small.onnx cache/stria/resnet18-v1-7/resnet18-v1-7.onnx
expect 0 summary resnet18-v1-7 --json
jq -e '.classifier.preprocessing.resize == "256" and .classifier.preprocessing.mean == "0.485,0.456,0.406" and
    .classifier.preprocessing.std == "2"' stdout >/dev/null || fail "summary by name: $(jq -c .classifier stdout)"
printf 'P2\n2 2\n255\n0 9 200 30\n' >p.pgm
expect 0 predict resnet18-v1-7 p.pgm --json
cp stdout wanted
expect 0 predict cache/stria/resnet18-v1-7/resnet18-v1-7.onnx p.pgm --resize 256 --crop 224 --channels rgb --scale 1/255 --mean 0.485,0.456,0.406 --json
[ "$(jq -c '[.. | .probability? // empty]' stdout)" = "$(jq -c '[.. | .probability? // empty]' wanted)" ] || fail "predict by name differs"
{ printf '\x93NUMPY\x01\x00v\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 224, 224), }" && head -c 1204224 /dev/zero; } >x.npy
expect 0 run resnet18-v1-7 --input x.npy
says stdout "float32 [2, 10]"
expect 0 diff resnet18-v1-7 small.onnx
expect 0 model list
says stdout "here: $PWD/cache/stria/resnet18-v1-7/resnet18-v1-7.onnx"
cp small.onnx resnet18-v1-7 # a file of that name is what is named, and refused as before
expect 2 summary resnet18-v1-7
rm resnet18-v1-7

command -v python3 >/dev/null || { echo "skipped: case server: python3 is not installed"; finish; }
# From a server: every second connection breaks in the middle.
mkdir web
cp small.onnx web/net.onnx
cp small.onnx web/mobilenetv2-12.onnx
cat >server.py <<'END'
import http.server
asked = 0
class Serve(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global asked
        asked += 1
        try: body = open("web/" + self.path.split("?")[0].rsplit("/", 1)[1], "rb").read()
        except OSError: return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2] if asked % 2 else body)
    def log_message(self, *words): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Serve)
print(server.server_port, flush=True)
server.serve_forever()
END
python3 server.py >port &
server=$!
for ((i = 0; i < 100; i++)); do [ -s port ] && break; sleep 0.1; done
address=http://127.0.0.1:$(cat port)/a
sum=$(sha256sum small.onnx | cut -d' ' -f1)
expect 0 model fetch "$address/net.onnx?download=true" --sum "$sum"
[ "$(cat stdout)" = net.onnx ] && [ ! -s stderr ] || fail "model fetch with a sum says $(cat stdout stderr)"
cmp -s net.onnx small.onnx || fail "another file came"
expect 0 model fetch "$address/net.onnx" --output other.onnx
says stderr "warning: no --sum was given, so the file was not checked; it has $sum"
expect 0 diff other.onnx small.onnx
expect 0 model fetch "$address/net.onnx" --output other.onnx --sum "$sum" --json
[ "$(jq -r .sha256 stdout)" = "$sum" ] && jq -e .checked stdout >/dev/null || fail "model fetch --json: $(cat stdout)"
expect 1 model fetch "$address/net.onnx" --output third.onnx --sum "${sum//[0-9]/a}"
[ ! -e third.onnx ] || fail "a file of another sum is kept"
expect 1 model fetch "$address/none.onnx"
says stderr "answers 404 (no such file)"
# A name's file with other bytes than the catalog's is not taken.
expect 1 model fetch mobilenetv2-12 --from "$address"
[ ! -e cache/stria/mobilenetv2-12/mobilenetv2-12.onnx ] || fail "a model with another sum is kept"
[ ! -e cache/stria/mobilenetv2-12 ] || fail "an empty folder is left: $(ls -la cache/stria/mobilenetv2-12)"
expect 1 summary mobilenetv2-12
kill "$server"
wait "$server" 2>/dev/null
finish
