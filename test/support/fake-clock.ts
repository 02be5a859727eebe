/** Owns time in tests: a clock that stands still until it is turned. */
import { setImmediate as turn } from "node:timers/promises";

import type { Clock, Timer } from "../../src/worker/clock.js";

/** Turns of the event loop after which something that has no timer will not happen any more. */
const PATIENCE = 1000;

export class FakeClock implements Clock {
  /** Epoch milliseconds. Setting it fires nothing. */
  time: number;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  constructor(time: number) {
    this.time = time;
  }

  now(): number {
    return this.time;
  }

  after(ms: number, callback: () => void): Timer {
    const timer = { at: this.time + ms, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Forgets all timers: the process that they belonged to is gone. */
  clear(): void {
    this.#timers.clear();
  }

  /** Moves on. Each timer fires at its time, and what it starts comes to rest before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    await turn();
    while (this.#fireNext(end)) await turn();
    this.time = end;
  }

  /** The outcome of something that may wait for timers: they are fired one by one until it is there. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => void (settled = true);
    promise.then(settle, settle);
    for (let turns = 0; ; turns++) {
      await turn();
      if (settled as boolean) return promise;
      if (turns % 10 === 9) this.#fireNext(Infinity);
      if (turns > PATIENCE) throw new Error("waits for something that will not happen");
    }
  }

  #fireNext(end: number): boolean {
    const [next] = [...this.#timers].sort((a, b) => a.at - b.at);
    if (next === undefined || next.at > end) return false;
    this.#timers.delete(next);
    this.time = Math.max(this.time, next.at);
    next.callback();
    return true;
  }
}
