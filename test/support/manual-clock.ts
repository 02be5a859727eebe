/** Owns time in tests of the engine: it stands still until a test moves it. */
import { setImmediate as turn } from "node:timers/promises";
import type { Clock, Timer } from "../../src/worker/ports/clock.js";

const HOUR_MS = 3_600_000;

interface Alarm {
  readonly at: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now: number;
  #jumpedMs = 0;
  readonly #alarms = new Set<Alarm>();

  constructor(now = Date.UTC(2030, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  /** Stands still when the time of day jumps. */
  monotonic(): number {
    return this.#now - this.#jumpedMs;
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

  /** Time goes by without ringing anything: the process was stopped. */
  pass(ms: number): void {
    this.#now += ms;
  }

  /** Forgets all timers: the process that set them is gone. */
  clear(): void {
    this.#alarms.clear();
  }

  /** Moves on by `ms` at once, ringing what is due on the way, in order. */
  tick(ms: number): void {
    const end = this.#now + ms;
    while (this.#ringNext(end));
    this.#now = end;
  }

  /** Moves on by `ms`, ringing what is due on the way; what that starts comes to rest in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    do await settled();
    while (this.#ringNext(end));
    this.#now = end;
    await settled();
  }

  /** Moves on from timer to timer until the promise has settled; fails after `limitMs`. */
  async advanceUntil<T>(promise: Promise<T>, limitMs = HOUR_MS): Promise<T> {
    const limit = this.#now + limitMs;
    const state = { settled: false };
    const done = (): void => void (state.settled = true);
    promise.then(done, done);
    for (;;) {
      await settled();
      if (state.settled) return promise;
      if (!this.#ringNext(limit)) throw new Error(`not settled within ${limitMs} ms`);
    }
  }

  /** Moves on, or back, without ringing anything: the clock was set, or the machine suspended. */
  jump(ms: number): void {
    this.#now += ms;
    this.#jumpedMs += ms;
  }

  #ringNext(end: number): boolean {
    let next: Alarm | null = null;
    for (const alarm of this.#alarms) {
      if (alarm.at <= end && (next === null || alarm.at < next.at)) next = alarm;
    }
    if (next === null) return false;
    this.#alarms.delete(next);
    this.#now = Math.max(this.#now, next.at);
    next.callback();
    return true;
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
