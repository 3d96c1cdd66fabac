#!/usr/bin/env bash
# Installs libaikit, its headers, its pkg-config and CMake files, and the command `aikit`.
#
#   scripts/install.sh PREFIX                 builds a release first
#   scripts/install.sh PREFIX FOLDER          takes what cargo has built in FOLDER (target/debug)
#
# DESTDIR is put before PREFIX for packagers, and does not stand in the files.
set -euo pipefail

[ $# -ge 1 ] && [ $# -le 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
case $1 in
/*) PREFIX=${1%/} ;;
*) PREFIX=$PWD/${1%/} ;;
esac
BUILT=${2:-}
[ -z "$BUILT" ] || BUILT=$(cd "$BUILT" && pwd)

cd "$(dirname "$0")/.."
if [ -z "$BUILT" ]; then
    cargo build --release --package aikit-ffi --package aikit-cli
    BUILT=$PWD/target/release
fi

VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
IFS=. read -r MAJOR MINOR _ <<<"$VERSION"
# What a Rust standard library, SQLite and the I/O runtime need of the system.
STATIC_LIBS="-lpthread -ldl -lm"
TO=${DESTDIR:-}$PREFIX

fill() {
    sed -e "s|@PREFIX@|$PREFIX|g" -e "s|@VERSION@|$VERSION|g" -e "s|@VERSION_MAJOR@|$MAJOR|g" \
        -e "s|@VERSION_MINOR@|$MINOR|g" -e "s|@STATIC_LIBS@|$STATIC_LIBS|g" "$1" >"$2"
    chmod 644 "$2"
}

install -d "$TO/lib/pkgconfig" "$TO/lib/cmake/aikit" "$TO/include" "$TO/bin"
install -m 644 include/aikit.h include/aikit.hpp include/aikit_base.hpp "$TO/include/"
install -m 755 "$BUILT/libaikit_ffi.so" "$TO/lib/libaikit.so.$VERSION"
install -m 644 "$BUILT/libaikit_ffi.a" "$TO/lib/libaikit.a"
ln -sf "libaikit.so.$VERSION" "$TO/lib/libaikit.so.0"
ln -sf libaikit.so.0 "$TO/lib/libaikit.so"
fill packaging/aikit.pc.in "$TO/lib/pkgconfig/aikit.pc"
fill packaging/aikitConfig.cmake.in "$TO/lib/cmake/aikit/aikitConfig.cmake"
fill packaging/aikitConfigVersion.cmake.in "$TO/lib/cmake/aikit/aikitConfigVersion.cmake"
# A folder of cargo's inside may hold the library only.
[ ! -x "$BUILT/aikit" ] || install -m 755 "$BUILT/aikit" "$TO/bin/"
echo "aikit $VERSION is installed in $TO"
