/** Errors that no call waits for: an `error` event, else a process warning, never silence. */
import type { EventEmitter } from "node:events";

import type { Report } from "../protocol/errors.js";
import { monotonic, nextTick } from "../protocol/timers.js";

const WARN_AGAIN_MS = 3_600_000;

/**
 * Emits the `error` event of an emitter if it has a listener for it; if not, a process warning with
 * the code, once an hour for each code.
 */
export function reporter(emitter: EventEmitter): Report<Error> {
  const warnedAt = new Map<string, number>();
  const report: Report<Error> = (error) => {
    // An `error` event without a listener would end the process.
    if (emitter.listenerCount("error") > 0) {
      emitter.emit("error", error);
      return;
    }
    const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
    const now = monotonic();
    if (now - (warnedAt.get(code) ?? -Infinity) < WARN_AGAIN_MS) return;
    warnedAt.set(code, now);
    process.emitWarning(error.message, { type: "SessionStoreWarning", code });
  };
  // On a later tick, so that an exception in a listener cannot reach into the store.
  return (error) => {
    nextTick(report, error);
  };
}
