#!/bin/sh
# Every file that this build compiled also passes clang's warnings, which see more of conversions than gcc's. Nothing is
# compiled; tools/check-all builds and tests with clang.
set -eu
command -v clang >/dev/null || { echo "skipped: clang is not installed"; exit 77; }
commands=$BUILD/compile_commands.json
[ -f "$commands" ] || { echo "skipped: $BUILD has no compile_commands.json"; exit 77; }
case $(sed -n 's/^CMAKE_C_FLAGS:STRING=//p' "$BUILD/CMakeCache.txt") in *-fsanitize* | *--coverage*) echo "skipped: a build with instruments"; exit 77 ;; esac
cd "$BUILD"
# The flags of each file, less the compiler's name, what it writes, and gcc's own spelling of a warning. Several at once.
sed -n 's/^ *"command": "\(.*\)",$/\1/p' "$commands" | sed 's/\\\\\\"/"/g; s/\\"/"/g' |
    sed 's/^[^ ]*ccache //; s/^[^ ]* //; s/ -o [^ ]*//; s/-Wshadow=local/-Wshadow/' |
    sed "s/\"/'\"'/g" | xargs -P "$(getconf _NPROCESSORS_ONLN)" -d '\n' -n 1 sh -c 'eval "clang -fsyntax-only -Qunused-arguments $1"' sh
