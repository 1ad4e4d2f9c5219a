#!/bin/sh
# Functions that Stria's sources do not call: memory outside base/memory.c (a test can make any allocation fail), unbounded
# strings, numbers without errors, ends of the process, output and signals from a library.
set -eu

banned_check() { # banned_check ROOT: one line per call; fails if there is one
    (cd "$1" && find src -name '*.[ch]' -o -name '*.inc' | LC_ALL=C sort | xargs awk '
    BEGIN {
        ban("malloc calloc realloc free aligned_alloc posix_memalign strdup strndup", "^src/(base/memory\\.c|cli/|report/)")
        ban("sprintf vsprintf strcpy strcat strncpy strncat stpcpy gets strtok atoi atol atoll atof alloca", "")
        ban("abort system popen rand srand random srandom drand48", "")
        ban("setjmp longjmp", "^src/data/image_") # how libpng and libjpeg report errors
        ban("_exit", "^src/(cli/|model/weights/keras_child\\.c)") # the end of a child process
        # a child process that reads with the HDF5 library takes none of the program\047s handlers along
        ban("sigaction kill", "^src/(cli/|model/weights/keras_child\\.c)")
        ban("exit _Exit atexit signal printf vprintf puts putchar perror", "^src/cli/")
    }
    function ban(names, home,   name, n, i) {
        n = split(names, name, " ")
        for (i = 1; i <= n; i++) banned[name[i]] = home == "" ? "^nowhere$" : home
    }
    # The line without comments and without what stands in quotes; `comment` lives on from line to line.
    function code(line,   out, mark) {
        out = ""
        for (;;) {
            if (comment) {
                if (!match(line, /\*\//)) return out
                line = substr(line, RSTART + 2); comment = 0
            }
            if (!match(line, /\/\*|\/\/|["\047]/)) return out line
            mark = substr(line, RSTART, 2)
            out = out substr(line, 1, RSTART - 1) " "; line = substr(line, RSTART)
            if (mark == "//") return out
            if (mark == "/*") { comment = 1; line = substr(line, 3) }
            else if (match(line, /^"([^"\\]|\\.)*"/) || match(line, /^\047([^\047\\]|\\.)*\047/)) line = substr(line, RLENGTH + 1)
            else return out
        }
    }
    FNR == 1 { comment = 0 }
    {
        rest = code($0)
        while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
            before = RSTART > 1 ? substr(rest, RSTART - 1, 1) : ""
            name = substr(rest, RSTART, RLENGTH - 1); sub(/[ \t]+$/, "", name)
            rest = substr(rest, RSTART + RLENGTH)
            if (before == "." || before == ">") continue
            if (name in banned && FILENAME !~ banned[name]) {
                print FILENAME ":" FNR ": " name "() may not be called here (tests/tree_banned.sh)"; failed = 1
            }
        }
    }
    END { exit failed }' /dev/null)
}

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
mkdir -p "$temporary/src/base" "$temporary/src/cli"
echo 'void *mem(void) { return malloc(1); }' >"$temporary/src/base/memory.c"
echo 'int main(void) { exit(0); }' >"$temporary/src/cli/main.c"
printf '/* malloc(1)\n free(p) */ int a; // exit(1)\nconst char *s = "\\"atoi(x)"; x->free(p); mem_free(p);\n' >"$temporary/src/base/a.c"
banned_check "$temporary" || { echo "a tree that keeps the rules was refused"; exit 1; }
refused() { # refused FILE LINE
    echo "$2" >"$temporary/src/$1"
    if banned_check "$temporary" >/dev/null; then echo "not noticed: $2 in src/$1"; exit 1; fi
    rm "$temporary/src/$1"
}
refused base/b.c 'char *p = malloc(3);'
refused base/b.c '/* why */ free (p);'
refused base/b.h 'if (x) exit(1);'
refused cli/c.c 'int n = atoi("3");'
refused base/d.inc "case '\"': strcpy(a, b);"

banned_check "${SOURCE:-.}"
