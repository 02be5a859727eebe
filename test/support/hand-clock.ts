/** Owns time in tests of the engine: it stands still until a test moves it. */
import type { Clock, Timer } from "../../src/worker/clock.js";

interface Waiting {
  readonly at: number;
  readonly callback: () => void;
}

export class HandClock implements Clock {
  readonly #waiting = new Set<Waiting>();
  #now = Date.UTC(2030, 0, 1);

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): Timer {
    const waiting = { at: this.#now + ms, callback };
    this.#waiting.add(waiting);
    return { cancel: () => this.#waiting.delete(waiting) };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Moves the time on, and calls back what falls due on the way, at its own time and in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#waiting].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      this.#waiting.delete(next);
      this.#now = next.at;
      next.callback();
    }
    this.#now = end;
  }
}
