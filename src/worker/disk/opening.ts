/**
 * How a collection comes back: the snapshot, the journal over it, and what to do about damage, torn
 * tails, keys and foreign shapes. Nothing is written before all has been read and the key is proven.
 */
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

/** As far as JavaScript's dates go. */
const MAX_TIME = 8.64e15;

export interface OpeningParts {
  readonly files: Files;
  readonly paths: CollectionPaths;
  readonly clock: Clock;
  readonly passwords: readonly string[];
  /** Rejects when another process has taken the collection. */
  readonly assertOwned: () => Promise<void>;
  /** Lifetime of a session that says nothing about its own. */
  readonly ttlMs: number;
}

export interface OpenedCollection {
  readonly collection: Collection;
  readonly journal: Journal;
  readonly keyring: Keyring | null;
  readonly snapshotBytes: number;
  /** Documents of other applications, as JSON text, which are part of every snapshot. */
  readonly kept: Converted["kept"];
  /** Records read. */
  readonly recovered: number;
  /** Damaged places. */
  readonly damaged: number;
  /** The file that has what was set aside, if anything was. */
  readonly quarantine: string | null;
  /** When the files must be rewritten: they hold plaintext though a key was given, or damage. */
  readonly compact: "first" | "soon" | "when-due";
}

/**
 * Opens a collection, making it where there is none.
 * @throws StoreError `STORE_KEY_MISMATCH`, `STORE_CORRUPT` or, from the file system, any error
 */
export async function openCollection(parts: OpeningParts): Promise<OpenedCollection> {
  const { files, paths } = parts;
  const snapshotFile = await openIfThere(files, paths.snapshot);
  let journalFile: OpenFile | null = null;
  try {
    journalFile = await openIfThere(files, paths.journal);
    return await openFiles(parts, snapshotFile, journalFile);
  } finally {
    // They were only read, so an error says nothing; and one must not keep the other open.
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
  // Reading may have taken long. From here on files are written.
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

/** Keys from the salt that the directory has; null where no key was given or there is no salt. */
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
  // Without one everything would be written in the clear.
  if (salt !== null) return salted ?? Keyring.derive([first, ...others], salt);
  throw new StoreError(
    "STORE_CORRUPT",
    `${paths.salt} is damaged: restore it from a backup or, if nothing in the directory is encrypted, delete it`,
  );
}

/** Refuses a collection that these keys, or the lack of one, cannot read. */
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
      throw mismatch(`${file} is encrypted: open it with the option encryptionKey`);
    }
    if (keyring === null) {
      throw mismatch(
        `${file} is encrypted, and ${paths.salt}, from which its key is derived, is missing or damaged: ` +
          "restore that file from a backup",
      );
    }
  }
  const isProven = snapshot.state === "read" && snapshot.encrypted;
  const isWrong = journal.keys === "wrong" || (journal.keys === "doubtful" && !isProven);
  if (snapshot.state === "unknown-key" || isWrong) {
    const file = snapshot.state === "unknown-key" ? paths.snapshot : paths.journal;
    throw mismatch(
      `${file} cannot be decrypted: encryptionKey is not the one it was written with, ` +
        `or ${paths.salt} was replaced. Nothing has been changed`,
    );
  }
  if (snapshot.state === "unverifiable") {
    throw new StoreError(
      "STORE_CORRUPT",
      `${paths.snapshot} was changed or cut short, and nothing in it can be verified: ` +
        "restore it from a backup, or move it away to open without it. Nothing has been changed",
    );
  }
}

/** The journal, ready to be appended to: its torn tail cut off, and what was converted in it. */
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

/** The sessions under their own ids before the documents go that had them under others. */
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
