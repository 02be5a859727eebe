/**
 * Opens a collection: reads the snapshot, replays the journal over it, refuses wrong keys, sets
 * damage aside, cuts off a torn tail, and writes converted documents. Nothing is written until both
 * files are read and the key is proven.
 */
import { MAX_TIME } from "../../protocol/config.js";
import { StoreError } from "../../protocol/errors.js";
import type { Clock } from "../ports/clock.js";
import type { Files, OpenFile } from "../ports/files.js";
import type { Collection } from "./documents/collection.js";
import type { Executed } from "./executed.js";
import { withFiles } from "./files-at-once.js";
import type { Journal } from "./journal/journal.js";
import type { JournalReading } from "./journal/journal-reader.js";
import { openJournal } from "./journal-opening.js";
import { Keyring } from "./keys/keyring.js";
import { makeSalt, readSalt, settledSalt } from "./keys/salt.js";
import type { Lifetime } from "./lifetime.js";
import { load } from "./loading.js";
import type { CollectionPaths } from "./paths.js";
import { findingOf, findingsIn, quarantine, sealPlaintext } from "./quarantine.js";
import type { MemoryLimits } from "./memory-room.js";
import type { Converted } from "./shapes/replay.js";
import type { SnapshotReading } from "./snapshot/snapshot-reader.js";

export interface OpeningParts {
  readonly files: Files;
  readonly paths: CollectionPaths;
  readonly clock: Clock;
  readonly passwords: readonly string[];
  readonly limits: MemoryLimits;
  /** Rejects when another process has taken the collection. */
  readonly assertOwned: () => Promise<void>;
  /** Lifetime of a stored session without an expiry of its own. */
  readonly ttlMs: number;
  readonly lifetime: Lifetime;
  readonly executed: Executed;
  /** Whether nobody can be writing to the files any more who had them open before. */
  readonly isAlone: boolean;
  readonly log: (text: string) => void;
}

export interface OpenedCollection {
  readonly collection: Collection;
  readonly journal: Journal;
  readonly keyring: Keyring | null;
  readonly snapshotBytes: number;
  /** Documents of other applications, as JSON text: part of every snapshot. */
  readonly kept: Converted["kept"];
  /** How many records were read. */
  readonly recovered: number;
  /** When the first of the sessions was deleted that the files still have, or null. */
  readonly deletedSince: number | null;
  /** How many damaged ranges were found. */
  readonly damaged: number;
  /** The file with the bytes that were set aside, or null. */
  readonly quarantine: string | null;
  /** When to compact: before serving if there is plaintext despite a key; soon if what was read is
   * damaged, of other shapes, undated, under an older key or too much: the next opening would find it. */
  readonly compact: "first" | "soon" | "when-due";
}

/**
 * Opens a collection, or creates it if there is none.
 * @throws StoreError `STORE_KEY_MISMATCH`, `STORE_CORRUPT`, `STORE_FULL` or any error of the file system
 */
export async function openCollection(parts: OpeningParts): Promise<OpenedCollection> {
  return withFiles(parts.files, parts.paths, (snapshot, journal) =>
    openFiles(parts, snapshot, journal),
  );
}

async function openFiles(
  parts: OpeningParts,
  snapshotFile: OpenFile | null,
  journalFile: OpenFile | null,
): Promise<OpenedCollection> {
  const { files, paths, clock, limits, ttlMs, lifetime, executed, assertOwned, log } = parts;
  const salted = await existingKeyring(parts);
  const now = clock.now();
  const { collection, replay, snapshot, journal, isPartial } = await load({
    snapshotFile,
    journalFile,
    keyring: salted,
    limits,
    executed,
    now,
    fallbackExpiry: Math.min(now + ttlMs, MAX_TIME),
  });
  assertReadable(parts, salted, snapshot, journal);
  // Reading may have taken long, and files are written from here on.
  await assertOwned(); // guard: opening, still the owner before damage is set aside

  const keyring = await keyringFor(parts, salted);
  const converted = replay.finish();
  const hasUndated = await lifetime.apply(collection, now);
  const read = snapshot.state === "read" ? snapshot : null;
  const damage = read?.damage ?? [];
  const quarantined = await quarantine(files, paths, keyring, [
    ...findingsIn(snapshotFile, damage),
    ...findingsIn(journalFile, journal.damage),
  ]);
  const dropped = await quarantine(files, paths, keyring, converted.dropped.map(findingOf));
  if (dropped !== null) log(`fields that sessions do not keep were copied to ${dropped}`);
  if (keyring !== null) await sealPlaintext(files, paths, keyring);
  const damaged = damage.length + journal.damage.length;
  const isPlain = journal.plain || read?.encrypted === false;
  return {
    collection,
    journal: await openJournal(parts, journalFile, journal, keyring, converted),
    keyring,
    snapshotBytes: read?.bytes ?? 0,
    kept: converted.kept,
    recovered: replay.records,
    deletedSince: replay.deletedSince,
    damaged,
    quarantine: quarantined,
    compact:
      keyring !== null && isPlain
        ? "first"
        : isPartial ||
            hasUndated ||
            damaged > 0 ||
            converted.steps.length > 0 ||
            keyring?.olderUsed === true
          ? "soon"
          : "when-due",
  };
}

/** The keys derived from the salt of the directory; null without a password or a salt. */
export async function existingKeyring({
  files,
  paths,
  passwords,
}: Pick<OpeningParts, "files" | "paths" | "passwords">): Promise<Keyring | null> {
  const [first, ...others] = passwords;
  if (first === undefined) return null;
  const salt = await readSalt(files, paths);
  return salt === null ? null : Keyring.derive([first, ...others], salt);
}

async function keyringFor(
  { files, paths, clock, passwords }: OpeningParts,
  salted: Keyring | null,
): Promise<Keyring | null> {
  const [first, ...others] = passwords;
  if (first === undefined) return null;
  if (salted === null) await makeSalt(files, paths);
  const salt = await settledSalt(files, paths, clock);
  // Without a salt everything would be written as plaintext.
  if (salt !== null) return salted ?? Keyring.derive([first, ...others], salt);
  throw damagedSalt(paths);
}

export function damagedSalt(paths: CollectionPaths): StoreError {
  return new StoreError(
    "STORE_CORRUPT",
    `${paths.salt} is damaged: restore it from a backup or, if nothing in its directory is ` +
      "encrypted, delete it",
  );
}

/** Rejects a collection that cannot be read with these passwords. */
export function assertReadable(
  { paths, passwords }: Pick<OpeningParts, "paths" | "passwords">,
  keyring: Keyring | null,
  snapshot: SnapshotReading,
  journal: JournalReading,
): void {
  const mismatch = (message: string): StoreError => new StoreError("STORE_KEY_MISMATCH", message);
  if (snapshot.state === "sealed" || journal.keys === "missing") {
    const file = snapshot.state === "sealed" ? paths.snapshot : paths.journal;
    if (passwords.length === 0) {
      throw mismatch(`${file} is encrypted: set the option "encryptionKey"`);
    }
    if (keyring === null) {
      throw mismatch(
        `${file} is encrypted, and ${paths.salt}, which is needed to derive its key, ` +
          "is missing or damaged: restore that salt file from a backup",
      );
    }
  }
  const isProven = snapshot.state === "read" && snapshot.encrypted;
  const isWrong = journal.keys === "wrong" || (journal.keys === "doubtful" && !isProven);
  if (snapshot.state === "unknown-key" || isWrong) {
    const file = snapshot.state === "unknown-key" ? paths.snapshot : paths.journal;
    throw mismatch(
      `${file} cannot be decrypted: either the option "encryptionKey" lacks the password it was ` +
        `written with, or ${paths.salt} was replaced, or neighboring lines are damaged. Correct the ` +
        "option or restore the file; nothing has been changed",
    );
  }
  if (snapshot.state === "unverifiable") {
    throw new StoreError(
      "STORE_CORRUPT",
      `${paths.snapshot} was modified or truncated, and nothing in it can be verified. ` +
        "Restore it from a backup, or move it away to open the collection without it; " +
        "nothing has been changed",
    );
  }
}
