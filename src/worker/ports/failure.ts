/** Failed system calls: recognizing them, and wrapping them as store errors. */
import { isErrorLike, StoreError } from "../../protocol/errors.js";

/** Whether an error is that of a system call and has this code, such as `ENOENT`. */
export function isErrno(error: unknown, code: string): boolean {
  return isErrorLike(error) && "code" in error && error.code === code;
}

/** Wraps the error of a system call as `STORE_IO`; a `StoreError` is returned unchanged. */
export function ioError(what: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const reason = isErrorLike(cause) ? cause.message : String(cause);
  return new StoreError("STORE_IO", `${what}: ${reason}`, { cause });
}
