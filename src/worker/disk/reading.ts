/**
 * Reads a collection as an opening would, without its lock and without writing a byte: for whoever
 * looks at it from outside. A store may have it open meanwhile.
 */
import { MAX_TIME } from "../../protocol/config.js";
import { readSmallFile } from "../ports/files.js";
import { type Damage, damageIn } from "./damage.js";
import type { Collection } from "./documents/collection.js";
import { Executed } from "./executed.js";
import { type FilesAtOnce, withFilesAtOnce } from "./files-at-once.js";
import type { Keyring } from "./keys/keyring.js";
import { load } from "./loading.js";
import { memoryLimits } from "./memory-room.js";
import { assertReadable, damagedSalt, existingKeyring, type OpeningParts } from "./opening.js";

type ReadingParts = Pick<OpeningParts, "files" | "paths" | "clock" | "passwords" | "ttlMs">;

/** What an opening would find. */
export interface Reading {
  readonly collection: Collection;
  /** How many records were read. */
  readonly records: number;
  /** The damaged lines. */
  readonly damage: readonly Damage[];
  /** How many bytes at the end of the journal are a write that was cut short. */
  readonly tornBytes: number;
  /** Null where there is no such file. */
  readonly journalBytes: number | null;
  readonly snapshotBytes: number | null;
  readonly isEncrypted: boolean;
  /** How many documents of other shapes an opening would convert. */
  readonly converted: number;
}

/**
 * @returns null if there is no such collection
 * @throws StoreError as an opening does, or any error of the file system
 */
export async function readCollection(parts: ReadingParts): Promise<Reading | null> {
  return withFilesAtOnce(parts.files, parts.paths, (found) => readFiles(parts, found));
}

async function readFiles(
  parts: ReadingParts,
  { snapshot: snapshotFile, journal: journalFile, hasChanged }: FilesAtOnce,
): Promise<Reading | "changed" | null> {
  if (snapshotFile === null && journalFile === null) return null;
  const { clock, ttlMs } = parts;
  const keyring = await existingKeyring(parts);
  const now = clock.now();
  const loaded = await load({
    snapshotFile,
    journalFile,
    keyring,
    executed: new Executed(clock),
    limits: memoryLimits(),
    now,
    fallbackExpiry: Math.min(now + ttlMs, MAX_TIME),
  });
  if (await hasChanged()) return "changed"; // guard: reading, both files are of one moment
  assertReadable(parts, keyring, loaded.snapshot, loaded.journal);
  await assertSalt(parts, keyring);
  const journalBytes = (await journalFile?.size()) ?? null;
  const read = loaded.snapshot.state === "read" ? loaded.snapshot : null;
  return {
    collection: loaded.collection,
    records: loaded.replay.records,
    damage: [
      ...(await damageIn("snapshot", snapshotFile, read?.damage ?? [], keyring)),
      ...(await damageIn("journal", journalFile, loaded.journal.damage, keyring)),
    ],
    tornBytes: Math.max(0, (journalBytes ?? 0) - loaded.journal.length),
    journalBytes,
    snapshotBytes: read?.bytes ?? null,
    isEncrypted: read?.encrypted === true || loaded.journal.keys === "opened",
    converted: loaded.replay.finish().steps.flat().length,
  };
}

/** An opening with a password makes a salt where there is none, but does not replace a damaged one. */
async function assertSalt(
  { files, paths, passwords }: ReadingParts,
  keyring: Keyring | null,
): Promise<void> {
  if (passwords.length === 0 || keyring !== null) return;
  if ((await readSmallFile(files, paths.salt)) !== null) throw damagedSalt(paths);
}
