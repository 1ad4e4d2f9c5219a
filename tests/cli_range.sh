#!/usr/bin/env bash
# A model trained on floats in 0…1 judges the same samples as pictures and as floats in 0…255, and the reverse; other
# values are warned about.
. "${SOURCE:-.}/tests/cli.sh"
command -v python3 >/dev/null || { echo "skipped: python3 is not there"; exit 77; }

# Dark and bright pictures of 4 x 4 in two classes, as files and as arrays.
python3 - <<'PYTHON'
import os, random, struct
random.seed(1)
def npy(path, descr, shape, data):
    head = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)
    head += ' ' * (63 - (10 + len(head)) % 64) + '\n'
    open(path, 'wb').write(b'\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head.encode() + data)
x, y = [], []
for i in range(48):
    label = i % 2
    pixels = [random.randrange(90, 160) + (40 if (j % 4 < 2) == (label == 0) else 0) for j in range(16)]
    os.makedirs('pictures/%d' % label, exist_ok=True)
    open('pictures/%d/%02d.pgm' % (label, i), 'wb').write(b'P5 4 4 255\n' + bytes(pixels))
    x += pixels
    y.append(label)
floats = lambda values: struct.pack('<%df' % len(values), *values)
npy('y.npy', '|u1', (48,), bytes(y))
npy('bytes.npy', '|u1', (48, 1, 4, 4), bytes(x))
npy('unit.npy', '<f4', (48, 1, 4, 4), floats([v / 255 for v in x]))
npy('whole.npy', '<f4', (48, 1, 4, 4), floats(x))
npy('other.npy', '<f4', (48, 1, 4, 4), floats([(v - 120) / 30 for v in x]))
npy('mask.npy', '|b1', (48, 1, 4, 4), bytes(v > 140 for v in x))
npy('zero.npy', '<f4', (48, 1, 4, 4), floats([float(v > 140) for v in x]))
PYTHON
printf 'stria-net 1\nimage = input(batch x 1 x 4 x 4)\nflat = flatten(image)\nlogits = dense(flat, 2)\noutput(logits)\n' >two.net

top1() { # top1 MODEL DATA
    expect 0 eval "$1" --data "$2" --split train --json
    grep -o '"top1":[0-9.]*' stdout
}
same() { # same MODEL DATA…: all as the first, without a warning
    local model=$1 first answer
    first=$(top1 "$model" "$2")
    shift
    for data; do
        answer=$(top1 "$model" "$data")
        [ "$answer" = "$first" ] || fail "$model on $data: $answer, not $first"
        ! grep -q 'warning: the model was trained' stderr || fail "$model on $data warns"
    done
    [ "$first" = '"top1":1.0' ] || fail "$model learned too little: $first"
}
learn() { # learn RUN DATA LR
    expect 0 train two.net --data "$2" --val no --epochs 60 --batch 8 --lr "$3" --out "$1"
}
learn unit npy:unit.npy,y.npy 0.5
learn pictures.run folder:pictures 0.5
learn bytes npy:bytes.npy,y.npy 0.5
for run in unit pictures.run bytes; do
    same $run npy:unit.npy,y.npy folder:pictures npy:bytes.npy,y.npy npy:whole.npy,y.npy
    top1 $run npy:other.npy,y.npy >/dev/null
    says stderr 'warning: the model was trained on values from 0 to'
done
learn other npy:other.npy,y.npy 0.1
top1 other folder:pictures >/dev/null
says stderr 'warning: the model was trained on values from -1'
expect 0 predict other pictures/0/00.pgm
says stderr 'but pictures go from 0 to 255'
learn mask npy:mask.npy,y.npy 0.5
[ "$(top1 mask npy:mask.npy,y.npy)" = "$(top1 mask npy:zero.npy,y.npy)" ] || fail "booleans are not 0 and 1"
finish
