"use strict";

const { isMainThread } = require("node:worker_threads");
const { version } = require("../package.json");

function load() {
  try {
    return require("../aikit.node");
  } catch (cause) {
    const { platform, arch, versions } = process;
    throw new Error(
      `@aikit/core ${version} has no native module that loads on ${platform}-${arch} with Node.js ` +
        `${versions.node}: ${cause.message}`,
      { cause },
    );
  }
}

const addon = load();
if (addon.version() !== version) {
  throw new Error(
    `@aikit/core is ${version} but its native module aikit.node is ${addon.version()}: ` +
      "the installation is mixed, install the package again",
  );
}
if (isMainThread) addon.stopAtExit();

module.exports = addon;
