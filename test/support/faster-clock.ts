/** Owns a clock that begins with the date and goes faster, for tests of what waits for long by itself. */
import { type Clock, systemClock } from "../../src/worker/ports/clock.js";

const FASTER = 4;

export function fasterClock(): Clock {
  const start = systemClock.now();
  return {
    now: () => start + (systemClock.now() - start) * FASTER,
    monotonic: () => systemClock.monotonic() * FASTER,
    after: (ms, callback) => systemClock.after(ms / FASTER, callback),
  };
}
