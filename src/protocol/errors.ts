/**
 * The store's error and its form on the wire.
 *
 * comlink keeps only name, message and stack of a thrown error, so errors cross the port as plain
 * values and are rebuilt here with their code and the whole chain of causes.
 */

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

/** An error as a plain value that survives structured clone. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: WireError;
}

/** Causes deeper than this are dropped: a chain that long is a cycle or a mistake. */
const MAX_CAUSES = 8;

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

/** The plain form of anything thrown. Dual of {@link decodeError}. */
export function encodeError(thrown: unknown, depth = 0): WireError {
  if (!isErrorLike(thrown)) return { name: "Error", message: textOf(thrown) };
  const { name, message, stack, cause } = thrown;
  const code: unknown = "code" in thrown ? thrown.code : undefined;
  return {
    name,
    message,
    ...(typeof code === "string" && { code }),
    ...(typeof stack === "string" && { stack }),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: encodeError(cause, depth + 1) }),
  };
}

function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return "something that cannot be told was thrown";
  }
}

/** The error that {@link encodeError} was given, as near as can be. */
export function decodeError(wire: WireError): Error {
  const options = wire.cause === undefined ? undefined : { cause: decodeError(wire.cause) };
  const error = isStoreErrorCode(wire.code)
    ? new StoreError(wire.code, wire.message, options)
    : errorOf(wire, options);
  if (wire.stack !== undefined) error.stack = wire.stack;
  return error;
}

function errorOf(wire: WireError, options: ErrorOptions | undefined): Error {
  const Type =
    wire.name === "TypeError" ? TypeError : wire.name === "RangeError" ? RangeError : Error;
  const error = new Type(wire.message, options);
  if (error.name !== wire.name) error.name = wire.name;
  if (wire.code !== undefined) Object.assign(error, { code: wire.code });
  return error;
}

function isStoreErrorCode(code: string | undefined): code is StoreErrorCode {
  return (STORE_ERROR_CODES as readonly (string | undefined)[]).includes(code);
}
