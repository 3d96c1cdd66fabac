"use strict";

const { openAdmin } = require("./lib/admin.js");
const { AikitError } = require("./lib/errors.js");
const { open } = require("./lib/kernel.js");
const { diagnose, editSpec, importSpec, loadSpec, parseSpec, specSchema } = require("./lib/spec.js");
const { version } = require("./package.json");

module.exports = {
  AikitError,
  diagnose,
  editSpec,
  importSpec,
  loadSpec,
  open,
  openAdmin,
  parseSpec,
  specSchema,
  version,
};
