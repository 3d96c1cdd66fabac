#!/bin/sh
# Builds the Lua module and puts it where `require("aikit")` finds it:
#
#   scripts/build-lua.sh [5.1|5.2|5.3|5.4|luajit] ...     (default: 5.4)
#   LUA_CPATH="target/lua/5.4/?.so;;" lua5.4 program.lua
#
# AIKIT_PROFILE=release builds the module alone, with optimisation. The default is the dev profile,
# built with the whole workspace, whose other parts are the same for each Lua and built once.
set -eu
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- 5.4
profile=${AIKIT_PROFILE:-dev}
target=${CARGO_TARGET_DIR:-target}
# The other parts keep their default features: a Lua is chosen by leaving the default out.
others="aikit/default,aikit-ffi/default,aikit-cli/default,aikit-node/default,aikit-python/default"
case $profile in
    dev) folder=debug scope="--workspace --keep-going" rest="aikit-lua/local,$others" ;;
    *) folder=$profile scope="--package aikit-lua" rest=aikit-lua/local ;;
esac

for lua in "$@"; do
    case $lua in
        5.1 | 5.2 | 5.3 | 5.4) feature=lua$(echo "$lua" | tr -d .) ;;
        luajit) feature=luajit ;;
        *)
            echo "build-lua.sh: no such Lua: $lua (5.1, 5.2, 5.3, 5.4 or luajit)" >&2
            exit 2
            ;;
    esac
    # shellcheck disable=SC2086 # two words
    cargo build $scope --profile "$profile" --no-default-features --features "aikit-lua/$feature,$rest"
    mkdir -p "$target/lua/$lua"
    # A new file under the old name: a process that runs the old one keeps it.
    cp "$target/$folder/libaikit_lua.so" "$target/lua/$lua/aikit.so.$$"
    mv "$target/lua/$lua/aikit.so.$$" "$target/lua/$lua/aikit.so"
done
