/** The salt of a directory, from which the keys of all its collections are derived. */
import { type Clock, pause } from "../../ports/clock.js";
import { isErrno } from "../../ports/failure.js";
import { type Files, readSmallFile, writeNewFile } from "../../ports/files.js";
import type { CollectionPaths } from "../paths.js";
import { createSalt, parseSalt } from "./cipher.js";

/** An incomplete salt, which another store may still be writing. */
const HALF_SALT = /^[0-9a-f]{0,63}$/;
/** How long to wait between checks whether it is complete, and how often to check. */
const POLL_MS = 250;
const MAX_POLLS = 40;

const READ_ONLY = ["EACCES", "EPERM", "EROFS"];

/** The salt of a directory; null if it is missing or damaged. */
export async function readSalt(files: Files, paths: CollectionPaths): Promise<Buffer | null> {
  const text = await readSmallFile(files, paths.salt);
  return text === null ? null : parseSalt(text.toString("latin1"));
}

/**
 * The salt of a directory, once it is complete and on the disk: without hard links another store
 * may still be writing it. Null if it is missing or damaged.
 */
export async function settledSalt(
  files: Files,
  paths: CollectionPaths,
  clock: Clock,
): Promise<Buffer | null> {
  let text = await readSmallFile(files, paths.salt);
  for (let polls = 0; polls < MAX_POLLS && text !== null && isHalfSalt(text); polls++) {
    await pause(clock, POLL_MS);
    text = await readSmallFile(files, paths.salt);
  }
  if (text === null) return null;
  await syncSalt(files, paths);
  return parseSalt(text.toString("latin1"));
}

function isHalfSalt(text: Buffer): boolean {
  return HALF_SALT.test(text.toString("latin1"));
}

/** Its creator may have crashed before the fsync, or may still be writing. */
async function syncSalt(files: Files, paths: CollectionPaths): Promise<void> {
  let file;
  try {
    file = await files.open(paths.salt, "existing");
  } catch (error) {
    // A salt that we may not write to was not created just now.
    if (isErrno(error, ...READ_ONLY)) return;
    throw error;
  }
  try {
    await file.sync(); // guard: salt, fsync of another's
  } finally {
    await file.close();
  }
  // Its name may not be on the disk either, if its creator was killed right after linking.
  await files.syncDirectory(paths.directory); // guard: salt, directory
}

/**
 * Creates the salt of a directory, unless another store does so first: it is written under a
 * temporary name and then linked, which fails if a salt exists.
 */
export async function makeSalt(
  files: Files,
  paths: CollectionPaths,
  text = createSalt(),
): Promise<void> {
  // After a crash this name may be a second link to the salt, which must not be overwritten.
  await files.remove(paths.saltTemporary);
  try {
    await writeNewFile(files, paths.saltTemporary, Buffer.from(text), { sync: true });
    await files.link(paths.saltTemporary, paths.salt);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  } finally {
    await files.remove(paths.saltTemporary).catch(() => undefined);
  }
}

/**
 * Makes sure that files which are encrypted from now on can be read: writes the salt again if another
 * program has deleted it.
 * @throws Error if there is another one, of which nobody knows what it is for
 */
export async function keepSalt(files: Files, paths: CollectionPaths, salt: Buffer): Promise<void> {
  if ((await files.identity(paths.salt)) === null) {
    await makeSalt(files, paths, salt.toString("hex"));
    await files.syncDirectory(paths.directory);
  }
  const found = await readSalt(files, paths);
  if (found?.equals(salt) === true) return;
  throw new Error(`${paths.salt} was replaced or damaged: restore it from a backup`);
}
