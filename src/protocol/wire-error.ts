/**
 * The form of an error on the wire.
 *
 * comlink keeps only name, message and stack of a thrown error, so errors cross the port as plain
 * values and are rebuilt here with their code and the whole chain of causes.
 */
import { isErrorLike, STORE_ERROR_CODES, StoreError, type StoreErrorCode } from "./errors.js";

/** What errors have besides, the last three those of system calls alone. */
const DETAILS = ["code", "syscall", "path", "dest"] as const;
type Detail = (typeof DETAILS)[number];

/** An error as a plain value that survives structured clone. */
export interface WireError extends Partial<Readonly<Record<Detail, string>>> {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: WireError;
}

/** Deeper causes are dropped: a chain this long is a cycle or a mistake. */
const MAX_CAUSES = 8;

/** The wire form of any thrown value. Dual of {@link decodeError}. */
export function encodeError(thrown: unknown, depth = 0): WireError {
  if (!isErrorLike(thrown)) return { name: "Error", message: textOf(thrown) };
  const { name, message, stack, cause } = thrown;
  return {
    name,
    message,
    ...detailsOf(thrown),
    ...(typeof stack === "string" && { stack }),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: encodeError(cause, depth + 1) }),
  };
}

function detailsOf(error: object): Partial<Record<Detail, string>> {
  const details: Partial<Record<Detail, string>> = {};
  for (const name of DETAILS) {
    const value = (error as Record<string, unknown>)[name];
    if (typeof value === "string") details[name] = value;
  }
  return details;
}

function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return "a value that cannot be converted to a string was thrown";
  }
}

/** Rebuilds an error from its wire form: its class, if it is one known here, and its properties. */
export function decodeError(wire: WireError): Error {
  const options = wire.cause === undefined ? undefined : { cause: decodeError(wire.cause) };
  const error = isStoreErrorCode(wire.code)
    ? new StoreError(wire.code, wire.message, options)
    : otherError(wire, options);
  if (wire.stack !== undefined) error.stack = wire.stack;
  return error;
}

function otherError(wire: WireError, options: ErrorOptions | undefined): Error {
  const Type =
    wire.name === "TypeError" ? TypeError : wire.name === "RangeError" ? RangeError : Error;
  const error = new Type(wire.message, options);
  if (error.name !== wire.name) error.name = wire.name;
  return Object.assign(error, detailsOf(wire));
}

function isStoreErrorCode(code: string | undefined): code is StoreErrorCode {
  return (STORE_ERROR_CODES as readonly (string | undefined)[]).includes(code);
}
