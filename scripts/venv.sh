#!/bin/sh
# Makes a Python environment under .cache/venv once and prints the path of its interpreter.
#
#   scripts/venv.sh NAME REQUIREMENTS-FILE
#
# The second call with an unchanged requirements file does nothing but print. A changed file makes
# the environment anew, so that nothing of an older list is left in it.
set -eu

if [ $# -ne 2 ]; then
    echo "usage: scripts/venv.sh NAME REQUIREMENTS-FILE" >&2
    exit 2
fi

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
home=$root/.cache/venv/$1
wanted=$(sha256sum <"$2")
python=${PYTHON:-python3}

if [ "$(cat "$home/requirements.sha256" 2>/dev/null || true)" = "$wanted" ]; then
    echo "$home/bin/python"
    exit 0
fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
    echo "scripts/venv.sh: $python is older than Python 3.10; name another with PYTHON=" >&2
    exit 1
}

rm -rf "$home"
mkdir -p "$(dirname -- "$home")"
{
    "$python" -m venv "$home"
    "$home/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$2"
} >&2
# Written last: an interrupted installation is made anew.
printf '%s\n' "$wanted" >"$home/requirements.sha256"
echo "$home/bin/python"
