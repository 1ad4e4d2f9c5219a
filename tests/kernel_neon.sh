#!/bin/sh
# The kernel tests on another architecture: src/base, src/kernel (portable and NEON) and tests/kernel_*.c are compiled for
# aarch64 and run under an emulator.
set -eu
source=${SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
build=${BUILD:-/tmp}
cc=aarch64-linux-gnu-gcc
qemu=$(command -v qemu-aarch64 || command -v qemu-aarch64-static || true)
if ! command -v $cc >/dev/null || [ -z "$qemu" ]; then
    echo "skipped: no aarch64 cross compiler (gcc-aarch64-linux-gnu, libc6-dev-arm64-cross) or no qemu-user"
    exit 77
fi
# A test that needs cmocka has no library to link with on the other architecture.
tests=$(cd "$source" && grep -L '<cmocka.h>' tests/kernel_*.c || true)
if [ -z "$tests" ]; then
    echo "skipped: no kernel test that builds without cmocka"
    exit 77
fi

out=$build/neon
rm -rf "$out"
mkdir -p "$out"
flags="-std=gnu11 -Wall -Wextra -Wno-unused-parameter -Werror -Iinclude -Isrc -Itests"
kernel_flags=${KERNEL_FLAGS:--O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math -Wno-psabi}

# One "prefix source flags" a line, compiled two at a time.
cd "$source"
{
    for file in src/base/*.c; do echo "base $file -O2"; done
    for file in src/kernel/*.c src/kernel/[!i]*/*.c; do echo "kernel $file $kernel_flags"; done # isa/ is next
    for unit in src/kernel/*/room.inc src/kernel/isa/table.inc; do
        for isa in portable neon; do
            echo "kernel_$(basename "$(dirname "$unit")") src/kernel/isa/$isa.c $kernel_flags -DKERNEL_UNIT=\\\"${unit#src/}\\\""
        done
    done
    for file in $tests; do echo "test $file -O2"; done
} | OUT=$out COMPILE="$cc $flags" xargs -P 2 -L 1 sh -c \
    'prefix=$1 file=$2; shift 2; $COMPILE "$@" -c -o "$OUT/${prefix}_$(basename "$file" .c).o" "$file"' sh

status=0
for file in $tests; do
    name=$(basename "$file" .c)
    $cc -static -o "$out/$name" "$out/test_$name.o" "$out"/base_*.o "$out"/kernel_*.o -lm -pthread
    echo "-- $name (aarch64)"
    result=0
    STRIA_TEST_QUICK=1 "$qemu" "$out/$name" || result=$?
    [ $result -eq 0 ] || [ $result -eq 77 ] || status=1
done
exit $status
