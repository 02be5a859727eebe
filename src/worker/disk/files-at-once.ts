/**
 * The two files of a collection as they are at one moment, open for reading, while a store may be
 * compacting it: a snapshot and a journal that do not belong together would be another collection.
 */
import { StoreError } from "../../protocol/errors.js";
import { type Files, type OpenFile, openIfThere, type ReadableFile } from "../ports/files.js";
import type { CollectionPaths } from "./paths.js";

/** How often to try. A compaction takes much longer than opening two files. */
const MAX_TRIES = 10;

export interface FilesAtOnce {
  readonly snapshot: ReadableFile | null;
  /** It ends where it ended when it was opened, whatever is appended to it. */
  readonly journal: ReadableFile | null;
  /** Whether other files have taken their names since. */
  readonly hasChanged: () => Promise<boolean>;
}

/** Opens both for reading, as far as they are there, and closes them when they have been used. */
export async function withFiles<T>(
  files: Files,
  paths: CollectionPaths,
  use: (snapshot: OpenFile | null, journal: OpenFile | null) => Promise<T>,
): Promise<T> {
  const snapshot = await openIfThere(files, paths.snapshot);
  let journal: OpenFile | null = null;
  try {
    journal = await openIfThere(files, paths.journal);
    return await use(snapshot, journal);
  } finally {
    // They were only read, so errors do not matter; and one must not keep the other open.
    await Promise.allSettled([snapshot?.close(), journal?.close()]);
  }
}

/**
 * Opens both and uses them, again if that finds that they changed meanwhile.
 * @throws StoreError `STORE_LOCKED` if they change all the time
 */
export async function withFilesAtOnce<T>(
  files: Files,
  paths: CollectionPaths,
  use: (found: FilesAtOnce) => Promise<T | "changed">,
): Promise<T> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const result = await withFiles(files, paths, async (snapshot, journal) => {
      const hasChanged = async (): Promise<boolean> =>
        (await isAnother(files, paths.snapshot, snapshot)) ||
        (await isAnother(files, paths.journal, journal));
      const upToNow = journal === null ? null : ending(journal, await journal.size());
      return use({ snapshot, journal: upToNow, hasChanged });
    });
    if (result !== "changed") return result;
  }
  throw new StoreError(
    "STORE_LOCKED",
    `the files of the collection in ${paths.directory} are replaced all the time: try again later`,
  );
}

/** A file as if it had this size. */
function ending(file: OpenFile, size: number): ReadableFile {
  return {
    size: () => Promise.resolve(size),
    read: (target, position) =>
      file.read(target.subarray(0, Math.max(0, size - position)), position),
  };
}

/** Whether a name is no longer that of an open file. */
async function isAnother(files: Files, path: string, file: OpenFile | null): Promise<boolean> {
  const named = await files.identity(path);
  if (named === null || file === null) return named !== file;
  return named.id !== (await file.identity()).id;
}
