/**
 * When deleted sessions leave the files. They are in the journal and the snapshot until these are
 * rewritten, which on a quiet server may not happen for months.
 */
import type { Clock, Timer } from "../ports/clock.js";

const DAY_MS = 86_400_000;

export class Erasure {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #timer: Timer | null = null;

  /** @param onDue called a day after the first deletion: the files have to be rewritten */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Notes that a session that was deleted then, in epoch milliseconds, may be in the files. */
  note(deletedAt: number): void {
    const now = this.#clock.now();
    // The clock may have been set back since.
    const dueMs = Math.min(Math.max(0, deletedAt + DAY_MS - now), DAY_MS);
    this.#timer ??= this.#clock.after(dueMs, () => {
      this.#timer = null;
      this.#onDue();
    });
  }

  /** For when the files are being rewritten. */
  reset(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
