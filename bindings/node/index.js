"use strict";

const { AikitError } = require("./lib/errors.js");
const { loadSpec, open, parseSpec } = require("./lib/kernel.js");
const { version } = require("./package.json");

module.exports = { AikitError, loadSpec, open, parseSpec, version };
