#!/usr/bin/env bash
# What a terminal shows: tables of wide characters and marks stay aligned, and nothing is wider than the terminal.
. "${SOURCE:-.}/tests/cli.sh"
command -v python3 >/dev/null || { echo "skipped: python3 is not there"; exit 77; }

cat >terminal.py <<'PYTHON'
"""terminal.py COLUMNS COMMAND…: runs the command in a terminal of this width and prints what it writes."""
import fcntl, os, pty, struct, sys, termios
leader, follower = pty.openpty()
fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, int(sys.argv[1]), 0, 0))
child = os.fork()
if child == 0:
    os.close(leader)
    os.setsid()
    for fd in (0, 1, 2):
        os.dup2(follower, fd)
    os.execv(sys.argv[2], sys.argv[2:])
os.close(follower)
out = b""
while True:
    try:
        data = os.read(leader, 65536)
    except OSError:
        break
    if not data:
        break
    out += data
sys.stdout.buffer.write(out.replace(b"\r\n", b"\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PYTHON
cat >widths.py <<'PYTHON'
"""widths.py MOST: lines of stdin wider than this many cells, as Python's tables see them; commands, which are
copied as they are, left out."""
import re, sys, unicodedata
def cells(text):
    return sum(0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
wide = [l for l in re.sub(r"\r|\033\[K", "\n", sys.stdin.buffer.read().decode()).split("\n") if cells(l) > int(sys.argv[1]) and not l.lstrip().startswith("stria ")]
print("\n".join("%d: %s" % (cells(l), l) for l in wide))
sys.exit(bool(wide))
PYTHON
# fits COLUMNS WORDS…: in a terminal of this width no line is wider.
fits() {
    local columns=$1
    shift
    TERM=dumb python3 terminal.py "$columns" "$STRIA" "$@" >shown 2>&1 || { fail "stria $* exits with $?"; tail -n 3 shown; }
    python3 widths.py "$columns" <shown >wide || { fail "stria $* is wider than $columns columns:"; cat wide; }
}

# ---- classes in Chinese, with marks, of one word longer than a line

names=(狗 $'cafe\xcc\x81' 수박 "$(printf 'long%.0s' {1..30})" 🐈)
value=0
for name in "${names[@]}"; do
    mkdir -p "data/$name"
    value=$((value + 40))
    for i in 1 2 3; do printf 'P5 2 2 255\n%b' "$(printf '\\%03o' $value $value $value $value)" >"data/$name/$i.pgm"; done
done
expect 0 train lenet5:classes=5 --data folder:data --val no --epochs 1 --batch 15 --out run
expect 0 eval run --data folder:data --split train
python3 - <<'PYTHON' || fail "the table is not aligned"
import re, sys, unicodedata
def cells(text):
    return sum(0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
lines = open("stdout", encoding="utf8").read().split("\n")
rows = [l for l in lines if l.rstrip().endswith("%       3")]
assert len(rows) == 5, lines
assert len({cells(r) for r in rows}) == 1, [(cells(r), r) for r in rows]
matrix = lines[next(i for i, l in enumerate(lines) if l.startswith("confusion")) + 1:][:6]
assert len({cells(r) for r in matrix}) == 1, [(cells(r), r) for r in matrix]
PYTHON

# ---- no line is wider than the terminal

fits 80 eval run --data folder:data --split train --limit 0
fits 80 explain lenet5
fits 80 predict lenet5:classes=5 data/狗/1.pgm
says shown "       are its results"
fits 80 predict run data/狗/1.pgm --top 5
fits 80 bench lenet5 --train --repeat 1 --batch 4
fits 100 explain lenet5
fits 80 data list
fits 80 train --resume run --epochs 2
fits 80 summary lenet5
fits 80 summary resnet20
says shown "layer1.0.conv1  Conv        1×16×32×32"
says shown "layer1.1.conv2  Conv        1×16×32×32"
fits 80 summary googlenet
fits 80 summary mlp:classes=5,hidden=40,activation=leaky_relu,dropout=0.25,bn=1
fits 80 train mlp:classes=5,hidden=4 --data folder:data --val no --epochs 1 --batch 15 --sweep "optimizer=adam lr=0.001,momentum lr=0.00125" --repeat 2 --out a-sweep-of-optimisers
grep -q "mean ± deviation over 2 seeds" shown || { fail "the sweep says no seeds:"; cat shown; }
fits 80 train mlp:classes=5,hidden=4 --data folder:data --val no --epochs 1 --batch 15 --sweep "optimizer=adam lr=0.001,momentum lr=0.00125; weight-decay=0.0001,0.0002" --out a-sweep-of-optimisers-and-penalties
grep -q "deviation" shown && { fail "one seed has a deviation:"; cat shown; }
fits 80 filter "1 2 3" --kernel 1
fits 80 --help
says shown "run folder"
for verb in $(verbs); do fits 80 "$verb" --help; done

# A file gets whole lines: nothing is cut or wrapped there.
expect 0 predict run data/狗/1.pgm --top 5
says stdout "${names[3]}"
expect 0 predict lenet5:classes=5 data/狗/1.pgm
says stderr "warning: the model is untrained: its weights are random numbers, and so are its results"
expect 0 explain lenet5
says stdout "gemm_implicit: 'average_pool1' is plain, not channels-last"
expect 0 eval run --data folder:data --split train
says stdout "${names[3]}"

# ---- one of a thing is not several

expect 0 eval run --data folder:data --split train --limit 1
says stdout "1 image: top-1"
expect 0 train lenet5:classes=5 --data folder:data --val no --epochs 1 --batch 15 --limit 15 --out once
says stderr "1 epoch, 1 step, batch 15"
finish
