/** Why a store does not get the lock, and what to do about it. */
import { StoreError } from "../../../protocol/errors.js";
import type { CollectionPaths } from "../paths.js";
import { isReachable, type LockRecord } from "./lock-record.js";
import type { Reached } from "./meeting.js";

export function foreignError(path: string): StoreError {
  return new StoreError(
    "STORE_LOCKED",
    `${path} has the name of the lock of this collection, and something else in it. It was left as ` +
      "it is: use another collection or directory, or delete the file if nothing needs it",
  );
}

/** @param reached what came of the attempt to join the owner; null if there was none */
export function lockedError(
  paths: CollectionPaths,
  record: LockRecord | null,
  reached: Reached | null = null,
): StoreError {
  const owner =
    record === null
      ? "an unknown process (its lock file is unreadable)"
      : `process ${record.pid} on host ${record.host}`;
  return new StoreError(
    "STORE_LOCKED",
    `the collection is in use by ${owner}: ${adviceFor(record, reached)} Lock file: ${paths.lock}`,
  );
}

function adviceFor(record: LockRecord | null, reached: Reached | null): string {
  if (reached === "alive") {
    return "it answers, and does not take this store, which speaks another version of the protocol or sees another file. Restart all processes with one version of the package.";
  }
  if (reached !== null) {
    return "its socket does not answer. Processes share a collection on one machine; on another machine, use another directory, or a store for several machines, such as Redis. End that process if it hangs.";
  }
  return isReachable(record)
    ? "this store has the option share: false, so that it cannot join it. Close that store, use another directory or collection, or leave the option out."
    : "that store does not share it: it has the option share: false, or is of a program or version that cannot. Close that store, or use a different directory or collection.";
}

/** The lock file has been deleted while it was held. @param cause what has been lost with it */
export function goneError({ lock }: CollectionPaths, cause?: StoreError): StoreError {
  return new StoreError(
    "STORE_LOCKED",
    `${lock} was deleted, so another process may have opened the collection since. ` +
      "Open it again with a new store",
    { cause },
  );
}

/** The directory has been deleted while the lock was held. */
export function deletedError({ directory }: CollectionPaths): StoreError {
  return new StoreError(
    "STORE_IO",
    `the directory ${directory} was deleted, and nothing can be stored any more. ` +
      "What was stored before is in memory only: restore the directory from a backup if you need " +
      "it, then open the collection again with a new store",
  );
}

/** Files have been deleted with the lock, and it cannot be taken anew. */
export function lostError({ directory }: CollectionPaths): StoreError {
  return new StoreError(
    "STORE_IO",
    `files in ${directory} were deleted together with the lock, and with them sessions that were ` +
      "stored there. The store goes on without them: restore a backup if you need them, and exclude " +
      "that directory from whatever cleans up there",
  );
}
