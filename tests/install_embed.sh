#!/usr/bin/env bash
# What is installed can be used from outside: examples/embed is compiled with pkg-config and nothing else of this tree,
# against the shared and against the static library, and trains and predicts.
. "${SOURCE:-.}/tests/cli.sh"
SOURCE=$(cd "${OLDPWD:-.}" && cd "${SOURCE:-.}" && pwd)
for tool in cmake pkg-config; do
    command -v $tool >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
[ -f "${BUILD:-}/cmake_install.cmake" ] || { echo "skipped: BUILD names no build folder"; exit 77; }
cc=${TREE_CC:-cc}
prefix=$PWD/prefix
cmake --install "$BUILD" --prefix "$prefix" >install.log 2>&1 || { fail "cmake --install:"; tail -n 5 install.log; finish; }
for file in bin/stria include/stria/stria.h share/man/man1/stria.1 \
    share/bash-completion/completions/stria; do [ -f "$prefix/$file" ] || fail "$file is not installed"; done
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name stria.pc)")
export PKG_CONFIG_PATH
library=$(pkg-config --variable=libdir stria)
case $library in "$prefix"/*) ;; *) fail "pkg-config finds the library in $library" ;; esac
[ "$(pkg-config --modversion stria)" = "$("$prefix/bin/stria" --version | cut -d' ' -f2)" ] || fail "pkg-config and the command differ in the version"

cp -r "$SOURCE/examples/embed" program
[ "$(wc -l <program/main.c)" -lt 60 ] || fail "examples/embed/main.c has 60 lines or more"
digits data

# builds NAME FLAGS…: as a user does, with warnings as errors.
builds() {
    local name=$1
    shift
    # shellcheck disable=SC2046
    "$cc" -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror program/main.c -o "$name" $(pkg-config --cflags stria) "$@" 2>cc.log ||
        { fail "$name does not compile:"; head -n 10 cc.log; return; }
    "./$name" mnist:data >"$name.out" 2>&1 || { fail "$name did not learn:"; tail -n 3 "$name.out"; }
}

# shellcheck disable=SC2046
builds shared $(pkg-config --libs stria) "-Wl,-rpath,$library"
# shellcheck disable=SC2046
builds static "$library/libstria.a" $(pkg-config --libs --static stria | sed 's/-lstria//')
cmp shared.out static.out || fail "the shared and the static library train differently"
if command -v readelf >/dev/null; then
    readelf -d shared | grep -q 'NEEDED.*libstria\.so\.[0-9]' || fail "the shared library has no version in its name"
    if readelf -d static | grep -q libstria; then fail "the static program needs the shared library"; fi
    # They and what they need would take most of a program's start, so they are loaded when used.
    for file in static shared "$prefix/bin/stria"; do
        if readelf -d "$file" | grep -E 'NEEDED.*lib(curl|hdf5|archive|tiff)'; then fail "$file is linked with a library that few runs need"; fi
    done
fi
make -C program CC="$cc" embed >make.log 2>&1 || { fail "examples/embed/Makefile:"; tail -n 5 make.log; }

# The names that docs/from-c.md has for CMake: both libraries.
mkdir cmake-program
cat >cmake-program/CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(program LANGUAGES C)
find_package(Stria 0.1 REQUIRED)
foreach(library stria stria_static)
    add_executable(with_${library} ../program/main.c)
    target_link_libraries(with_${library} PRIVATE Stria::${library})
endforeach()
CMAKE
if cmake -S cmake-program -B cmake-build -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$prefix" >cmake.log 2>&1 &&
    cmake --build cmake-build >>cmake.log 2>&1; then
    for target in stria stria_static; do
        cmake-build/with_$target mnist:data >with.out 2>&1 || { fail "with_$target did not learn:"; tail -n 3 with.out; }
        cmp with.out shared.out || fail "Stria::$target trains differently"
    done
else
    fail "find_package(Stria):"
    tail -n 10 cmake.log
fi

# The completion knows verbs and options.
if bash -c ". '$prefix/share/bash-completion/completions/stria'; COMP_WORDS=(stria train --opt) COMP_CWORD=2; _stria; echo \"\${COMPREPLY[*]}\"" \
    >completed 2>&1; then
    says completed --optimizer
else
    fail "the completion does not run: $(cat completed)"
fi

# A C++ compiler takes the header too.
if command -v c++ >/dev/null; then
    printf '#include <stria/stria.h>\nint main() { return stria_version() ? 0 : 1; }\n' >plus.cpp
    # shellcheck disable=SC2046
    c++ -Wall -Wextra -Werror plus.cpp -o plus $(pkg-config --cflags --libs stria) "-Wl,-rpath,$library" && ./plus || fail "C++ does not take the header"
fi

# The installed command works from anywhere.
(cd / && "$prefix/bin/stria" summary lenet5 >/dev/null) || fail "the installed command does not run"
finish
