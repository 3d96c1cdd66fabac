"use strict";

const { Operation } = require("./operation.js");

/**
 * A run under way. Reading its events or asking for its result drives it; until one of the two
 * happens it is held back once its queue is full.
 */
class Run {
  #operation;
  #events = [];
  #result;

  /** For `agent.start`. */
  constructor(begin, settings) {
    this.#operation = new Operation(begin, settings);
  }

  /**
   * The events, in order. Leaving the loop before the end cancels the run. A run that fails gives
   * its `run_failed` event and then throws, so that a loop that looks at text only sees it too.
   */
  [Symbol.asyncIterator]() {
    // From now on, not from the first `next`: events that come between the two must not get lost.
    this.#operation.onEvents ??= (events) => {
      this.#events.push(...events);
    };
    return this.#read();
  }

  async *#read() {
    const operation = this.#operation;
    try {
      for (;;) {
        // Batch by batch: the next one is taken when this one has been read.
        const batch = this.#events;
        this.#events = [];
        for (const event of batch) {
          if (operation.aborted) break;
          yield event;
        }
        if (this.#events.length > 0 && !operation.aborted) continue;
        if (operation.outcome !== undefined) break;
        await operation.advance();
      }
    } finally {
      if (operation.outcome === undefined) operation.abandon();
    }
    if (operation.failed) throw operation.failure();
  }

  /**
   * The result, once the run has ended. Always the same promise. Its rejection counts as handled,
   * so a run may be watched with `for await` while its result is asked for only afterwards.
   */
  result() {
    if (this.#result === undefined) {
      this.#result = this.#operation.finish();
      this.#result.catch(() => {});
    }
    return this.#result;
  }

  /** Asks the run to stop: it ends soon after with status `cancelled` and its partial text. */
  cancel() {
    this.#operation.cancel();
  }
}

module.exports = { Run };
