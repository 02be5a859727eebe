/** Calls that wait, and fail when their time is over. */
import { clearTimeout, monotonic, setImmediate, setTimeout } from "../../protocol/timers.js";

export interface Waiting {
  /** By `monotonic()`. */
  readonly deadline: number;
  /** Called when the deadline has passed. */
  readonly expire: () => void;
}

/** All that wait are looked through no more often than that. */
const LOOK_MS = 10;

export class Patience {
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | null = null;
  /** When the timer is due, by `monotonic()`. */
  #due = 0;

  /** @returns whether there is time left; if not, it has expired */
  add(waiting: Waiting): boolean {
    if (waiting.deadline <= monotonic()) {
      waiting.expire();
      return false;
    }
    this.#waiting.add(waiting);
    if (this.#timer === null || waiting.deadline < this.#due) this.#arm(waiting.deadline);
    return true;
  }

  remove(waiting: Waiting): void {
    this.#waiting.delete(waiting);
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
    for (const waiting of this.#waiting) {
      if (waiting.deadline > now) next = Math.min(next, waiting.deadline);
      else {
        this.#waiting.delete(waiting);
        waiting.expire();
      }
    }
    if (next === Infinity) this.stop();
    else this.#arm(Math.max(next, now + LOOK_MS));
  }
}
