/** What goes wrong while nobody waits for an answer: an event, else a warning, never silence. */
import type { EventEmitter } from "node:events";

import type { Report } from "../protocol/errors.js";

/**
 * Reports through the `error` event of an emitter where somebody listens, else as a process warning
 * with the code, once for each.
 */
export function reporter(emitter: EventEmitter): Report<Error> {
  const warned = new Set<string>();
  const report: Report<Error> = (error) => {
    // An `error` event that nobody listens to would end the process.
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
