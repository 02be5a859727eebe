/**
 * The lock that another program has deleted together with the journal, as cleaners do that delete what
 * is old: its owner takes it anew, since nobody but he still has the sessions.
 */
import type { OpenFile } from "../../ports/files.js";
import type { CollectionPaths } from "../paths.js";
import { giveUp, type LockFiles, makeLock, openOwn } from "./lock-file.js";

/**
 * Makes the lock, unless another store has had it since: that one made a journal before it
 * acknowledged anything.
 * @returns the file, open; null if another store has it, or has had it
 * @throws Error if that is not known
 */
export async function regain(
  lockFiles: LockFiles,
  paths: CollectionPaths,
  text: string,
): Promise<OpenFile | null> {
  const { files } = lockFiles;
  const isMade = await makeLock(lockFiles, paths.lock, text);
  const file = isMade ? await openOwn(files, paths) : null;
  if (file === null) {
    if ((await files.identity(paths.lock)) !== null) return null;
    // What deletes is still at it, or another store has gone: the next look finds out.
    throw new Error(`${paths.lock} was deleted again while it was made`);
  }
  try {
    // Only under the lock does it stay as it is found.
    if ((await files.identity(paths.journal)) === null) return file;
  } catch (error) {
    await giveUp(files, paths, file);
    throw error;
  }
  await giveUp(files, paths, file);
  return null;
}
