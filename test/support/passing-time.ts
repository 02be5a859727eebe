/** Owns the time that a test lets pass. For `vi.mock("…/src/protocol/timers.js", …)`. */
import type * as timers from "../../src/protocol/timers.js";

let passedMs = 0;

/** Moves the monotonic clock. */
export function passTime(ms: number): void {
  passedMs += ms;
}

export function withPassingTime(original: typeof timers): typeof timers {
  return { ...original, monotonic: () => original.monotonic() + passedMs };
}
