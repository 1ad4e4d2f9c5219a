#!/bin/sh
# docs/operators is what the operators' records say: `make docs` would change nothing. No operator that there is stands
# among those that may be refused.
set -u
source=${SOURCE:-.} program=${BUILD:-build}/operator-docs
[ -x "$program" ] || { echo "skipped: there is no $program"; exit 77; }
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
sh "$source/tools/operator-docs" "$program" "$temporary/operators" || exit 1
diff -ru "$source/docs/operators" "$temporary/operators" || { echo "docs/operators is old: make docs"; exit 1; }

for name in $(sed -n "s/^operator '(\([^)]*\)).*/\1/p" "$source/tools/conformance-reasons" | tr '|' ' '); do
    if grep -q "[|,] $name[ ,]" "$source/docs/operators/README.md"; then
        echo "tools/conformance-reasons excuses $name, which is in docs/operators"
        exit 1
    fi
done
