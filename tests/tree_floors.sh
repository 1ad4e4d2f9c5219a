#!/bin/sh
# Includes go down: src/FLOORS says which folder may include which. A small tree that breaks each rule proves the check.
set -eu

floors_check() { # floors_check ROOT: one line per violation; fails if there is one
    (cd "$1" && find src -name '*.[ch]' -o -name '*.inc' | LC_ALL=C sort | xargs awk '
    function bad(text) { print FILENAME ":" FNR ": " text; failed = 1 }
    FILENAME == "src/FLOORS" {
        if ($0 ~ /^#/ || NF == 0) next
        folder = $1; sub(/:$/, "", folder)
        for (i = 2; i <= NF; i++) {
            if (!($i in known)) bad("\"" folder "\" includes \"" $i "\", which stands below it or nowhere")
            allowed[folder, $i] = 1
        }
        known[folder] = allowed[folder, folder] = 1
        next
    }
    FNR == 1 {
        split(FILENAME, part, "/"); own = part[2]
        if (!(own in known)) bad("\"" own "\" is not in src/FLOORS")
    }
    /^[ \t]*#[ \t]*include[ \t]*["<]/ {
        path = $0; sub(/^[^"<]*["<]/, "", path); sub(/[">].*/, "", path)
        split(path, part, "/")
        if (path ~ /\.\./) bad("path with \"..\": " path)
        else if (part[1] in known && !((own, part[1]) in allowed)) bad(own " may not include " path " (src/FLOORS)")
        used[own, part[1]] = 1
    }
    END {
        for (pair in allowed) {
            split(pair, part, SUBSEP)
            if (part[1] == part[2] || pair in used) continue
            print "src/FLOORS: " part[1] " may include " part[2] " and does not"
            failed = 1
        }
        exit failed
    }' src/FLOORS)
}

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
mkdir -p "$temporary/src/base" "$temporary/src/kernel" "$temporary/src/cli" "$temporary/src/attic"
printf 'base:\nkernel: base\ncli:\n' >"$temporary/src/FLOORS"
good() { echo '#include <stria/base.h>' >"$temporary/src/base/a.h"; }
good
printf '#include "kernel/k.h"\n#include "base/a.h"\n#include <math.h>\n' >"$temporary/src/kernel/k.c"
printf '#include "cli/c.h"\n#include <stria/stria.h>\n' >"$temporary/src/cli/c.c"
floors_check "$temporary" || { echo "a tree that keeps the rules was refused"; exit 1; }
refused() { # refused FILE LINE: the small tree with this line in this file must fail
    echo "$2" >"$temporary/src/$1"
    if floors_check "$temporary" >/dev/null; then echo "not noticed: $2 in src/$1"; exit 1; fi
    rm "$temporary/src/$1"
    good
}
refused base/a.h '#include "kernel/k.h"'
refused base/b.c '#  include <kernel/k.h>'
refused cli/d.c '#include "base/a.h"'
refused cli/e.c '#include "../base/a.h"'
refused kernel/k.c '#include <math.h>'
printf '#include "kernel/k.h"\n#include "base/a.h"\n#include <math.h>\n' >"$temporary/src/kernel/k.c"
refused attic/f.c 'int unknown_folder;'

floors_check "${SOURCE:-.}"
