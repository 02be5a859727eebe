/** Calls that wait, and fail when their time is over. All have the same time, so the oldest is next. */
import { clearTimeout, monotonic, setImmediate, setTimeout } from "../../protocol/timers.js";

export interface Waiting {
  /** By `monotonic()`. */
  readonly deadline: number;
  /** Called when the deadline has passed. */
  readonly expire: () => void;
}

export class Patience {
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | null = null;

  add(waiting: Waiting): void {
    this.#waiting.add(waiting);
    if (this.#timer === null) this.#arm(waiting);
  }

  remove(waiting: Waiting): void {
    this.#waiting.delete(waiting);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #arm({ deadline }: Waiting): void {
    this.#timer = setTimeout(
      () => {
        // Answers that have come meanwhile are read before this.
        setImmediate(() => {
          this.#timer = null;
          this.#expire();
        });
      },
      Math.max(1, deadline - monotonic()),
    );
    this.#timer.unref();
  }

  #expire(): void {
    const now = monotonic();
    for (const waiting of this.#waiting) {
      if (waiting.deadline > now) {
        this.#arm(waiting);
        return;
      }
      this.#waiting.delete(waiting);
      waiting.expire();
    }
  }
}
