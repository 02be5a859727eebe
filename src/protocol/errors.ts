/* The store's error, its codes, and who is told of one that no call waits for. */

/**
 * What can go wrong, as a closed set. Codes are part of the API, messages are not.
 *
 * - `STORE_CLOSED`: the store was closed before the call.
 * - `STORE_LOCKED`: another store owns the collection.
 * - `STORE_CORRUPT`: the files are damaged in a way that cannot be worked around.
 * - `STORE_KEY_MISMATCH`: the files are encrypted under another key, or a key is missing.
 * - `STORE_IO`: the file system refused; its code, such as `ENOSPC`, is in the `cause`.
 * - `STORE_OVERLOADED`: too many bytes already wait for the disk.
 * - `WORKER_EXITED`: the worker thread died and could not be brought back.
 * - `NOT_SERIALIZABLE`: the session cannot be turned into text.
 */
export const STORE_ERROR_CODES = [
  "STORE_CLOSED",
  "STORE_LOCKED",
  "STORE_CORRUPT",
  "STORE_KEY_MISMATCH",
  "STORE_IO",
  "STORE_OVERLOADED",
  "WORKER_EXITED",
  "NOT_SERIALIZABLE",
] as const;

export type StoreErrorCode = (typeof STORE_ERROR_CODES)[number];

/** An error of the store. Identify it by `code`; the reason below it, if any, is in `cause`. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Receives errors that no call waits for. An engine reports nothing but `StoreError`s; the store
 * itself may also report the errors of a bug.
 */
export type Report<Reported extends Error = StoreError> = (error: Reported) => void;

/**
 * Whether something thrown is an error, by its shape: where the store runs in a realm of its own, as
 * under Jest, those that Node throws are of another class `Error`.
 */
export function isErrorLike(thrown: unknown): thrown is Error {
  return (
    typeof thrown === "object" &&
    thrown !== null &&
    "name" in thrown &&
    typeof thrown.name === "string" &&
    "message" in thrown &&
    typeof thrown.message === "string"
  );
}
