#!/usr/bin/env bash
# Makes the Python module usable, out of what `cargo build --workspace` has built.
#
#   scripts/build-python.sh          puts the native module beside the package, for use from the tree
#   scripts/build-python.sh wheel    also packs target/python/aikit-*.whl and prints its path
set -euo pipefail
cd "$(dirname "$0")/.."

built=${CARGO_TARGET_DIR:-target}/debug/lib_aikit.so
package=bindings/python/aikit
wheels=target/python

if [ ! -f "$built" ]; then
    echo "build-python.sh: $built is missing: run 'cargo build --workspace' first" >&2
    exit 1
fi

# Renamed into place: programs that run right now keep the file that they have mapped.
if ! cmp -s "$built" "$package/_aikit.abi3.so"; then
    cp "$built" "$package/.new.so"
    mv "$package/.new.so" "$package/_aikit.abi3.so"
fi

if [ "${1:-}" = wheel ]; then
    python=$(scripts/venv.sh python bindings/python/requirements-dev.txt)
    rm -rf "$wheels"
    mkdir -p "$wheels"
    # Without debug information: packing that takes longer than building.
    strip --strip-debug -o "$wheels/lib_aikit.so" "$built"
    library=$PWD/$wheels/lib_aikit.so
    output=$PWD/$wheels
    (cd bindings/python &&
        AIKIT_NATIVE_LIBRARY=$library "$python" -m hatchling build -t wheel -d "$output" >&2)
    rm "$library"
    echo "$wheels"/aikit-*.whl
fi
