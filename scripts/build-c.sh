#!/usr/bin/env bash
# Builds the C and C++ programs of this repository against what cargo has built: the handbook examples
# in target/examples, and the conformance adapter in target/conformance/c.
#
#   scripts/build-c.sh                 after `cargo build --workspace`
#
# They link to libaikit as a user would: through pkg-config, from an installation in target/prefix.
set -euo pipefail
cd "$(dirname "$0")/.."

PREFIX=$PWD/target/prefix
scripts/install.sh "$PREFIX" target/debug >/dev/null
export PKG_CONFIG_PATH="$PREFIX/lib/pkgconfig"
WARNINGS="-Wall -Wextra -Werror -pedantic"

# link COMPILER STANDARD SOURCES PROGRAM PACKAGE...
link() {
    local compiler=$1 standard=$2 sources=$3 program=$4
    shift 4
    mkdir -p "$(dirname "$program")"
    # shellcheck disable=SC2046,SC2086 # flags and sources are words
    "$compiler" "-std=$standard" $WARNINGS -O1 -g $sources -o "$program" \
        $(pkg-config --cflags --libs "$@") "-Wl,-rpath,$PREFIX/lib"
}

ADAPTER=tests/conformance/adapters/c
link "${CC:-cc}" gnu11 "$ADAPTER/adapter.c $ADAPTER/specs.c $ADAPTER/admin.c" target/conformance/c/adapter aikit libcjson
link "${CC:-cc}" gnu11 examples/c/handbook.c target/examples/c/handbook aikit libcjson
link "${CXX:-c++}" c++17 examples/cpp/handbook.cpp target/examples/cpp/handbook aikit libcjson
echo "built: target/conformance/c/adapter target/examples/c/handbook target/examples/cpp/handbook"
