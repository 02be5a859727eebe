/**
 * How a collection comes back: the snapshot, the journal over it, and what to do about damage, torn
 * tails and keys. Nothing is written before all has been read and the key is proven.
 */
import { StoreError } from "../../protocol/errors.js";
import type { Clock } from "../ports/clock.js";
import { Collection } from "./documents/collection.js";
import { type Files, type OpenFile, openIfThere } from "../ports/files.js";
import { Journal } from "./journal/journal.js";
import { type JournalReading, readJournal } from "./journal/journal-reader.js";
import { Keyring, makeSalt, readSalt, settledSalt } from "./keys/keyring.js";
import { LineBuffer } from "./lines/line-buffer.js";
import type { CollectionPaths } from "./paths.js";
import { quarantine, resealQuarantine } from "./damage/quarantine.js";
import type { Stretch } from "./damage/quarantine-pieces.js";
import { encodeLine, insertOtherRecord, insertRecord } from "./journal/record.js";
import {
  type DamagedRange,
  readSnapshot,
  type SnapshotReading,
} from "./snapshot/snapshot-reader.js";

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
  /** Records read back. */
  readonly recovered: number;
  /** Damaged stretches set aside. */
  readonly quarantined: number;
  /** The files hold what only this store reads, or what an older key opened: better rewritten soon. */
  readonly shouldCompact: boolean;
  /** The files hold plaintext, and a key was given: only a compaction makes an end of it. */
  readonly mustEncrypt: boolean;
}

/**
 * Opens a collection, making it where there is none.
 * @throws StoreError `STORE_KEY_MISMATCH`, `STORE_CORRUPT` or, from the file system, any error
 */
export async function openCollection(parts: OpeningParts): Promise<OpenedCollection> {
  const { files, paths, clock, ttlMs } = parts;
  const snapshotFile = await openIfThere(files, paths.snapshot);
  let journalFile: OpenFile | null = null;
  try {
    journalFile = await openIfThere(files, paths.journal);
    const salted = await existingKeyring(parts);
    const collection = new Collection();
    const fallbackExpiry = Math.min(clock.now() + ttlMs, MAX_TIME);

    let recovered = 0;
    const snapshot = await readSnapshot(snapshotFile, salted, fallbackExpiry, (element) => {
      collection.load(element.id, element.document);
      recovered++;
    });
    if (snapshot.state === "read") collection.version = snapshot.version;
    const reading = await readJournal(journalFile, salted, fallbackExpiry, (record) => {
      collection.apply(record, fallbackExpiry);
      recovered++;
    });
    proveKey(parts, salted, snapshot, reading);
    // Reading may have taken long. From here on files are written.
    await parts.assertOwned();

    const keyring = await keyringFor(parts, salted);
    const damage = snapshot.state === "read" ? snapshot.damage : [];
    if (keyring !== null) await resealQuarantine(files, paths, keyring);
    const torn = reading.tornTail === null ? [] : [reading.tornTail];
    await quarantine(
      files,
      paths,
      keyring,
      [...stretches(snapshotFile, damage), ...stretches(journalFile, reading.damage)],
      stretches(journalFile, torn),
    );

    return {
      collection,
      journal: await openJournal(parts, reading, collection, keyring),
      keyring,
      snapshotBytes: snapshot.state === "read" ? snapshot.bytes : 0,
      recovered,
      quarantined: damage.length + reading.damage.length,
      shouldCompact:
        reading.irregular ||
        (snapshot.state === "read" && snapshot.irregular) ||
        keyring?.olderUsed === true,
      mustEncrypt:
        keyring !== null && (reading.plain || (snapshot.state === "read" && !snapshot.encrypted)),
    };
  } finally {
    // They were only read, so an error says nothing; and one must not keep the other open.
    await Promise.allSettled([snapshotFile?.close(), journalFile?.close()]);
  }
}

function stretches(file: OpenFile | null, ranges: readonly DamagedRange[]): Stretch[] {
  return file === null ? [] : ranges.map(({ start, end }) => ({ file, start, end }));
}

/** Keys from the salt that the directory has, or null where no key was given or no salt is there. */
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
function proveKey(
  { paths, passwords }: OpeningParts,
  keyring: Keyring | null,
  snapshot: SnapshotReading,
  journal: JournalReading,
): void {
  const mismatch = (message: string): StoreError => new StoreError("STORE_KEY_MISMATCH", message);
  const proven = journal.encrypted || (snapshot.state === "read" && snapshot.encrypted);
  const otherKey = journal.otherKeyRun || (journal.unknownKey && !proven);
  const sealedFile = snapshot.state === "sealed" ? paths.snapshot : paths.journal;
  if (snapshot.state === "sealed" || journal.sealed) {
    if (passwords.length === 0) {
      throw mismatch(`${sealedFile} is encrypted: open it with the option encryptionKey`);
    }
    if (keyring === null) {
      throw mismatch(
        `${sealedFile} is encrypted, and ${paths.salt}, from which its key is derived, is missing or damaged: ` +
          "restore that file from a backup",
      );
    }
  }
  if (snapshot.state === "unknown-key" || otherKey) {
    const file = snapshot.state === "unknown-key" ? paths.snapshot : paths.journal;
    throw mismatch(
      `${file} cannot be decrypted: encryptionKey is not the one it was written with, ` +
        `or ${paths.salt} was replaced. Nothing has been changed`,
    );
  }
  if (snapshot.state === "unverifiable") {
    throw new StoreError(
      "STORE_CORRUPT",
      `${paths.snapshot} was changed or cut short, and nothing in it can be proven whole: ` +
        "restore it from a backup, or move it away to open without it. Nothing has been changed",
    );
  }
}

/** The journal, ready to be appended to: the torn tail cut off, its last line ended. */
async function openJournal(
  { files, paths, clock, assertOwned }: OpeningParts,
  reading: JournalReading,
  collection: Collection,
  keyring: Keyring | null,
): Promise<Journal> {
  const file = await files.open(paths.journal, "update");
  try {
    const lines = new LineBuffer();
    // After the crash of a compaction an increment would be replayed over its own result: what was
    // incremented is written whole, before a compaction can begin.
    for (const id of collection.incremented) {
      const document = collection.document(id);
      if (document === null) continue;
      lines.add(
        encodeLine(
          document.sid === null
            ? insertOtherRecord(clock.now(), id, document.json)
            : insertRecord(clock.now(), document.sid, document.session),
          keyring,
        ),
      );
    }
    let { length } = reading;
    await assertOwned();
    await file.truncate(length);
    if (reading.unterminated) await file.write(Buffer.from("\n"), length++);
    await file.write(lines.bytes(), length);
    length += lines.length;
    await file.sync();
    await files.syncDirectory(paths.directory);
    return new Journal(paths.journal, file, length);
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}
