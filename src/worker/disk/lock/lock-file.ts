/**
 * The lock as a file: made whole or not at all, and a stale one removed by one contender at a time.
 */
import { basename, join } from "node:path";
import { randomName } from "../keys/cipher.js";
import { isErrno } from "../../ports/failure.js";
import type { Files } from "../../ports/files.js";
import type { CollectionPaths } from "../paths.js";
import { readSmallFile } from "../../ports/small-file.js";

/** What follows the name of a lock in those of its contenders' files. */
const LEFTOVER = /^(?:(?:takeover\.)?[0-9a-f]{16}\.(?:tmp|stale)|takeover)$/;

export async function readLock(files: Files, path: string): Promise<string | null> {
  return (await readSmallFile(files, path))?.toString() ?? null;
}

/** Makes a lock, whole from its first moment. @returns false where there is one */
export async function makeLock(files: Files, path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomName()}.tmp`;
  try {
    const file = await files.open(temporary, "create");
    try {
      await file.write(Buffer.from(text), 0);
    } finally {
      await file.close();
    }
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
  files: Files,
  paths: CollectionPaths,
  stale: string,
  own: string,
): Promise<boolean> {
  const takeover = takeoverPath(paths);
  if (!(await makeLock(files, takeover, own))) return false;
  try {
    if ((await readLock(files, paths.lock)) === stale) await moveAway(files, paths.lock, stale);
  } finally {
    await files.remove(takeover);
  }
  return true;
}

/**
 * Removes a lock with this text: moves it away, looks at what was moved, and puts it back if it has
 * changed hands, or shown life, meanwhile.
 */
export async function moveAway(files: Files, path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomName()}.stale`;
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
