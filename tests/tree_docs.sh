#!/usr/bin/env bash
# What documents name is there: the files of links, public functions, verbs and operators. A small document that breaks each
# rule proves the check.
set -u
source=$(cd "${SOURCE:-.}" && pwd) || exit 1
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

documents() { # documents ROOT: Markdown files, build folders and corpora left out
    find "$1" \( -name .git -o -name 'build*' -o -path "$1/tests/fuzz" \) -prune -o -name '*.md' -print | LC_ALL=C sort
}

# links FILE: "LINE TARGET" of every relative link outside of code blocks, without its #part
links() {
    awk '/^```/ { code = !code; next } !code {
        line = $0
        gsub(/`[^`]*`/, "", line)
        while (match(line, /\]\([^)]+\)/)) {
            target = substr(line, RSTART + 2, RLENGTH - 3); line = substr(line, RSTART + RLENGTH)
            sub(/#.*/, "", target)
            if (target != "" && target !~ /^[a-z]+:/) print FNR, target
        }
    }' "$1"
}

# paths FILE: "LINE PATH" of every `src/…`-like path in back quotes, as far as it has no NAME, <name>, …, * or space in it
paths() {
    awk '/^```/ { code = !code; next } !code {
        line = $0
        while (match(line, /`(src|tests|tools|docs|include|examples|bench|cmake)\/[A-Za-z0-9_.\/-]+`/)) {
            print FNR, substr(line, RSTART + 1, RLENGTH - 2); line = substr(line, RSTART + RLENGTH)
        }
    }' "$1"
}

docs_check() { # docs_check ROOT: one line a mistake; fails if there is one
    local root=$1 file line target found=0
    declared=" stria_static $(grep -hoE '\bstria_[a-z0-9_]+' "$root"/include/stria/*.h | sort -u | tr '\n' ' ')"
    while read -r file; do
        while read -r line target; do
            [ -e "$(dirname "$file")/$target" ] || { echo "${file#"$root"/}:$line: there is no $target"; found=1; }
        done < <(links "$file")
        while read -r line target; do
            [ -e "$root/$target" ] || { echo "${file#"$root"/}:$line: there is no $target"; found=1; }
        done < <(paths "$file")
        while IFS=: read -r line target; do
            case "$declared" in
            *" $target "*) ;;
            *) echo "${file#"$root"/}:$line: no public header declares $target" && found=1 ;;
            esac
        done < <(grep -noE '\bstria_[a-z0-9_]+\b' "$file")
    done < <(documents "$root")
    return $found
}

mkdir -p "$temporary/include/stria" "$temporary/src"
echo 'STRIA_API void stria_there(void);' >"$temporary/include/stria/a.h"
echo 'ok [a](src) [b](https://x) `stria_there` `src/<name>.c`' >"$temporary/A.md"
docs_check "$temporary" || { echo "a good document was refused"; exit 1; }
for bad in '[a](nowhere.md)' '`src/nothing.c`' '`stria_nothing`'; do
    echo "$bad" >"$temporary/B.md"
    if docs_check "$temporary" >/dev/null; then echo "not noticed: $bad"; exit 1; fi
done

failed=0
docs_check "$source" || failed=1

# Every verb has its row in both READMEs.
if [ -n "${STRIA:-}" ]; then
    for verb in $("$STRIA" --help | awk '/^usage:/ { on = 1; next } on && /^  [a-z]/ { print $1 } /^MODEL/ { exit }'); do
        for readme in README.md README.zh-CN.md; do
            grep -qE "^\| .*\`$verb\`" "$source/$readme" || { echo "$readme: the table of verbs lacks $verb"; failed=1; }
        done
    done
fi

# Every operator has its row where operators are documented.
if [ -d "$source/docs/operators" ]; then
    for operator in $(sed -nE 's/^OP\(([A-Za-z0-9]+)\).*/\1/p' "$source/src/op/op_list.h") \
        $(sed -nE 's/^UNARY(_FLAT)?\(([A-Z][A-Za-z0-9]+),.*/\2/p' "$source/src/op/unary_rows.h"); do
        grep -rqE "^## $operator\$|^\| $operator \|" "$source/docs/operators" || { echo "docs/operators: $operator is missing"; failed=1; }
    done
fi
exit $failed
