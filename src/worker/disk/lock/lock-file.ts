/** The lock file: created atomically; a stale one is removed by one contender at a time. */
import { basename, join } from "node:path";

import { isErrno } from "../../ports/failure.js";
import { type Files, type OpenFile, readSmallFile, writeNewFile } from "../../ports/files.js";
import type { Nonce } from "../../ports/nonce.js";
import type { CollectionPaths } from "../paths.js";

/** What follows the name of the lock in the names of its contenders' files. */
const LEFTOVER = /^(?:(?:takeover\.)?[0-9a-f]{16}\.(?:tmp|stale)|takeover)$/;

export async function readLock(files: Files, path: string): Promise<string | null> {
  return (await readSmallFile(files, path))?.toString() ?? null;
}

export interface LockFiles {
  readonly files: Files;
  readonly nonce: Nonce;
}

/**
 * Creates a lock, complete from the start.
 * @returns false if one exists
 */
export async function makeLock(
  { files, nonce }: LockFiles,
  path: string,
  text: string,
): Promise<boolean> {
  const temporary = `${path}.${nonce()}.tmp`;
  try {
    await writeNewFile(files, temporary, Buffer.from(text), { sync: false });
    return await linked(files, temporary, path);
  } finally {
    // A leftover is harmless, and the next owner removes it.
    await files.remove(temporary).catch(() => undefined);
  }
}

/**
 * Opens the lock that was just created. Heartbeats are written through the open file, so they never
 * reach a lock that another store creates later. @returns null if it has been deleted since
 */
export async function openOwn(files: Files, paths: CollectionPaths): Promise<OpenFile | null> {
  try {
    return await files.open(paths.lock, "existing");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    // A lock that nobody holds must not be left behind.
    await files.remove(paths.lock);
    throw error;
  }
}

/** Removes the lock that was just created: one that nobody holds must not be left behind. */
export async function giveUp(files: Files, paths: CollectionPaths, file: OpenFile): Promise<void> {
  await file.close().catch(() => undefined);
  await files.remove(paths.lock);
}

/** A second lock, which a contender holds while it removes a stale first one. */
export function takeoverPath({ lock }: CollectionPaths): string {
  return `${lock}.takeover`;
}

/**
 * Removes the lock if it still has this stale text. Only the holder of the takeover lock may do so:
 * otherwise one contender could remove the lock that another has just created.
 * @returns whether this removed it; null if another contender holds the takeover lock
 */
export async function takeAway(
  lockFiles: LockFiles,
  paths: CollectionPaths,
  stale: string,
  own: string,
): Promise<boolean | null> {
  const takeover = takeoverPath(paths);
  if (!(await makeLock(lockFiles, takeover, own))) return null;
  const { files } = lockFiles;
  try {
    if ((await readLock(files, paths.lock)) !== stale) return false;
    return await moveAway(lockFiles, paths.lock, stale);
  } finally {
    await files.remove(takeover);
  }
}

/**
 * Removes a lock with this text. Renames it, then checks its text, and restores it if it has a new
 * owner or a new heartbeat.
 * @returns whether it has been removed
 */
export async function moveAway(
  { files, nonce }: LockFiles,
  path: string,
  stale: string,
): Promise<boolean> {
  const aside = `${path}.${nonce()}.stale`;
  try {
    await files.rename(path, aside);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
  // If it cannot be read, it may belong to another process.
  const moved = await readLock(files, aside).catch(() => null);
  if (moved !== stale) await linked(files, aside, path);
  await files.remove(aside);
  return moved === stale;
}

/**
 * Removes the files that other contenders left when they were killed. A live contender notices that
 * its file is missing, and creates it again.
 */
export async function removeLeftovers(
  files: Files,
  { directory, lock }: CollectionPaths,
): Promise<void> {
  const prefix = `${basename(lock)}.`;
  for (const name of await files.list(directory)) {
    if (name.startsWith(prefix) && LEFTOVER.test(name.slice(prefix.length))) {
      await files.remove(join(directory, name));
    }
  }
}

/** Links a file. @returns false if `path` exists or `existing` does not */
async function linked(files: Files, existing: string, path: string): Promise<boolean> {
  try {
    await files.link(existing, path);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST") || isErrno(error, "ENOENT")) return false;
    throw error;
  }
}
