/**
 * The search for an owner, after the last one has gone: again and again until there is one, while
 * calls wait, but not for too long.
 */
import { StoreError } from "../../protocol/errors.js";
import { type Clock, type Moment, pause } from "../ports/clock.js";
import type { Calls } from "./calls.js";

/** Between two attempts: from the first, doubled up to the last. */
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1000;
/** How often to look for calls that have waited for too long. */
const EXPIRE_MS = 500;

interface SearchParts {
  readonly calls: Calls;
  readonly clock: Clock;
  readonly maxPendingMs: number;
  /** Makes one attempt. */
  readonly elect: () => Promise<void>;
  /** Whether there is an owner, or none is needed any more. */
  readonly isOver: () => boolean;
  /** Called with the first failure of a search. */
  readonly onFailure: (error: Error) => void;
  /** Called when calls may have failed because they had waited for too long. */
  readonly onExpired: () => void;
}

export class Search {
  readonly #parts: SearchParts;
  #since: Moment;
  #running: Promise<void> | null = null;
  #isExpiring = false;
  /** Why the last attempt failed. */
  #failure: Error | null = null;

  constructor(parts: SearchParts) {
    this.#parts = parts;
    this.#since = parts.calls.now();
  }

  start(): void {
    if (this.#parts.isOver()) return;
    this.#since = this.#parts.calls.now();
    this.#failure = null;
    if (!this.#isExpiring) this.#expire();
    this.#running ??= this.#run().finally(() => (this.#running = null));
  }

  /** Resolves when no search is under way. */
  async ended(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, elect, isOver, onFailure } = this.#parts;
    let retryMs = FIRST_RETRY_MS;
    while (!isOver()) {
      try {
        await elect();
      } catch (cause) {
        if (isOver()) return;
        if (this.#failure === null) onFailure(cause as Error);
        this.#failure = cause as Error;
        // Somebody else may be able to open the collection.
        await pause(clock, retryMs);
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
  }

  #expire(): void {
    const { calls, clock, maxPendingMs, isOver, onExpired } = this.#parts;
    this.#isExpiring = !isOver();
    if (!this.#isExpiring) return;
    calls.failLate(maxPendingMs, this.#since, this.#failure ?? nobodyError(maxPendingMs));
    onExpired();
    clock.after(EXPIRE_MS, () => {
      this.#expire();
    });
  }
}

function nobodyError(ms: number): StoreError {
  return new StoreError(
    "STORE_LOCKED",
    `the process that had the collection open went away, and no other could be reached for ${ms} ms`,
  );
}
