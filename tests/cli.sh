# For tests/cli_*.sh: `. "${SOURCE:-.}/tests/cli.sh"`. STRIA is the command. A temporary folder, removed at the end, is the
# working folder; `failed` counts.
set -u
if [ -z "${STRIA:-}" ]; then
    echo "skipped: STRIA does not name the command"
    exit 77
fi
export LC_ALL=C.UTF-8 NO_COLOR=1
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cd "$temporary" || exit 1
failed=0

fail() {
    echo "FAILED: $*"
    failed=$((failed + 1))
}

# await PID TEXT FILE: until the file has a line that matches. No fixed time is enough on every machine: it fails where the
# process ends before.
await() {
    until grep -q "$2" "$3" 2>/dev/null; do
        kill -0 "$1" 2>/dev/null || { fail "the process ended before '$2' was in $3"; return; }
        sleep 0.05
    done
}

# expect CODE WORDS…: runs the command; stdout and stderr lie in files of these names.
expect() {
    local code=$1 got
    shift
    "$STRIA" "$@" >stdout 2>stderr </dev/null
    got=$?
    [ "$got" -eq "$code" ] || { fail "stria $* exits with $got, not $code"; head -n 5 stderr; }
}

# refused CODE SENTENCE WORDS…: one sentence on stderr, nothing on stdout.
refused() {
    local code=$1 sentence=$2
    shift 2
    expect "$code" "$@"
    [ "$(cat stderr)" = "stria: $sentence" ] || { fail "stria $* says otherwise:"; cat stderr; echo "wanted: stria: $sentence"; }
    [ ! -s stdout ] || fail "stria $* is refused and writes to stdout"
}

# says FILE TEXT: the file has this text somewhere.
says() {
    grep -qF -- "$2" "$1" || { fail "'$2' is not in $1:"; head -n 40 "$1"; }
}

verbs() {
    "$STRIA" --help | awk '/^usage:/ { on = 1; next } on && /^  [a-z]/ { print $1 } /^MODEL/ { exit }'
}

# digits DIR: a data set for mnist:DIR of ten classes of stripes, 600 images to train and 100 to test.
digits() {
    local class i count
    mkdir -p "$1"
    for class in 0 1 2 3 4 5 6 7 8 9; do
        head -c $((class * 78)) /dev/zero
        head -c 78 /dev/zero | tr '\0' '\377'
        head -c $((784 - class * 78 - 78)) /dev/zero
    done >ten-images
    printf '\000\001\002\003\004\005\006\007\010\011' >ten-labels
    for part in train:600:'\002\130' t10k:100:'\000\144'; do
        count=${part#*:}
        { printf "\\000\\000\\010\\003\\000\\000${count#*:}\\000\\000\\000\\034\\000\\000\\000\\034"
          for ((i = 0; i < ${count%%:*}; i += 10)); do cat ten-images; done; } >"$1/${part%%:*}-images-idx3-ubyte"
        { printf "\\000\\000\\010\\001\\000\\000${count#*:}"
          for ((i = 0; i < ${count%%:*}; i += 10)); do cat ten-labels; done; } >"$1/${part%%:*}-labels-idx1-ubyte"
    done
}

# matrix FILE ROWS COLUMNS: a float32 .npy file of zeros.
matrix() {
    local header="{'descr': '<f4', 'fortran_order': False, 'shape': ($2, $3), }"
    { printf '\223NUMPY\001\000\166\000%-117s\n' "$header"
      head -c $(($2 * $3 * 4)) /dev/zero; } >"$1"
}

finish() {
    [ "$failed" -eq 0 ] || exit 1
    echo "passed"
    exit 0
}
