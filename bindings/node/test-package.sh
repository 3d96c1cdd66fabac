#!/bin/sh
# Installs the package from its archive into an empty project and uses it there, offline.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archive=$("$here/pack.sh" "$work")

# The end of a worker thread must not unmap code that threads of the runtime still run.
readelf -d "$here/aikit.node" | grep -q 'Flags:.*NODELETE'

# Exactly these files, so that neither sources nor tests are shipped and nothing is forgotten.
tar -tzf "$archive" | sort >"$work/shipped"
{
  printf 'package/%s\n' README.md aikit.node index.d.mts index.d.ts index.js index.mjs package.json
  (cd "$here" && find lib -type f | sed 's|^|package/|')
} | sort >"$work/expected"
diff "$work/expected" "$work/shipped"

mkdir "$work/project"
cd "$work/project"
echo '{"private": true}' >package.json
# No install script is needed, none may run, and nothing is fetched.
npm install --silent --offline --ignore-scripts --no-audit --no-fund "$archive"

cat >use.cjs <<'JS'
const { open, parseSpec, version } = require("@aikit/core");
const spec = { identity: { agent_id: "a" }, intelligence: { model: "scripted/a", script: [{ text: "hello" }] } };
(async () => {
  const kernel = await open();
  const agent = await kernel.agent(parseSpec(JSON.stringify(spec)));
  console.log(version, (await agent.run("go")).text);
})();
JS
cat >use.mjs <<'JS'
import * as core from "@aikit/core";
import { createRequire } from "node:module";
const required = createRequire(import.meta.url)("@aikit/core");
console.log(core.open === required.open, createRequire(import.meta.url)("@aikit/core/package.json").version);
JS
version=$(node -p 'require("@aikit/core/package.json").version')
test "$(node use.cjs)" = "$version hello"
test "$(node use.mjs)" = "true $version"
echo "the package installs and works: $(basename "$archive"), $(wc -c <"$archive") bytes"
echo "1 passed, 0 failed"
