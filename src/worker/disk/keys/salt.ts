/** The salt of a directory, from which the keys of its collections are derived: read and made. */
import { type Clock, pause } from "../../ports/clock.js";
import { isErrno } from "../../ports/failure.js";
import { type Files, readSmallFile, writeNewFile } from "../../ports/files.js";
import type { CollectionPaths } from "../paths.js";
import { createSalt, parseSalt } from "./cipher.js";

/** The beginning of a salt, in a file that another collection may still be writing. */
const HALF_SALT = /^[0-9a-f]{0,63}$/;
/** How often, and how long, to look whether it has been completed. */
const LOOK_MS = 250;
const LOOKS = 40;

const READ_ONLY = ["EACCES", "EPERM", "EROFS"];

/** The salt of a directory; null where it has none, or a damaged one. */
export async function readSalt(files: Files, paths: CollectionPaths): Promise<Buffer | null> {
  const text = await readSmallFile(files, paths.salt);
  return text === null ? null : parseSalt(text.toString("latin1"));
}

/**
 * The salt of a directory, once it is whole and on the disk: without hard links another collection
 * may be writing it. Null where there is none, or a damaged one.
 */
export async function settledSalt(
  files: Files,
  paths: CollectionPaths,
  clock: Clock,
): Promise<Buffer | null> {
  let text = await readSmallFile(files, paths.salt);
  for (let looks = 0; looks < LOOKS && text !== null && isHalfSalt(text); looks++) {
    await pause(clock, LOOK_MS);
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
    // A salt that we may not write to was not made just now.
    if (READ_ONLY.some((code) => isErrno(error, code))) return;
    throw error;
  }
  try {
    await file.sync(); // guard: salt, fsync of another's
  } finally {
    await file.close();
  }
  // The name, too, may not be on the disk: whoever gave it may have been killed right after.
  await files.syncDirectory(paths.directory); // guard: salt, directory
}

/**
 * Makes the salt of a directory. Another collection of the directory may do so at the same time, so
 * it is written whole under another name and then linked, which fails where one exists.
 */
export async function makeSalt(files: Files, paths: CollectionPaths): Promise<void> {
  // A crash may have left it as a second name of a salt, which must not be emptied.
  await files.remove(paths.saltTemporary);
  try {
    await writeNewFile(files, paths.saltTemporary, Buffer.from(createSalt()), { sync: true });
    await files.link(paths.saltTemporary, paths.salt);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  } finally {
    await files.remove(paths.saltTemporary).catch(() => undefined);
  }
}
