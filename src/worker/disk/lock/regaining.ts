/**
 * The lock that another program has deleted together with the journal, as cleaners do that delete what
 * is old: its owner takes it anew, since nobody but he still has the sessions.
 */
import type { OpenFile } from "../../ports/files.js";
import type { CollectionPaths } from "../paths.js";
import { openOwn } from "./lock-contest.js";
import { type LockFiles, makeLock } from "./lock-file.js";

/**
 * Makes the lock, unless another store has had it since: that one made a journal before it
 * acknowledged anything.
 * @returns the file, open; null if another store has had it
 */
export async function regain(
  lockFiles: LockFiles,
  paths: CollectionPaths,
  text: string,
): Promise<OpenFile | null> {
  const { files } = lockFiles;
  if (!(await makeLock(lockFiles, paths.lock, text))) return null;
  const file = await openOwn(files, paths);
  if (file === null) return null;
  // Only under the lock does it stay as it is found.
  if ((await files.identity(paths.journal)) === null) return file;
  await file.close().catch(() => undefined);
  await files.remove(paths.lock);
  return null;
}
