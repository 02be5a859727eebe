/** Calls that wait, and fail when their time is over. */
import { clearTimeout, monotonic, setImmediate, setTimeout } from "../../protocol/timers.js";

export interface Waiting {
  /** By `monotonic()`. */
  readonly deadline: number;
  /** Called when the deadline has passed. */
  readonly expire: () => void;
  /** Where it is kept while it waits; -1 before. */
  place: number;
}

/** All that wait are looked through no more often than that. */
const LOOK_MS = 10;

export class Patience {
  /**
   * No set: when V8 makes room in one, it leaves the old table with a link to the new one. A table that
   * is garbage, and old, so keeps alive whatever comes after it, until old objects are collected.
   */
  readonly #waiting: (Waiting | null)[] = [];
  /** The places in it that are free. */
  readonly #free: number[] = [];
  #timer: NodeJS.Timeout | null = null;
  /** When the timer is due, by `monotonic()`. */
  #due = 0;

  /** @returns whether there is time left; if not, it has expired */
  add(waiting: Waiting): boolean {
    if (waiting.deadline <= monotonic()) {
      waiting.expire();
      return false;
    }
    waiting.place = this.#free.pop() ?? this.#waiting.length;
    this.#waiting[waiting.place] = waiting;
    if (this.#timer === null || waiting.deadline < this.#due) this.#arm(waiting.deadline);
    return true;
  }

  /** @returns whether it was still waiting */
  remove(waiting: Waiting): boolean {
    if (this.#waiting[waiting.place] !== waiting) return false;
    this.#waiting[waiting.place] = null;
    this.#free.push(waiting.place);
    return true;
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #arm(deadline: number): void {
    this.stop();
    this.#due = deadline;
    this.#timer = setTimeout(
      () => {
        // Answers that have come meanwhile are read before this.
        setImmediate(() => {
          this.#expire();
        });
      },
      Math.max(1, deadline - monotonic()),
    );
    this.#timer.unref();
  }

  #expire(): void {
    const now = monotonic();
    let next = Infinity;
    const due: Waiting[] = [];
    for (const waiting of this.#waiting) {
      if (waiting === null) continue;
      if (waiting.deadline > now) next = Math.min(next, waiting.deadline);
      else due.push(waiting);
    }
    // Before anything expires, which may make something else wait.
    if (next === Infinity) this.stop();
    else this.#arm(Math.max(next, now + LOOK_MS));
    due.sort((a, b) => a.deadline - b.deadline);
    for (const waiting of due) if (this.remove(waiting)) waiting.expire();
  }
}
