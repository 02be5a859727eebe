/* The store's error and its codes, and how an error that no call waits for is reported. */

/**
 * All error codes. Codes are part of the API, messages are not.
 *
 * - `STORE_CLOSED`: the store was closed before the call.
 * - `STORE_LOCKED`: another store has the collection open and cannot be joined, or has taken it over;
 *   or no owner of the collection is found.
 * - `STORE_CORRUPT`: data is damaged: part of it was set aside, or the collection cannot be opened.
 * - `STORE_KEY_MISMATCH`: the files are encrypted with a different key, or the key is missing.
 * - `STORE_IO`: a file-system call failed; its code, such as `ENOSPC`, is in the `cause`. Over Redis:
 *   the server refused a command, such as for want of memory.
 * - `STORE_FULL`: the sessions take, or are about to take, all memory that they may have. Over Redis:
 *   the server evicts keys, so that sessions may end early.
 * - `STORE_OVERLOADED`: too many bytes of writes are waiting for the disk or Redis already, or too many
 *   gets or touches for the worker; or this write has waited for too long. It has not taken effect.
 * - `STORE_UNCERTAIN`: the disk was given the write and does not answer. The write is undone when it
 *   does; until then a crash may bring it back. Or the owner of the collection, the worker or the
 *   Redis server was given the write and went, and whether it took effect cannot be known.
 * - `STORE_UNREACHABLE`: no Redis server can be reached, or none has answered. The call has not taken
 *   effect.
 * - `STORE_DENIED`: the Redis server refuses the password, or the user may not do what is needed.
 * - `STORE_NOT_DURABLE`: the Redis server does not promise what the option `durable` asks for.
 * - `STORE_MIGRATED`: the sessions of this directory move, or have moved, to a Redis server.
 * - `DRIVER_MISSING`: the package `@redis/client`, which the option `redis` needs, is not installed.
 * - `OPTIONS_DIFFER`: the process that has the collection open has other options, which hold.
 * - `WORKER_EXITED`: the worker thread died of the call, cannot be started or cannot be replaced.
 * - `NOT_SERIALIZABLE`: the session cannot be turned into text.
 */
export const STORE_ERROR_CODES = [
  "STORE_CLOSED",
  "STORE_LOCKED",
  "STORE_CORRUPT",
  "STORE_KEY_MISMATCH",
  "STORE_IO",
  "STORE_FULL",
  "STORE_OVERLOADED",
  "STORE_UNCERTAIN",
  "STORE_UNREACHABLE",
  "STORE_DENIED",
  "STORE_NOT_DURABLE",
  "STORE_MIGRATED",
  "DRIVER_MISSING",
  "OPTIONS_DIFFER",
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

  /** Also true of those of another copy of this module: ES modules and CommonJS have one each. */
  static override [Symbol.hasInstance](value: unknown): value is StoreError {
    if (this !== StoreError) return super[Symbol.hasInstance](value);
    return isErrorLike(value) && value.name === "StoreError";
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

/** The error of a call that is made after `close`. */
export function storeClosed(): StoreError {
  return new StoreError("STORE_CLOSED", "the store has been closed: open a new one");
}

/** For a change that a worker was sent and has not answered, where others may change the same. */
export function workerDied(cause?: Error): StoreError {
  return new StoreError(
    "STORE_UNCERTAIN",
    "the worker thread died before it knew whether the write took effect, and other processes may " +
      "have written since",
    { cause },
  );
}
