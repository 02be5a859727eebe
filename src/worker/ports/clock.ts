/** The clock of the engine; tests replace it with one that they set by hand. */
import { clearTimeout, monotonic, setTimeout } from "../../protocol/timers.js";

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Milliseconds since an arbitrary moment, unaffected by changes of the system time. */
  monotonic(): number;
  /** Calls back once after `ms`, without keeping the process alive. */
  after(ms: number, callback: () => void): Timer;
}

/** A moment by both clocks: one of them may have stood still with the machine, or been set. */
export interface Moment {
  readonly time: number;
  readonly monotonic: number;
}

export function momentOf(clock: Clock): Moment {
  return { time: clock.now(), monotonic: clock.monotonic() };
}

/** How long ago that was, in milliseconds, by whichever clock says more. */
export function elapsedSince({ time, monotonic: since }: Moment, clock: Clock): number {
  return Math.max(clock.now() - time, clock.monotonic() - since);
}

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}

export interface Timer {
  cancel(): void;
}

/** With a longer delay setTimeout fires at once: 2^31 - 1 ms, or 24.8 days. */
const MAX_DELAY_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic,
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, MAX_DELAY_MS));
    timer.unref();
    return {
      cancel: () => {
        clearTimeout(timer);
      },
    };
  },
};
