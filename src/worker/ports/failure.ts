/** Failed system calls: recognizing and making them, and wrapping them as store errors. */
import { isErrorLike, StoreError } from "../../protocol/errors.js";

/** Whether an error is that of a system call and has one of these codes, such as `ENOENT`. */
export function isErrno(error: unknown, ...codes: readonly unknown[]): boolean {
  return isErrorLike(error) && "code" in error && codes.includes(error.code);
}

/** Whether an error is that of a write, and not of an fsync or anything else. */
export function isFailedWrite(error: unknown): boolean {
  return isErrorLike(error) && "syscall" in error && error.syscall === "write";
}

/** An error such as those of failed system calls. */
export function errno(code: string, syscall: string, reason: string): Error {
  return Object.assign(new Error(`${code}: ${reason}, ${syscall}`), { code, syscall });
}

/** Whether there was no room: on the disk, or in the quota. The cause of a store error counts. */
export function isDiskFull(error: unknown): boolean {
  const cause = error instanceof StoreError ? error.cause : error;
  return isErrno(cause, "ENOSPC") || isErrno(cause, "EDQUOT");
}

/** Wraps the error of a system call as `STORE_IO`; a `StoreError` is returned unchanged. */
export function ioError(what: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const reason = isErrorLike(cause) ? cause.message : String(cause);
  return new StoreError("STORE_IO", `${what}: ${reason}`, { cause });
}
