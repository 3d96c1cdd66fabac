#!/usr/bin/env bash
# Installs the system packages that building and testing aikit needs, and only those that are
# missing. Asks nothing; the second time it does nothing. Works as root or through sudo.
#
#   scripts/setup.sh            install what is missing
#   scripts/setup.sh --check    only say what is missing (exit status 1 if anything is)
set -euo pipefail

RUST_MINIMUM=1.95
NODE_MINIMUM=20

# package | how to see that it is there ("" asks the package database) | what it is for
NEEDS='
gcc|command -v cc|links the modules; builds SQLite and the C example
g++|command -v c++|the C++ example and the header test
make|command -v make|the Makefile
pkg-config|command -v pkg-config|the test of an installed libaikit
cmake|command -v cmake|the test of the installed CMake package
git|command -v git|the check of what is committed
libcjson-dev||JSON for the C and C++ programs among the tests
valgrind|command -v valgrind|memory tests of the C ABI
lua5.4|command -v lua5.4|Lua module
liblua5.4-dev||Lua module, as a rock
lua5.1|command -v lua5.1|Lua module
liblua5.1-0-dev||Lua module, as a rock
luajit|command -v luajit|Lua module
libluajit-5.1-dev||Lua module, as a rock
luarocks|command -v luarocks|Lua module, as a rock
lua-busted|command -v busted|Lua tests
python3|command -v python3|Python module; the scripts of this repository
python3-venv|python3 -c "import venv, ensurepip"|Python module: a private environment for its tests
nodejs|command -v node|Node module
npm|command -v npm|Node module: type check and package test
pgbouncer||a pooler before the PostgreSQL of the tests; only the program is used
'

say() { printf '%s\n' "$*"; }

# True when version $1 is at least $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

check_rust() {
    PATH="$PATH:$HOME/.cargo/bin"
    if ! command -v cargo >/dev/null; then
        say "setup: Rust is missing. Install $RUST_MINIMUM or newer as https://rustup.rs describes:"
        say "    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y"
        say "then run this again."
        return 1
    fi
    local found
    found=$(rustc --version | cut -d' ' -f2)
    if ! at_least "$found" "$RUST_MINIMUM"; then
        say "setup: Rust $found is too old, aikit needs $RUST_MINIMUM: run 'rustup update stable'."
        return 1
    fi
}

check_node() {
    command -v node >/dev/null || return 0
    local found
    found=$(node --version | tr -d v)
    if ! at_least "$found" "$NODE_MINIMUM"; then
        say "setup: Node.js $found is too old, aikit needs $NODE_MINIMUM: see https://nodejs.org."
        return 1
    fi
}

missing_packages() {
    local package test reason
    while IFS='|' read -r package test reason; do
        [ -n "$package" ] || continue
        if [ -n "$test" ]; then
            bash -c "$test" >/dev/null 2>&1 || say "$package|$reason"
        else
            dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
                say "$package|$reason"
        fi
    done <<<"$NEEDS"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        sudo "$@"
    else
        say "setup: this needs root and there is no sudo here. Run as root:"
        say "    $*"
        return 1
    fi
}

main() {
    local missing packages
    if ! command -v apt-get >/dev/null; then
        check_rust
        say "setup: not a Debian or Ubuntu system, so nothing is installed. aikit needs the following"
        say "(names as Debian has them):"
        printf '%s' "$NEEDS" | awk -F'|' 'NF == 3 { printf "    %-18s %s\n", $1, $3 }'
        return 0
    fi

    missing=$(missing_packages)
    if [ -n "$missing" ]; then
        if [ "${1:-}" = --check ]; then
            say "setup: missing:"
        else
            say "setup: installing with apt-get:"
        fi
        printf '%s\n' "$missing" | awk -F'|' '{ printf "    %-18s %s\n", $1, $2 }'
        [ "${1:-}" != --check ] || return 1
        packages=$(printf '%s\n' "$missing" | cut -d'|' -f1)
        as_root apt-get update -qq
        # shellcheck disable=SC2086 # one word a package is what is meant
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends $packages >/dev/null
        missing=$(missing_packages)
        if [ -n "$missing" ]; then
            say "setup: still missing after the installation:"
            printf '%s\n' "$missing" | awk -F'|' '{ printf "    %-18s %s\n", $1, $2 }'
            return 1
        fi
    fi
    check_rust
    check_node
    say "setup: everything is there ($(rustc --version | cut -d' ' -f1,2), node $(node --version)," \
        "$(python3 --version), $(lua5.4 -v 2>&1 | cut -d' ' -f1,2))"
}

main "$@"
