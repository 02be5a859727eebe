/** Time, as the engine sees it; a test turns it by hand. */

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Milliseconds since some moment, whatever becomes of the time of day. */
  monotonic(): number;
  /** Calls back once, after `ms`. Does not keep the process alive. */
  after(ms: number, callback: () => void): Timer;
}

/** Resolves after `ms`. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}

export interface Timer {
  cancel(): void;
}

/** Above this, setTimeout fires at once: 2^31 - 1 ms, 24.8 days. */
const MAX_DELAY_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
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
