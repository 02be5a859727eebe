/** What is done once a collection has been opened: leftovers go, what is to run by itself begins. */
import { StoreError } from "../../protocol/errors.js";
import type { Files } from "../ports/files.js";
import type { Limits } from "./lifetime.js";
import type { OpenedCollection } from "./opening.js";
import type { Parts, Wiring } from "./parts.js";
import type { CollectionPaths } from "./paths.js";

/** Removes files that a crash left unfinished. Only after opening: a wrong key changes nothing. */
export async function removeLeftovers(files: Files, paths: CollectionPaths): Promise<void> {
  await files.remove(paths.snapshotTemporary);
  await files.remove(paths.journalTemporary);
  await files.remove(paths.quarantineTemporary); // guard: engine, half a quarantine is removed
  await files.remove(paths.saltTemporary); // guard: engine, half a salt is removed
}

/** @throws StoreError if plaintext cannot be encrypted, which comes before anything else */
export async function start(
  { report, log, paths, config }: Wiring,
  { compact, damaged, quarantine, collection }: OpenedCollection,
  { compactor, sweeper, presence, userSessions }: Parts,
): Promise<void> {
  if (compact === "first") await compactor.run();
  if (damaged > 0) {
    const copied =
      quarantine === null
        ? "There were no bytes to set aside"
        : `The damaged bytes were copied to ${quarantine}`;
    report(
      new StoreError(
        "STORE_CORRUPT",
        `the collection in ${paths.directory} is damaged in ${damaged} places. ${copied}. ` +
          "All other sessions were loaded; restore a backup if you need the missing ones",
      ),
    );
  }
  // Without a rewrite, the next opening would find the same damage again.
  if (compact === "soon") compactor.runInBackground();
  sweeper.start();
  presence.start();
  if (config.hasUsers) void userSessions.index();
  log(`opened ${paths.directory}: ${collection.size} sessions`);
}

/**
 * Applies limits that come after the collection was opened. What it returns resolves when they, and
 * all before, hold for every session.
 */
export function limiter(
  { lifetime, clock }: Wiring,
  { collection }: OpenedCollection,
  { pending, compactor }: Parts,
): (limits: Limits) => Promise<void> {
  let applied: Promise<unknown> = Promise.resolve();
  const apply = async (): Promise<void> => {
    const now = clock.now();
    // Whatever is not in the collection yet.
    const isUndated = pending.limit(now);
    const hasUndated = await lifetime.apply(collection, now);
    // So that they are as old after a restart.
    if (isUndated || hasUndated) compactor.runInBackground();
  };
  return async (limits) => {
    if (lifetime.tighten(limits)) applied = Promise.all([applied, apply()]);
    await applied;
  };
}
