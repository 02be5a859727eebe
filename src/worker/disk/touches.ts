/** Touches that are in memory only: gathered by session until a commit takes them along, or soon. */
import type { Clock, Timer } from "../ports/clock.js";

/** A touch that finds no commit to ride on is journalled after this long. */
const DELAY_MS = 1000;

export class Touches {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #sids = new Set<string>();
  #timer: Timer | null = null;

  /** @param onDue called when the touches must wait no longer for a commit */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** How many sessions have one. */
  get size(): number {
    return this.#sids.size;
  }

  add(sid: string): void {
    this.#sids.add(sid);
  }

  /** Hands over the ids of all sessions that have one. */
  take(): Set<string> {
    const taken = this.#sids;
    this.#sids = new Set();
    return taken;
  }

  /** Starts the delay, where there are touches and it has not been started. */
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
