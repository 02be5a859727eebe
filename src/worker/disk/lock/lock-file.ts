/**
 * The lock as a file: made whole or not at all, and a stale one removed by one contender at a time.
 */
import { basename, join } from "node:path";
import { isErrno } from "../../ports/failure.js";
import { type Files, readSmallFile, writeNewFile } from "../../ports/files.js";
import type { Nonce } from "../../ports/nonce.js";
import type { CollectionPaths } from "../paths.js";

/** What follows the name of a lock in those of its contenders' files. */
const LEFTOVER = /^(?:(?:takeover\.)?[0-9a-f]{16}\.(?:tmp|stale)|takeover)$/;

export async function readLock(files: Files, path: string): Promise<string | null> {
  return (await readSmallFile(files, path))?.toString() ?? null;
}

/** What the lock's files are reached and named by. */
export interface LockFiles {
  readonly files: Files;
  readonly nonce: Nonce;
}

/**
 * Makes a lock, whole from its first moment.
 * @returns false where there is one
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
    // What is left behind does no harm, and the next owner removes it.
    await files.remove(temporary).catch(() => undefined);
  }
}

/** The lock of those who want to remove a stale one: held for as long as that takes. */
export function takeoverPath({ lock }: CollectionPaths): string {
  return `${lock}.takeover`;
}

/**
 * Removes the stale lock with this text, and no other. Only who holds the takeover may: two that do it
 * at once could remove what the other has made.
 * @returns false where another contender holds it
 */
export async function takeAway(
  world: LockFiles,
  paths: CollectionPaths,
  stale: string,
  own: string,
): Promise<boolean> {
  const takeover = takeoverPath(paths);
  if (!(await makeLock(world, takeover, own))) return false;
  const { files } = world;
  try {
    if ((await readLock(files, paths.lock)) === stale) await moveAway(world, paths.lock, stale);
  } finally {
    await files.remove(takeover);
  }
  return true;
}

/**
 * Removes a lock with this text: moves it away, looks at what was moved, and puts it back if it has
 * changed hands, or shown life, meanwhile.
 */
export async function moveAway(
  { files, nonce }: LockFiles,
  path: string,
  stale: string,
): Promise<void> {
  const aside = `${path}.${nonce()}.stale`;
  try {
    await files.rename(path, aside);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw error;
  }
  // One that cannot be read may be another process's own.
  const moved = await readLock(files, aside).catch(() => null);
  if (moved !== stale) await linked(files, aside, path);
  await files.remove(aside);
}

/**
 * Removes what other contenders for this lock left when they were killed. One that is alive misses
 * what it had made, and makes it again.
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

/** Gives a file a second name. @returns false where that is taken, or the first is gone */
async function linked(files: Files, existing: string, path: string): Promise<boolean> {
  try {
    await files.link(existing, path);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST") || isErrno(error, "ENOENT")) return false;
    throw error;
  }
}
