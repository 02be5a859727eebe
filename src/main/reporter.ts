/** Errors that no call waits for: an `error` event, else a process warning, never silence. */
import type { EventEmitter } from "node:events";

import type { Report } from "../protocol/errors.js";

/**
 * Emits the `error` event of an emitter if it has a listener for it; if not, emits a process
 * warning with the code, once per code.
 */
export function reporter(emitter: EventEmitter): Report<Error> {
  const warned = new Set<string>();
  const report: Report<Error> = (error) => {
    // An `error` event without a listener would end the process.
    if (emitter.listenerCount("error") > 0) {
      emitter.emit("error", error);
      return;
    }
    const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
    if (!warned.has(code)) {
      warned.add(code);
      process.emitWarning(error.message, { type: "SessionStoreWarning", code });
    }
  };
  // On a later tick, so that an exception in a listener cannot reach into the store.
  return (error) => {
    process.nextTick(report, error);
  };
}
