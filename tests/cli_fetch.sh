#!/usr/bin/env bash
# stria data fetch and list: a data set comes from a server that breaks off, is found by its name, and can be read.
. "${SOURCE:-.}/tests/cli.sh"
export XDG_CACHE_HOME=$PWD/cache HOME=$PWD STRIA_DATA=
"$STRIA" data fetch mnist --from http://127.0.0.1:1/ 2>&1 | grep -q "no libcurl" && { echo "skipped: no libcurl"; exit 77; }

refused 2 "data fetch: there is no 'cifar11'; did you mean 'cifar10'?" data fetch cifar11
refused 2 "data fetch: there is no 'xyz'; what can be fetched: mnist, fashion-mnist, cifar10, cifar100 and flowers17" \
    data fetch xyz
refused 2 "data fetch: DATA is missing; 'stria data fetch mnist'" data fetch
refused 1 "'cifar100' is not on this machine: 'stria data fetch cifar100' downloads it (160.7 MiB), or say where it is: cifar100:PATH" \
    data stats cifar100
expect 2 data fetch mnist --from ftp://127.0.0.1/
says stderr "is not an address that begins with http:// or https://"
expect 1 data fetch mnist --from http://127.0.0.1:1/
says stderr "http://127.0.0.1:1/train-images-idx3-ubyte.gz"
[ ! -e cache/stria/mnist/train-images-idx3-ubyte.gz.part ] || fail "a download that never began left a part"
# Where the bytes come from is said, not the makers' page; nothing is asked, as the folder cannot be made.
: >blocked
STRIA_DATA=$PWD/blocked
expect 1 data fetch mnist
says stderr "from https://ossci-datasets.s3.amazonaws.com/mnist/"
STRIA_DATA=

command -v python3 >/dev/null || { echo "skipped: case server: python3 is not installed"; finish; }
# The archive that its makers publish no sum of: 1,360 grey pictures with the right names.
mkdir -p flowers/jpg web
for ((i = 1; i <= 1360; i++)); do
    printf 'P2 2 2 255 1 2 3 %d' $((i % 200)) >"flowers/jpg/image_$(printf %04d $i).jpg"
done
tar -C flowers -czf web/17flowers.tgz jpg
# Every second connection breaks in the middle.
cat >server.py <<'END'
import http.server, sys
body = open("web/17flowers.tgz", "rb").read()
asked = 0
class Serve(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global asked
        asked += 1
        if not self.path.endswith("/17flowers.tgz"): return self.send_error(404)
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
address=http://127.0.0.1:$(cat port)/a/mirror
expect 0 data fetch flowers17 --from "$address"
says stdout "$PWD/cache/stria/flowers17/17flowers.tgz"
says stderr "publish no SHA-256 of flowers17"
cmp -s web/17flowers.tgz cache/stria/flowers17/17flowers.tgz || fail "the file that came is another one"
expect 0 data fetch flowers17 --from "$address" --output "own place" --json
[ "$(jq -r .sha256 stdout)" = "$(sha256sum web/17flowers.tgz | cut -d' ' -f1)" ] || fail "--json: another sum"
[ "$(jq -r .path stdout)" = "own place/17flowers.tgz" ] || fail "--json: another path"
expect 1 data fetch cifar100 --from "$address"
says stderr "answers 404 (no such file)"
kill "$server"
wait "$server" 2>/dev/null

expect 0 data list --json
[ "$(jq -r '.sources[] | select(.name == "flowers17") | .place' stdout)" = "$PWD/cache/stria/flowers17/17flowers.tgz" ] ||
    fail "data list does not know the place"
[ "$(jq -r '.sources[] | select(.name == "cifar100") | .place' stdout)" = null ] || fail "cifar100 is not here"
expect 0 data list
says stdout "not here: stria data fetch cifar100"
expect 1 data check flowers17 --json # pictures repeat
[ "$(jq -c .images stdout)" = '{"train":680,"val":340,"test":340}' ] || fail "flowers17 has other parts: $(jq -c .images stdout)"
finish
