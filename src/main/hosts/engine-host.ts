/** What the store sees of an engine, wherever that runs, and when a failed opening is retried. */
import type { Engine } from "../../protocol/contract.js";
import { StoreError, type StoreErrorCode } from "../../protocol/errors.js";

/**
 * After a failure that only time can mend, calls fail at once for this long; the next one retries.
 */
export const RETRY_AFTER_MS = 10_000;

export interface EngineHost {
  /** Resolves when the collection is open; rejects with the reason if the first attempt fails. */
  readonly ready: Promise<void>;
  /** Accepts calls at once: they wait until the collection is open. */
  readonly engine: Engine;
}

const TRANSIENT_CODES = new Set<StoreErrorCode>(["STORE_LOCKED", "STORE_IO", "STORE_UNREACHABLE"]);

/**
 * Whether the reason for a failed opening may go away: another process closes the collection, a
 * disk is mounted. A wrong key stays wrong, and a worker that dies while opening a collection would
 * die of it again.
 */
export function isTransient(error: unknown): boolean {
  return error instanceof StoreError && TRANSIENT_CODES.has(error.code);
}
