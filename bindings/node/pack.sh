#!/bin/sh
# Makes the npm package of the native module that build.sh put here: pack.sh [FOLDER]
# Prints the path of the archive. The package is for this machine's kind of machine only, and its
# package.json says so; what npm publishes for several is one archive each.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
out=$(CDPATH='' cd -- "${1:-.}" && pwd)
if [ ! -f "$here/aikit.node" ]; then
  echo "pack.sh: aikit.node is not there; run build.sh first" >&2
  exit 1
fi
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cd "$here"
cp -R package.json README.md index.js index.mjs index.d.ts index.d.mts lib aikit.node "$stage"
node - "$stage/package.json" <<'JS'
const { readFileSync, writeFileSync } = require("node:fs");
const file = process.argv[2];
const description = JSON.parse(readFileSync(file, "utf8"));
description.os = [process.platform];
description.cpu = [process.arch];
delete description.scripts;
delete description.devDependencies;
writeFileSync(file, `${JSON.stringify(description, null, 2)}\n`);
JS
cd "$stage"
archive=$(npm pack --silent --pack-destination "$out")
echo "$out/$archive"
