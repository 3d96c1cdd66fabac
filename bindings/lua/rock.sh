#!/bin/sh
# What the rockspec runs: `rock.sh LUA [FOLDER]` builds the module for this interpreter and, with a
# folder, installs it there. AIKIT_PROFILE names the cargo profile (default: release).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..

name=$("$1" -e 'print(rawget(_G, "jit") and "luajit" or _VERSION:match("%d+%.%d+"))')
AIKIT_PROFILE=${AIKIT_PROFILE:-release} "$root/scripts/build-lua.sh" "$name"
[ $# -lt 2 ] || {
    mkdir -p "$2"
    cp "${CARGO_TARGET_DIR:-$root/target}/lua/$name/aikit.so" "$2/aikit.so"
}
