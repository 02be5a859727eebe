/** Files that are only read: whatever would change one fails, as on a disk that is mounted read-only. */
import { errno, isErrno } from "./failure.js";
import type { Files } from "./files.js";

export function readOnlyFiles(files: Files): Files {
  const refuse = (syscall: string) => async (): Promise<never> => {
    throw errno("EROFS", syscall, "the files are only read here");
  };
  return {
    open: (path, mode) => (mode === "read" ? files.open(path, mode) : refuse("open")()),
    list: (path) => files.list(path),
    identity: (path) => files.identity(path),
    freeSpace: (directory) => files.freeSpace(directory),
    // It is there, or nothing is found in it.
    createDirectory: () => Promise.resolve(),
    syncDirectory: () => Promise.resolve(),
    rename: refuse("rename"),
    link: refuse("link"),
    remove: refuse("unlink"),
  };
}

/** Whether an error is the refusal of these files. */
export function isReadOnly(error: unknown): boolean {
  return isErrno(error, "EROFS");
}
