/**
 * Which sessions have been touched and not journaled yet. The committer journals them once a second
 * and no sooner, so that a session that is touched all the time has one record a second.
 */
import type { Clock, Timer } from "../ports/clock.js";

/** How long touches are gathered before they are due. */
const DELAY_MS = 1000;

export class Touches {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #sids = new Set<string>();
  #due = false;
  #timer: Timer | null = null;

  /** @param onDue called when the touches are to be journaled */
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

  /** For when the session has another record that includes its touches. */
  delete(sid: string): void {
    this.#sids.delete(sid);
  }

  /** Removes and returns all ids if they are due, or none. */
  takeDue(): Set<string> {
    if (!this.#due) return new Set();
    this.#due = false;
    const taken = this.#sids;
    this.#sids = new Set();
    return taken;
  }

  /** Makes all touches due. */
  makeDue(): void {
    this.stop();
    this.#due = this.#sids.size > 0;
    if (this.#due) this.#onDue();
  }

  /** Sees to it that the touches, if there are any, become due or are taken. */
  schedule(): void {
    if (this.#sids.size === 0) return;
    if (this.#due) this.#onDue();
    else
      this.#timer ??= this.#clock.after(DELAY_MS, () => {
        this.makeDue();
      });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
