// The same module for `import`: one copy of the classes, whichever way it is loaded.
import core from "./index.js";

export const {
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
} = core;
