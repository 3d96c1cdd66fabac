// The same module for `import`: one copy of the classes, whichever way it is loaded.
import core from "./index.js";

export const { AikitError, loadSpec, open, parseSpec, version } = core;
