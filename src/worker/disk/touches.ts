/**
 * Which sessions have been touched and not journaled yet: they wait for a commit, but not for long.
 * The committer journals them.
 */
import type { Clock, Timer } from "../ports/clock.js";

/** After this delay, touches get a commit of their own. */
const DELAY_MS = 1000;

export class Touches {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #sids = new Set<string>();
  #timer: Timer | null = null;

  /** @param onDue called when the touches have waited long enough for a commit */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#sids.size;
  }

  add(sid: string): void {
    this.#sids.add(sid);
  }

  /** Removes and returns all ids. */
  take(): Set<string> {
    const taken = this.#sids;
    this.#sids = new Set();
    return taken;
  }

  /** Starts the delay if there are touches and it is not running. */
  schedule(): void {
    if (this.#sids.size === 0) return;
    this.#timer ??= this.#clock.after(DELAY_MS, () => {
      this.#timer = null;
      this.#onDue();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
