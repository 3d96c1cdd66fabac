"use strict";

const { types } = require("node:util");
const { native } = require("./errors.js");
const { kind } = require("./options.js");

/**
 * Runs the tool that the model called, or the function that answers in the place of a model, and
 * answers the call: with the function's result, or with
 * what it threw. Never rejects.
 */
async function answer(tools, call) {
  try {
    const run = tools.get(call.name);
    if (run === undefined) {
      call.fail(`"${call.name}" was registered by another part of the process`);
      return;
    }
    const value = await run(JSON.parse(call.arguments));
    reply(call, value);
  } catch (error) {
    call.fail(...described(error));
  }
}

function reply(call, value) {
  const encoded = value === undefined ? "null" : JSON.stringify(value);
  if (encoded === undefined) throw new TypeError(`the function returned ${kind(value)}, not a JSON value`);
  native(() => call.succeed(encoded));
}

/** Message and cause of whatever was thrown; JavaScript allows to throw anything. */
function described(thrown) {
  try {
    if (types.isNativeError(thrown) || thrown instanceof Error) {
      return [String(thrown.message || thrown.name), String(thrown.stack)];
    }
    return [String(thrown)];
  } catch {
    return ["the function threw a value that cannot be shown"];
  }
}

module.exports = { answer };
