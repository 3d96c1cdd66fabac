"use strict";

const { AikitError, native } = require("./errors.js");
const { answer } = require("./tools.js");

/** How many events one native call hands over at most: as many as wait in the core's queue. */
const BATCH = 256;

const NO_TOOLS = new Map();

/**
 * An operation of the core's, driven on the event loop: takes its steps, answers its tool calls,
 * and knows its outcome. While it is being driven the event loop stays alive; an operation that
 * nobody drives is held back by the core.
 */
class Operation {
  #task;
  #tools;
  #signal;
  #onAbort;
  #waiters = [];
  #pumping = false;
  #toTheEnd = false;
  #aborted = false;

  /** Undefined until the end, then `{ value }`, `{ error }` or `{ document }` of an error. */
  outcome;

  /**
   * @param begin starts the native task. Not called if the signal is aborted already; what it
   *   throws is the outcome, so that the caller has one place where errors come from.
   * @param onEvents takes a batch of events.
   */
  constructor(begin, { tools = NO_TOOLS, signal, onEvents } = {}) {
    this.#tools = tools;
    this.onEvents = onEvents;
    if (signal?.aborted) {
      this.#settle({ error: signal.reason });
      return;
    }
    try {
      this.#task = native(begin);
    } catch (error) {
      this.#settle({ error });
      return;
    }
    if (signal !== undefined) {
      this.#signal = signal;
      this.#onAbort = () => this.#abort();
      signal.addEventListener("abort", this.#onAbort, { once: true });
    }
  }

  /** Resolved when there are new events or the outcome. Never rejects. */
  advance() {
    if (this.outcome !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#pump();
    });
  }

  /** Drives the operation to its end without waiting for a reader of events. */
  async finish() {
    this.#toTheEnd = true;
    while (this.outcome === undefined) await this.advance();
    if (this.failed) throw this.failure();
    return this.outcome.value;
  }

  get failed() {
    return "error" in this.outcome || "document" in this.outcome;
  }

  /** What it failed with. Made where it is asked for, so that its stack leads to the caller. */
  failure() {
    if (this.outcome.document !== undefined) {
      this.outcome = { error: new AikitError(this.outcome.document) };
    }
    return this.outcome.error;
  }

  cancel() {
    this.#task?.cancel();
  }

  /** Whether the signal has ended it. */
  get aborted() {
    return this.#aborted;
  }

  /** Cancels and lets the operation come to its end by itself. */
  abandon() {
    this.onEvents = undefined;
    this.cancel();
    this.#toTheEnd = true;
    this.#pump();
  }

  #abort() {
    this.#aborted = true;
    this.#settle({ error: this.#signal.reason });
    this.abandon();
  }

  /** Takes batches: one if somebody waits for the next, all of them if it is to run to its end. */
  async #pump() {
    // One at a time: the native task has place for one promise of readiness.
    if (this.#pumping || this.#task === undefined) return;
    this.#pumping = true;
    try {
      do {
        this.#deliver(await this.#batch());
      } while (this.#task !== undefined && (this.#toTheEnd || this.#waiters.length > 0));
    } catch (error) {
      this.#task = undefined;
      this.#settle({ error });
    } finally {
      this.#pumping = false;
    }
  }

  async #batch() {
    // Lets the code that asked go on first: it may be about to attach a reader of events.
    await undefined;
    for (;;) {
      const batch = this.#task.drain(BATCH);
      if (batch !== null) return batch;
      await this.#task.ready();
    }
  }

  #deliver(batch) {
    if (batch.events !== undefined && this.onEvents !== undefined) {
      this.onEvents(JSON.parse(batch.events));
    }
    if (batch.call !== undefined) {
      if (this.#aborted) batch.call.fail("the caller aborted the operation");
      else answer(this.#tools, batch.call);
    }
    if (batch.done) {
      this.#task = undefined;
      this.#settle(outcomeOf(batch));
    } else if (batch.events !== undefined) {
      this.#wake();
    }
  }

  #settle(outcome) {
    this.outcome ??= outcome;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#wake();
  }

  #wake() {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}

function outcomeOf({ error, json, kernel, agent, admin, spec }) {
  if (error !== undefined) return { document: JSON.parse(error) };
  if (json !== undefined) return { value: JSON.parse(json) };
  return { value: kernel ?? agent ?? admin ?? spec };
}

/** Runs an operation that shows no events to its end. */
function perform(begin, settings) {
  return new Operation(begin, settings).finish();
}

module.exports = { Operation, perform };
