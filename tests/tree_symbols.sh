#!/bin/sh
# The shared library shows stria_* and nothing else, all of it is declared in include/stria with a comment in its paragraph,
# and all that the headers declare is there.
set -eu
source=${SOURCE:-.}
library=$(ls "$BUILD"/libstria.so "$BUILD"/libstria.dylib 2>/dev/null | head -n 1)
[ -n "$library" ] || { echo "no shared library in $BUILD"; exit 1; }
nm -D --defined-only "$library" | awk '{ print $NF }' | sed 's/@.*//' | grep -vE '^(_init|_fini|__(asan|ubsan|tsan|odr_asan).*)$' |
    LC_ALL=C sort -u |
    awk '
    FILENAME == "-" { symbol[$1] = 1; next }
    FNR == 1 { documented = 0; comment = 0 }
    /^[ \t]*$/ && !comment { documented = 0 } # a paragraph ends
    {
        if (/\/\*/) { documented = 1; comment = 1 }
        if (/\*\//) comment = 0
        if (/STRIA_API/ && !/#[ \t]*define/) waiting = 1
        if (waiting && match($0, /stria_[a-z0-9_]+[ \t]*[(;[]/)) {
            name = substr($0, RSTART, RLENGTH - 1); sub(/[ \t]+$/, "", name)
            declared[name] = FILENAME ":" FNR
            if (!documented) undocumented[name] = 1
            waiting = 0
        }
    }
    function bad(text) { print text; failed = 1 }
    END {
        for (name in symbol)
            if (name !~ /^stria_/) bad(name ": exported without the prefix stria_")
            else if (!(name in declared)) bad(name ": exported, and declared in no public header")
        for (name in declared) {
            if (!(name in symbol)) bad(declared[name] ": " name " is not in the library")
            if (name in undocumented) bad(declared[name] ": " name " has no comment")
        }
        exit failed
    }' - "$source"/include/stria/*.h

# Each public function is called by a test, an example, the command or a report.
failed=0
for name in $(grep -ohE '\bstria_[a-z0-9_]+\(' "$source"/include/stria/*.h | tr -d '(' | sort -u); do
    grep -rqwF "$name" "$source/tests" "$source/examples" "$source/src/cli" "$source/src/report" ||
        { echo "nothing calls $name"; failed=1; }
done
exit $failed
