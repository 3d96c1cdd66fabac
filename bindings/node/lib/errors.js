"use strict";

/** How native functions mark an exception whose message is an error document. */
const MARKER = "AIKIT_ERROR";

/** Every failure of aikit. `code` is a stable word, the same in every language. */
class AikitError extends Error {
  constructor(document) {
    super(document.message, document.cause === undefined ? undefined : { cause: document.cause });
    this.code = document.code;
    this.retryable = document.retryable;
    if (document.status !== undefined) this.status = document.status;
    if (document.request_id !== undefined) this.requestId = document.request_id;
    if (document.retry_after !== undefined) this.retryAfter = document.retry_after;
    for (const key of ["path", "line", "column", "hint", "diagnostics"]) {
      if (document[key] !== undefined) this[key] = document[key];
    }
  }

  /** The error document, as it is in every language. */
  toJSON() {
    const { code, message, retryable, path, line, column, hint, cause, diagnostics } = this;
    const { status, requestId: request_id, retryAfter: retry_after } = this;
    const known = { path, line, column, hint, cause, status, request_id, retry_after, diagnostics };
    return { code, message, retryable, ...known };
  }
}
// Not enumerable, as on the built-in errors.
Object.defineProperty(AikitError.prototype, "name", {
  value: "AikitError",
  configurable: true,
  writable: true,
});

function invalid(message, hint) {
  return new AikitError({ code: "invalid_argument", message, retryable: false, hint });
}

/** Calls a native function; what it throws becomes an `AikitError`. */
function native(call) {
  try {
    return call();
  } catch (error) {
    throw translated(error);
  }
}

function translated(error) {
  if (error?.code !== MARKER) return error;
  const translation = new AikitError(JSON.parse(error.message));
  // The frames of this file and of the native call say nothing to the caller.
  Error.captureStackTrace?.(translation, native);
  return translation;
}

module.exports = { AikitError, invalid, native };
