#!/usr/bin/env bash
# Signals. A training that has begun saves and ends with 1, whatever comes and however often; all else dies of the signal
# (128 + number) and leaves nothing half-written.
. "${SOURCE:-.}/tests/cli.sh"
digits data

# The command in the background with default signals: bash makes its background jobs ignore SIGINT. A signal that comes
# before the shell's child has become the command must not run the trap that removes the folder.
start() {
    trap - EXIT
    env --default-signal=INT,TERM,HUP "$STRIA" "$@" >stdout 2>stderr </dev/null &
    pid=$!
    trap 'rm -rf "$temporary"' EXIT
}

# wait_for PATTERN: until a file of that name is there, at most 30 seconds, looking as often as this shell can.
wait_for() {
    local end=$((SECONDS + 30))
    until compgen -G "$1" >/dev/null; do
        [ $SECONDS -lt $end ] || { fail "no $1 came"; return; }
        kill -0 "$pid" 2>/dev/null || return
    done
}

# wait_line FILE TEXT
wait_line() {
    local end=$((SECONDS + 30))
    until grep -qF -- "$2" "$1" 2>/dev/null; do
        [ $SECONDS -lt $end ] || { fail "'$2' did not come in $1"; return; }
        sleep 0.02
    done
}

# barrage: twenty of each, as fast as they go.
barrage() {
    for ((i = 0; i < 20; i++)); do kill -TERM "$pid"; kill -INT "$pid"; kill -HUP "$pid"; done 2>/dev/null
}

# ends CODE WHAT
ends() {
    wait "$pid" 2>/dev/null
    local code=$?
    [ $code -eq "$1" ] || { fail "$2: it ends with $code, not $1"; tail -n 3 stderr; }
}

# children NAME: sets NAME to the processor time in ms of all children waited for, which a busy machine does not stretch.
# A subshell would tell of its own children.
children() {
    times >times.txt
    printf -v "$1" '%d' "$(awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); sum += t[1] * 60 + t[2] }
        printf "%d", sum * 1000 }' times.txt)"
}

no_leavings() {
    ! compgen -G "$1/*.tmp" >/dev/null || fail "$2: left are $(ls "$1"/*.tmp)"
}

# ---- what takes long: 10 pictures to train, 6,000 (names of one file) to validate ----

mkdir -p long/train/{a,b} long/val/{a,b}
{ printf 'P5\n32 32\n255\n'; head -c 1024 /dev/zero; } >long/train/a/0.pgm
{ printf 'P5\n32 32\n255\n'; head -c 1024 /dev/zero | tr '\0' '\377'; } >long/train/b/0.pgm
for ((i = 1; i < 5; i++)); do ln long/train/a/0.pgm long/train/a/$i.pgm; ln long/train/b/0.pgm long/train/b/$i.pgm; done
# shellcheck disable=SC2016 # the inner shell's
for class in a b; do
    for ((i = 0; i < 3000; i++)); do printf 'long/val/%s/%d.pgm\0' $class $i; done |
        CLASS=$class xargs -0 -n 500 sh -c 'for f; do ln "long/train/$CLASS/0.pgm" "$f"; done' sh
done
cat >wide.net <<'NET'
stria-net 1
x = input(batch x 1 x 32 x 32)
a = conv(x, 64, kernel=5, padding=2)
b = relu(a)
c = conv(b, 96, kernel=5, padding=2)
d = relu(c)
e = max_pool(d, kernel=32)
f = flatten(e)
y = dense(f, 2)
output(y)
NET
sed 's/32 x 32/28 x 28/; s/kernel=32/kernel=28/' wide.net >wide28.net

# ---- all other verbs ----

{ printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (20000, 1, 28, 28), }"
  head -c $((20000 * 784 * 4)) /dev/zero; } >many.npy
for row in INT:130 TERM:143 HUP:129; do
    for words in "bench wide.net --repeat 1000 --batch 64" "run wide28.net --input many.npy --batch 100" \
        "eval wide.net --data folder:long --split val" "bench wide.net --train --repeat 1000 --batch 64"; do
        # shellcheck disable=SC2086
        start $words
        sleep 0.7
        kill -0 "$pid" 2>/dev/null || { fail "'$words' ended by itself"; cat stderr; continue; }
        kill "-${row%:*}" "$pid"
        ends "${row#*:}" "$words, SIG${row%:*}"
    done
done

# A file that is being written goes, the old one stays.
echo old >big.onnx
start convert mlp:hidden=40000 big.onnx
wait_for 'big.onnx.*.tmp'
kill -INT "$pid"
wait "$pid" 2>/dev/null
code=$?
[ $code -eq 130 ] || fail "convert ends with $code"
no_leavings . "convert"
[ "$(wc -c <big.onnx)" -eq 4 ] || echo "convert was through before the signal"

# On a terminal the bar is cleared before it dies; the screen is left as it was.
if command -v script >/dev/null; then
    script -qfec "echo \$\$ >terminal.pid; exec '$STRIA' eval wide.net --data folder:long --split val" typescript >/dev/null 2>&1 </dev/null &
    terminal=$!
    await "$terminal" "of 6,000" typescript
    kill -TERM "$(cat terminal.pid)"
    wait "$terminal"
    [ "$(grep -v '^Script' typescript | tr -d '\n' | tail -c 4 | od -An -tx1 | tr -d ' ')" = 0d1b5b4b ] ||
        { fail "the bar stays on the terminal:"; tail -c 100 typescript | od -c; }
else echo "skipped: no script(1) to make a terminal"; fi

# ---- a training ----

RECIPE=(--batch 10 --lr 0.1 --seed 5)
expect 0 train lenet5 --data mnist:data "${RECIPE[@]}" --epochs 8 --out whole --json
same() {
    cmp -s "$1/model.onnx" whole/model.onnx || fail "$2: model.onnx differs"
    cmp -s "$1/best.onnx" whole/best.onnx || fail "$2: best.onnx differs"
    cmp -s <(sed -E 's/, "(seconds|wait_share|peak_bytes)": [^,}]*//g' "$1/metrics.jsonl") <(sed -E 's/, "(seconds|wait_share|peak_bytes)": [^,}]*//g' whole/metrics.jsonl) ||
        fail "$2: metrics.jsonl differs"
    no_leavings "$1" "$2"
}

# At the first steps: many signals, one sentence, nothing lost.
start train lenet5 --data mnist:data "${RECIPE[@]}" --epochs 8 --out steps
wait_for steps/model.onnx
barrage
ends 1 "while it steps"
[ "$(grep -c "^stria: interrupted after step" stderr)" -eq 1 ] || { fail "while it steps it says:"; tail -n 3 stderr; }
expect 0 train --resume steps --json
same steps "while it steps"

# In a validation that would take much longer.
start train wide.net --data folder:long --batch 10 --epochs 1 --out slow
wait_line slow/metrics.jsonl '"step": 1,'
children before
own=$(cut -d' ' -f14,15 "/proc/$pid/stat")
barrage
ends 1 "in a validation"
children after
# shellcheck disable=SC2154 # children sets before and after
took=$((after - before - (${own/ /+}) * 1000 / $(getconf CLK_TCK)))
[ $took -le $((4000 * ${STRIA_SLOWER:-1})) ] || fail "it computed for $took ms after the signal, in a validation"
says stderr "interrupted in the validation after step 1 of 1; everything is saved, continue with: stria train --resume slow"
[ "$(wc -l <slow/metrics.jsonl)" -eq 1 ] || fail "a validation that was stopped left $(cat slow/metrics.jsonl)"
rm -f long/val/*/[1-9]*.pgm
expect 0 train --resume slow --json
[ "$(grep -c '"kind": "epoch"' slow/metrics.jsonl)" -eq 1 ] || fail "the epoch's line came not once"
[ -e slow/best.onnx ] || fail "the validation was not made up for"

# While the last checkpoint is written (125 MB): the training is complete, only the test is left.
start train mlp:hidden=20000 --data mnist:data --limit 20 --batch 20 --val no --epochs 1 --out last --lr 0.001
wait_for last/model.onnx
wait_for 'last/checkpoint.safetensors.*.tmp'
barrage
ends 1 "at the last checkpoint"
if grep -q "the training is complete" stderr; then
    says stderr "interrupted after the last of 1 step; the training is complete and saved, test it with: stria eval last"
else
    says stderr "everything is saved, continue with: stria train --resume last" # caught before its one step
fi
no_leavings last "at the last checkpoint"
expect 0 train --resume last --json
rm -rf last

# Killed while the first checkpoint is written: the same command works, and takes nothing that it does not know.
command=(train mlp:hidden=20000 --data mnist:data --limit 20 --batch 20 --val no --epochs 1 --out first --lr 0.001)
start "${command[@]}"
wait_for 'first/checkpoint.safetensors.*.tmp'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
if [ ! -e first/checkpoint.safetensors ]; then
    expect 1 train --resume first
    expect 0 "${command[@]}" --json
    no_leavings first "after a kill at the first checkpoint"
fi
rm -rf first
mkdir -p theirs && touch theirs/lock theirs/notes.txt
expect 1 train linear --data mnist:data --epochs 1 --out theirs
says stderr "is not empty"
rm theirs/notes.txt && touch theirs/checkpoint.safetensors.123-4.tmp
expect 0 train linear --data mnist:data --epochs 1 --out theirs --json
no_leavings theirs "begun and left"

# At any moment of the first second: it has saved, or it is as if it had not been.
for delay in 0 0.005 0.01 0.02 0.05 0.1 0.2 0.3; do
    start train lenet5 --data mnist:data "${RECIPE[@]}" --epochs 8 --out moment
    sleep $delay
    kill -TERM "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    code=$?
    case $code in
    143 | 0) ;; # before the training began; or the handler, or after its end
    1) says stderr "everything is saved" ;;
    *) fail "a signal after $delay s: it ends with $code" ;;
    esac
    if [ -e moment/checkpoint.safetensors ]; then expect 0 train --resume moment --json
    else expect 0 train lenet5 --data mnist:data "${RECIPE[@]}" --epochs 8 --out moment --json; fi
    same moment "a signal after $delay s"
    rm -rf moment
done

# A signal that was ignored from the beginning stays ignored.
(trap '' HUP; exec "$STRIA" train lenet5 --data mnist:data "${RECIPE[@]}" --epochs 8 --out nohup) >stdout 2>stderr </dev/null &
pid=$!
wait_for nohup/model.onnx
for ((i = 0; i < 5; i++)); do kill -HUP $pid; done
ends 0 "with SIGHUP ignored"
same nohup "with SIGHUP ignored"

finish
