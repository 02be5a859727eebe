/**
 * Opens a collection: reads the snapshot, replays the journal over it, and handles damage, keys and
 * documents of other shapes. Nothing is written until both files are read and the key is proven.
 */
import { MAX_TIME } from "../../protocol/config.js";
import { StoreError } from "../../protocol/errors.js";
import type { Clock } from "../ports/clock.js";
import { type Files, type OpenFile, openIfThere } from "../ports/files.js";
import { Collection } from "./documents/collection.js";
import { Journal } from "./journal/journal.js";
import { type JournalReading, readJournal } from "./journal/journal-reader.js";
import { deleteRecord, encodeLine, insertRecord, insertTextRecord } from "./journal/record.js";
import { Keyring } from "./keys/keyring.js";
import { makeSalt, readSalt, settledSalt } from "./keys/salt.js";
import { LineBuffer } from "./lines/line-buffer.js";
import type { CollectionPaths } from "./paths.js";
import { findingOf, findingsIn, quarantine, sealPlaintext } from "./quarantine.js";
import { type Converted, Replay } from "./shapes/replay.js";
import { readSnapshot, type SnapshotReading } from "./snapshot/snapshot-reader.js";

interface OpeningParts {
  readonly files: Files;
  readonly paths: CollectionPaths;
  readonly clock: Clock;
  readonly passwords: readonly string[];
  /** Rejects when another process has taken the collection. */
  readonly assertOwned: () => Promise<void>;
  /** Lifetime of a stored session without an expiry of its own. */
  readonly ttlMs: number;
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
  /** How many damaged ranges were found. */
  readonly damaged: number;
  /** The file with the bytes that were set aside, or null. */
  readonly quarantine: string | null;
  /** When to compact: before serving if there is plaintext despite a key, soon if damaged. */
  readonly compact: "first" | "soon" | "when-due";
}

/**
 * Opens a collection, or creates it if there is none.
 * @throws StoreError `STORE_KEY_MISMATCH`, `STORE_CORRUPT` or any error of the file system
 */
export async function openCollection(parts: OpeningParts): Promise<OpenedCollection> {
  const { files, paths } = parts;
  const snapshotFile = await openIfThere(files, paths.snapshot);
  let journalFile: OpenFile | null = null;
  try {
    journalFile = await openIfThere(files, paths.journal);
    return await openFiles(parts, snapshotFile, journalFile);
  } finally {
    // They were only read, so errors do not matter; and one must not keep the other open.
    await Promise.allSettled([snapshotFile?.close(), journalFile?.close()]);
  }
}

async function openFiles(
  parts: OpeningParts,
  snapshotFile: OpenFile | null,
  journalFile: OpenFile | null,
): Promise<OpenedCollection> {
  const { files, paths, clock, ttlMs, assertOwned } = parts;
  const salted = await existingKeyring(parts);
  const collection = new Collection();
  const replay = new Replay(collection, Math.min(clock.now() + ttlMs, MAX_TIME));
  const snapshot = await readSnapshot(snapshotFile, salted, (change) => {
    replay.apply(change);
  });
  if (snapshot.state === "read") collection.version = snapshot.version;
  const reading = await readJournal(journalFile, salted, (change) => {
    replay.apply(change);
  });
  assertReadable(parts, salted, snapshot, reading);
  // Reading may have taken long, and files are written from here on.
  await assertOwned(); // guard: opening, still the owner before damage is set aside

  const keyring = await keyringFor(parts, salted);
  const converted = replay.finish();
  const read = snapshot.state === "read" ? snapshot : null;
  const damage = read?.damage ?? [];
  const findings = [
    ...findingsIn(snapshotFile, damage),
    ...findingsIn(journalFile, reading.damage),
    ...converted.aside.map(findingOf),
  ];
  const quarantined = await quarantine(files, paths, keyring, findings);
  if (keyring !== null) await sealPlaintext(files, paths, keyring);
  const damaged = damage.length + reading.damage.length;
  const isPlain = reading.plain || read?.encrypted === false;
  return {
    collection,
    journal: await openJournal(parts, reading, keyring, converted),
    keyring,
    snapshotBytes: read?.bytes ?? 0,
    kept: converted.kept,
    recovered: replay.records,
    damaged,
    quarantine: quarantined,
    compact:
      keyring !== null && isPlain
        ? "first"
        : damaged > 0 || keyring?.olderUsed === true
          ? "soon"
          : "when-due",
  };
}

/** The keys derived from the salt of the directory; null without a password or a salt. */
async function existingKeyring({ files, paths, passwords }: OpeningParts): Promise<Keyring | null> {
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
  throw new StoreError(
    "STORE_CORRUPT",
    `${paths.salt} is damaged: restore it from a backup or, if nothing in its directory is ` +
      "encrypted, delete it",
  );
}

/** Rejects a collection that cannot be read with these passwords. */
function assertReadable(
  { paths, passwords }: OpeningParts,
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
        `written with, or ${paths.salt} was replaced. Correct the option or restore that file; ` +
        "nothing has been changed",
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

/** Opens the journal for appending: removes the torn tail and adds the converted documents. */
async function openJournal(
  { files, paths, clock, assertOwned }: OpeningParts,
  reading: JournalReading,
  keyring: Keyring | null,
  converted: Converted,
): Promise<Journal> {
  const file = await files.open(paths.journal, "update");
  try {
    const lines = convertedLines(converted, keyring, clock.now());
    let { length } = reading;
    await assertOwned(); // guard: opening, still the owner before the cut
    await file.truncate(length); // guard: opening, cut of the torn tail
    if (reading.unterminated) await file.write(Buffer.from("\n"), length++);
    await file.write(lines.bytes(), length);
    length += lines.length;
    await file.sync(); // guard: opening, fsync of the journal
    await files.syncDirectory(paths.directory); // guard: opening, directory
    return new Journal(paths.journal, file, length);
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}

/** First the sessions under their own ids, then the deletion of those under other ids. */
function convertedLines(converted: Converted, keyring: Keyring | null, now: number): LineBuffer {
  const { sessions, removed, patched } = converted;
  const lines = new LineBuffer();
  const add = (record: string): void => {
    lines.add(encodeLine(record, keyring));
  };
  for (const [sid, session] of sessions) add(insertRecord(now, sid, session));
  for (const [id, json] of patched) add(insertTextRecord(now, id, json));
  for (const id of removed) add(deleteRecord(now, id));
  return lines;
}
