/** What the engine makes of a failing system call. */
import { isErrorLike, StoreError } from "../../protocol/errors.js";

/** Whether a system call failed for this reason. */
export function isErrno(error: unknown, code: string): boolean {
  return isErrorLike(error) && "code" in error && error.code === code;
}

/** The error for a system call that failed; one that is a `StoreError` already stays as it is. */
export function ioError(what: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const reason = isErrorLike(cause) ? cause.message : String(cause);
  return new StoreError("STORE_IO", `${what}: ${reason}`, { cause });
}
