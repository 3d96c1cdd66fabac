"use strict";

const { invalid } = require("./errors.js");
const { kind } = require("./options.js");

const KEYS = { data: "data", url: "url", mediaType: "media_type" };

/** Pictures as the core takes them. */
function images(given) {
  if (!Array.isArray(given)) throw invalid(`images must be an array, not ${kind(given)}`);
  return given.map(image);
}

function image(given, i) {
  if (given instanceof Uint8Array) return { data: base64(given) };
  if (typeof given === "string") return { url: given };
  if (given === null || typeof given !== "object") {
    throw invalid(`images[${i}] must be bytes, an address or an object, not ${kind(given)}`);
  }
  const taken = {};
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(KEYS, key)) throw invalid(`images[${i}]: there is no ${JSON.stringify(key)}`);
    taken[KEYS[key]] = value instanceof Uint8Array ? base64(value) : value;
  }
  return taken;
}

function base64(bytes) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

module.exports = { images };
