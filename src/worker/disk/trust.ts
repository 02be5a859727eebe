/**
 * Whether writes can be committed, and what becomes of them if not. While the disk does not answer
 * they wait. After a failure that leaves the journal in doubt they are refused, or wait if they are
 * patient, until it has been replaced.
 */
import { StoreError } from "../../protocol/errors.js";
import { NoAnswerError, type TimedFiles } from "../ports/timed-files.js";
import type { Journal } from "./journal/journal.js";

export interface TrustParts {
  readonly journal: Journal;
  /** The disk, which may stand still. */
  readonly disk: Pick<TimedFiles, "standing">;
  /** How long a write may wait. */
  readonly maxPendingMs: number;
}

export class Trust {
  readonly #parts: TrustParts;
  #refusal: StoreError | null = null;
  #disowned: StoreError | null = null;

  constructor(parts: TrustParts) {
    this.#parts = parts;
  }

  /** Why writes are refused, or null. */
  get refusal(): StoreError | null {
    return this.#refusal;
  }

  /** Why writes are refused for good, or null: another process has taken over the collection. */
  get disowned(): StoreError | null {
    return this.#disowned;
  }

  /** Whether writes wait. Those that are refused for good do not. */
  get isHeld(): boolean {
    const { journal, disk } = this.#parts;
    return this.#disowned === null && (disk.standing !== null || !journal.trusted);
  }

  /**
   * Refuses writes if the journal is in doubt after this failure.
   * @returns whether they are refused from now on
   */
  fail(error: StoreError): boolean {
    // If the disk does not answer they wait for it, each for as long as it may.
    if (this.#parts.journal.trusted || error instanceof NoAnswerError) return false;
    this.#refusal ??= error;
    return true;
  }

  disown(error: StoreError): void {
    this.#refusal = error;
    this.#disowned = error;
  }

  /** The journal has been replaced. */
  restore(): void {
    if (this.#disowned === null) this.#refusal = null;
  }

  /** The error of a write that has waited for too long. */
  lateError(): StoreError {
    const { disk, maxPendingMs } = this.#parts;
    return this.#refusal ?? overloaded(maxPendingMs, disk.standing);
  }

  /** The error of writes whose commit has failed. */
  commitError(cause: StoreError): StoreError {
    if (!(cause instanceof NoAnswerError)) return cause;
    const { journal, maxPendingMs } = this.#parts;
    if (journal.trusted) return overloaded(maxPendingMs, cause);
    return new StoreError(
      "STORE_UNCERTAIN",
      `the disk was asked to write to ${journal.path} and has not answered for ${maxPendingMs} ms. ` +
        "The write is undone when it answers; until then a crash may bring it back",
      { cause },
    );
  }
}

function overloaded(maxPendingMs: number, cause: StoreError | null): StoreError {
  return new StoreError(
    "STORE_OVERLOADED",
    `a write has waited for ${maxPendingMs} ms, as long as the option maxPendingMs allows, for a ` +
      "disk that is too slow for this load or does not respond",
    cause === null ? undefined : { cause },
  );
}
