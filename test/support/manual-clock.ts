/** Owns time in tests of the engine: it stands still until a test moves it. */
import { setImmediate as turn } from "node:timers/promises";
import type { Clock, Timer } from "../../src/worker/clock.js";

interface Alarm {
  readonly at: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now: number;
  readonly #alarms = new Set<Alarm>();

  constructor(now = Date.UTC(2030, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): Timer {
    const alarm = { at: this.#now + ms, callback };
    this.#alarms.add(alarm);
    return { cancel: () => this.#alarms.delete(alarm) };
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#alarms.size;
  }

  /** Moves on by `ms`, ringing what is due on the way, in order, and lets what that started run. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settled();
      const [next] = [...this.#alarms].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#alarms.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = end;
    await settled();
  }

  /** Moves on, by steps, until the promise has settled; fails if that takes more than `limitMs`. */
  async advanceUntil<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    const limit = this.#now + limitMs;
    const state = { settled: false };
    const done = (): void => void (state.settled = true);
    promise.then(done, done);
    for (;;) {
      await settled();
      if (state.settled) return promise;
      if (this.#now >= limit) throw new Error(`not settled within ${limitMs} ms`);
      await this.advance(50);
    }
  }

  /** Moves on without ringing anything: the machine was suspended, or its clock was set. */
  jump(ms: number): void {
    this.#now += ms;
  }
}

/** What the thread pool does for the engine. */
const UNDER_WAY = /^FSReq|PBKDF2|DeriveBits/;

/** Lets file operations, and what waits for them, come to rest. */
async function settled(): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet++) {
    await turn();
    if (process.getActiveResourcesInfo().some((name) => UNDER_WAY.test(name))) quiet = -1;
  }
}
