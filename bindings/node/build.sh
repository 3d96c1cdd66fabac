#!/bin/sh
# Puts the native module that cargo built beside index.js: build.sh [debug|release]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
profile=${1:-debug}
target=${CARGO_TARGET_DIR:-$here/../../target}
built=$target/$profile/libaikit_node.so
if [ ! -f "$built" ]; then
  echo "build.sh: $built is not there; run 'cargo build --workspace' first" >&2
  exit 1
fi
# To another name first: a process that has the old file mapped must not see it change.
cp "$built" "$here/aikit.node.new"
mv -f "$here/aikit.node.new" "$here/aikit.node"
