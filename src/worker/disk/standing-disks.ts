/**
 * Openings that failed because the disk does not answer. Until it does, the directory is not tried
 * again: each attempt would keep one more thread of libuv's pool waiting, which the application needs.
 */
import { ioError } from "../ports/failure.js";
import type { Files } from "../ports/files.js";
import type { TimedFiles } from "../ports/timed-files.js";

const failed = new WeakMap<Files, Map<string, TimedFiles>>();

/** For when an opening has failed. */
export function noteFailure(files: Files, directory: string, timed: TimedFiles): void {
  if (timed.standing === null) return;
  const directories = failed.get(files) ?? new Map<string, TimedFiles>();
  failed.set(files, directories.set(directory, timed));
}

/** @throws StoreError `STORE_IO` while the disk still does not answer */
export function assertAnswering(files: Files, directory: string): void {
  const standing = failed.get(files)?.get(directory)?.standing ?? null;
  if (standing !== null) throw ioError(`cannot open the collection in ${directory}`, standing);
  failed.get(files)?.delete(directory);
}
