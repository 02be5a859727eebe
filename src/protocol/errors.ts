/* The store's error and its codes, and how an error that no call waits for is reported. */

/**
 * All error codes. Codes are part of the API, messages are not.
 *
 * - `STORE_CLOSED`: the store was closed before the call.
 * - `STORE_LOCKED`: another store has the collection open, or has taken it over.
 * - `STORE_CORRUPT`: data is damaged: part of it was set aside, or the collection cannot be opened.
 * - `STORE_KEY_MISMATCH`: the files are encrypted with a different key, or the key is missing.
 * - `STORE_IO`: a file-system call failed; its code, such as `ENOSPC`, is in the `cause`.
 * - `STORE_OVERLOADED`: too many bytes of writes are waiting for the disk already.
 * - `WORKER_EXITED`: the worker thread died of the call, cannot be started or cannot be replaced.
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

/**
 * An error of the store. Identify it by its `code`. `cause` is the underlying error, if there is
 * one and its message cannot contain session data.
 */
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
 * Whether a thrown value has the shape of an error. `instanceof` would not do: in a realm of its
 * own, as under Jest, the errors that Node throws are instances of a different class `Error`.
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
