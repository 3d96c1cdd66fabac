#!/bin/bash
# A C program that opens and closes Lua states with live runs: see _states.c.
set -eu
case $LUA_CPATH in
    */luajit/*) library=luajit ;;
    *) library=lua5.4 ;;
esac
# shellcheck disable=SC2046 # several words each
"${CC:-cc}" -std=c11 -D_DEFAULT_SOURCE -Wall -Wextra -Werror -pthread \
    "$AIKIT_ROOT/tests/lifecycle/lua/_states.c" -o states \
    $(pkg-config --cflags "$library") $(pkg-config --libs "$library") -ldl
AIKIT_MODULE=${LUA_CPATH%/\?.so*}/aikit.so ./states
