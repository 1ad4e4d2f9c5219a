#!/bin/sh
# Files under src/ have at most 440 lines and functions at most 60, so that each is read in one go. A small tree that breaks each rule proves the check.
set -eu

sizes_check() { # sizes_check ROOT: one line a mistake; fails if there is one
    (cd "$1" && find src -name '*.[ch]' -o -name '*.inc' | LC_ALL=C sort | xargs awk '
    function file_end() {
        if (lines > 440) { print file ": " lines " lines, more than 440 (tests/tree_sizes.sh)"; failed = 1 }
    }
    FNR == 1 { if (file != "") file_end(); file = FILENAME; start = 0 }
    { lines = FNR }
    /^[A-Za-z_]/ { # the code is formatted: what begins in the first column ends with a brace there
        if (!start && /\(/ && !/;$/) { start = FNR; name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
    }
    start && /;$/ && /^[A-Za-z_ ]/ && !body { start = 0 }
    start && /\{$/ { body = 1 }
    /^}/ {
        if (start && FNR - start + 1 > 60) {
            print FILENAME ":" start ": " name "() has " FNR - start + 1 " lines, more than 60 (tests/tree_sizes.sh)"
            failed = 1
        }
        start = body = 0
    }
    END { file_end(); exit failed }')
}

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
mkdir -p "$temporary/src"
lines() { i=0; while [ $i -lt "$1" ]; do echo "$2"; i=$((i + 1)); done; }
function_of() { # function_of LINES
    printf 'int declared(int a,\n             int b);\nstatic int f(int a,\n             int b) {\n'
    lines $(($1 - 3)) '    call(a);'
    echo '}'
}
good() { function_of 60; printf 'static const int rows[] = {\n'; lines 100 '    1,'; echo '};'; }
good >"$temporary/src/a.c"
sizes_check "$temporary" || { echo "a tree that keeps the rules was refused"; exit 1; }
refused() { # refused WHAT: the small tree as it is now must fail
    if sizes_check "$temporary" >/dev/null; then echo "not noticed: $1"; exit 1; fi
}
function_of 61 >"$temporary/src/a.c"
refused "a function of 61 lines"
{ good; lines 300 'extern int x;'; } >"$temporary/src/a.c"
refused "a file of more than 440 lines"

sizes_check "${SOURCE:-.}"
