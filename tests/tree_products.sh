#!/bin/sh
# Bytes of tensors come from one checked place (shape_bytes, value_bytes): no other line multiplies a count of elements by
# the bytes of one. Kernels and their plans work on shapes that the graph has checked.
set -eu

products_check() { # products_check ROOT: one line per product; fails if there is one
    (cd "$1" && find src -name '*.[ch]' | LC_ALL=C sort | grep -vE '^src/(kernel/|graph/tensor\.c$)' | xargs awk '
    /(dtype_bytes|shape_count)\([^;]*\) *\* *(\([a-z0-9_ ]*\) *)?(dtype_bytes|sizeof|shape_count)/ ||
    /sizeof[^;]*\* *(\([a-z0-9_ ]*\) *)?shape_count/ || /count *\* *(\([a-z0-9_ ]*\) *)?dtype_bytes/ {
        print FILENAME ":" FNR ": " $0; found = 1
    }
    END { exit found }')
}

# The check itself, on a small broken tree.
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/src/run"
for line in 'size_t b = (size_t)shape_count(&v->shape) * dtype_bytes(v->type);' 'n += (uint64_t)count * dtype_bytes(t);' \
    'm = (size_t)shape_count(&x) * sizeof(float);' 'm = sizeof(float) * (size_t)shape_count(&x);'; do
    echo "$line" >"$tree/src/run/a.c"
    if products_check "$tree" >/dev/null; then echo "not found: $line"; exit 1; fi
done
echo 'size_t b = value_bytes(v);' >"$tree/src/run/a.c"
products_check "$tree"

products_check "${SOURCE:-.}"
