#!/usr/bin/env bash
# Class names of any length and content: folder → model → predict → JSON, and lists with equal names.
. "${SOURCE:-.}/tests/cli.sh"
command -v python3 >/dev/null || { echo "skipped: python3 is not there"; exit 77; }

picture() { printf 'P5 2 2 255\n%b' "$2$2$2$2" >"$1"; }
long=$(printf 'x%.0s' {1..250})
bytes=$'caf\xe9'
names=("${long}a" "${long}b" $'line\nbreak' 'back\nslash' '狗狗' "$bytes" $'tab\tand\rreturn' ' spaces ' '100%s')
value=0
for name in "${names[@]}"; do
    mkdir -p "data/$name"
    value=$((value + 25))
    for i in 1 2 3; do picture "data/$name/$i.pgm" "$(printf '\\%03o' $value)"; done
done
cat >one.net <<'NET'
stria-net 1
image = input(batch x 1 x 2 x 2)
flat = flatten(image)
hidden = dense(flat, 32)
bent = relu(hidden)
logits = dense(bent, 9)
output(logits)
NET
expect 0 train one.net --data folder:data --val no --epochs 3 --batch 9 --lr 0.05 --out run

# Each name, as the model has it, comes back from its own picture in valid JSON.
python3 - "${names[@]}" <<'PYTHON' || fail "names are not what they were"
import json, subprocess, os, sys
names = [os.fsencode(n) for n in sys.argv[1:]]
def shown(n):
    try: return n.decode()
    except UnicodeDecodeError: return ''.join(c if ord(c) < 0xdc80 else '\\x%02X' % (ord(c) - 0xdc00) for c in n.decode('utf8', 'surrogateescape'))
files = [b'data/' + n + b'/1.pgm' for n in names]
out = subprocess.run([os.environ['STRIA'], 'predict', 'run', *files, '--top', '9', '--json'], capture_output=True)
answer = json.loads(out.stdout.decode())
answer = answer if isinstance(answer, list) else next(iter(answer.values()))
for name, a in zip(names, answer):
    assert sorted(p['name'] for p in a['predictions']) == sorted(map(shown, names)), a
    assert a['image'] == shown(b'data/' + name + b'/1.pgm'), a['image']
out = subprocess.run([os.environ['STRIA'], 'eval', 'run', '--data', 'folder:data', '--split', 'train', '--json'], capture_output=True)
score = json.loads(out.stdout.decode())
assert sorted(c['name'] for c in score['classes']) == sorted(map(shown, names))
assert all(c['support'] == 3 for c in score['classes'])
PYTHON
"$STRIA" predict run "data/${long}a/1.pgm" --top 9 >stdout || fail "predict"
says stdout "${long}a"
says stdout "${long}b"
says stdout '狗狗'
says stdout 'line?break'
expect 0 convert run/model.onnx again.onnx
expect 0 eval again.onnx --data folder:data --split train
expect 0 train --resume run --epochs 4

# Two equal names, as ImageNet's published list has them, are told apart by the number of their class.
printf '%s\n' bus crane car crane tram van taxi bike boat >list
expect 0 convert run/model.onnx named.onnx --labels list
expect 0 predict named.onnx "data/${long}a/1.pgm" --top 9 --json
says stdout '"class":1,"name":"crane (1)"'
says stdout '"class":3,"name":"crane (3)"'
mkdir -p 'cranes/crane (3)' cranes/bus
picture 'cranes/crane (3)/1.pgm' '\001'
picture cranes/bus/1.pgm '\001'
expect 0 eval named.onnx --data folder:cranes --split train --json
says stdout '"name":"crane (3)"'
mv 'cranes/crane (3)' cranes/crane
refused 2 "the model has the class 'crane' more than once: call the data's class 'crane (1)' or 'crane (3)'" \
    eval named.onnx --data folder:cranes --split train
finish
