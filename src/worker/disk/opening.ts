/**
 * Opens a collection: reads the snapshot, replays the journal over it, refuses wrong keys, sets
 * damage aside, cuts off a torn tail, and writes converted documents. Nothing is written until both
 * files are read and the key is proven.
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
import { type Converted, Replay, type Rewritten } from "./shapes/replay.js";
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
  /** How many damaged ranges were found. */
  readonly damaged: number;
  /** The file with the bytes that were set aside, or null. */
  readonly quarantine: string | null;
  /** When to compact: before serving if there is plaintext despite a key; soon if what was read is
   * damaged, of other shapes or under an older key, which the next opening would find again. */
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
  const { files, paths, clock, ttlMs, assertOwned, log } = parts;
  const salted = await existingKeyring(parts);
  const collection = new Collection();
  const now = clock.now();
  const replay = new Replay(collection, now, Math.min(now + ttlMs, MAX_TIME));
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
  const quarantined = await quarantine(files, paths, keyring, [
    ...findingsIn(snapshotFile, damage),
    ...findingsIn(journalFile, reading.damage),
  ]);
  const dropped = await quarantine(files, paths, keyring, converted.dropped.map(findingOf));
  if (dropped !== null) log(`fields that sessions do not keep were copied to ${dropped}`);
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
        : damaged > 0 || converted.records.length > 0 || keyring?.olderUsed === true
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

/** Opens the journal for appending: removes the torn tail and adds the converted documents. */
async function openJournal(
  { files, paths, clock, assertOwned }: OpeningParts,
  reading: JournalReading,
  keyring: Keyring | null,
  { records }: Converted,
): Promise<Journal> {
  const file = await files.open(paths.journal, "update");
  try {
    let { length } = reading;
    await assertOwned(); // guard: opening, still the owner before the cut
    await file.truncate(length); // guard: opening, cut of the torn tail
    if (reading.unterminated) await file.write(Buffer.from("\n"), length++);
    length = await append(file, length, records, keyring, clock.now());
    await file.sync(); // guard: opening, fsync of the journal
    await files.syncDirectory(paths.directory); // guard: opening, directory
    return new Journal(paths.journal, file, length);
  } catch (error) {
    // Otherwise each attempt would leave its part of the converted documents.
    await assertOwned()
      .then(() => file.truncate(reading.length))
      .catch(() => undefined);
    await file.close().catch(() => undefined);
    throw error;
  }
}

/** Bytes of converted documents that are written at once. */
const APPEND_BYTES = 1024 * 1024;

/** Writes records at the end of the journal. @returns its new length */
async function append(
  file: OpenFile,
  start: number,
  records: readonly Rewritten[],
  keyring: Keyring | null,
  now: number,
): Promise<number> {
  const lines = new LineBuffer();
  let length = start;
  const flush = async (): Promise<void> => {
    await file.write(lines.bytes(), length);
    length += lines.length;
    lines.clear();
  };
  for (const record of records) {
    lines.add(encodeLine(recordText(now, record), keyring));
    if (lines.length >= APPEND_BYTES) await flush();
  }
  await flush();
  return length;
}

function recordText(now: number, record: Rewritten): string {
  if (record.op === "store") return insertRecord(now, record.sid, record.session);
  if (record.op === "insert") return insertTextRecord(now, record.id, record.json);
  return deleteRecord(now, record.id);
}
