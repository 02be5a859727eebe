/**
 * The marker of a collection whose sessions move to a Redis server: a file beside the others. That it
 * exists says all; its text is for people who look.
 */
import { StoreError } from "../../protocol/errors.js";
import { ioError } from "../ports/failure.js";
import type { Files } from "../ports/files.js";
import type { CollectionPaths } from "./paths.js";

const TEXT =
  "The sessions of this collection move, or have moved, to a Redis server: see the option\n" +
  "migrateFrom of express-session-isolate. Without this file they would be served from here again.\n";

/** @throws StoreError `STORE_MIGRATED` */
export async function assertNotDeparted(files: Files, paths: CollectionPaths): Promise<void> {
  if ((await identity(files, paths.departed)) === null) return;
  throw new StoreError(
    "STORE_MIGRATED",
    `the sessions in ${paths.directory} move, or have moved, to a Redis server. Open the store over ` +
      `that server, as the processes do that moved them; or, to begin anew with files, delete ` +
      paths.departed,
  );
}

/**
 * @throws StoreError `STORE_IO` if there are no files: with a misspelled directory nothing would be
 *   moved, and everybody be logged out
 */
export async function assertPresent(files: Files, paths: CollectionPaths): Promise<void> {
  for (const path of [paths.journal, paths.snapshot, paths.departed]) {
    if ((await identity(files, path)) !== null) return;
  }
  throw new StoreError(
    "STORE_IO",
    `there are no sessions to move in ${paths.directory}: neither ${paths.journal} nor ` +
      `${paths.snapshot} exists. Correct the option "migrateFrom", or leave it out`,
  );
}

/** Resolves when the marker is on the disk, whoever has made it. */
export async function markDeparted(files: Files, paths: CollectionPaths): Promise<void> {
  try {
    const file = await files.open(paths.departed, "update");
    try {
      await file.writeThrough(Buffer.from(TEXT), 0);
    } finally {
      await file.close();
    }
    await files.syncDirectory(paths.directory); // guard: departure, directory
  } catch (cause) {
    throw ioError(`cannot write ${paths.departed}`, cause);
  }
}

async function identity(files: Files, path: string): Promise<unknown> {
  try {
    return await files.identity(path);
  } catch (cause) {
    throw ioError(`cannot look at ${path}`, cause);
  }
}
