/**
 * Opens the journal for appending, in a new file if somebody may still write to the one that was read:
 * cuts off its torn tail, and writes what has been converted, step by step.
 */
import type { Clock } from "../ports/clock.js";
import type { Files, OpenFile } from "../ports/files.js";
import { Journal } from "./journal/journal.js";
import type { JournalReading } from "./journal/journal-reader.js";
import { deleteRecord, encodeLine, insertRecord, insertTextRecord } from "./journal/record.js";
import type { Keyring } from "./keys/keyring.js";
import { LineBuffer } from "./lines/line-buffer.js";
import type { CollectionPaths } from "./paths.js";
import type { Converted, Rewritten } from "./shapes/replay.js";

interface JournalOpeningParts {
  readonly files: Files;
  readonly paths: CollectionPaths;
  readonly clock: Clock;
  /** Whether nobody can be writing to the files any more who had them open before. */
  readonly isAlone: boolean;
  /** Rejects when another process has taken the collection. */
  readonly assertOwned: () => Promise<void>;
}

export async function openJournal(
  parts: JournalOpeningParts,
  found: OpenFile | null,
  reading: JournalReading,
  keyring: Keyring | null,
  { steps }: Converted,
): Promise<Journal> {
  const { files, paths, clock, isAlone, assertOwned } = parts;
  const file =
    isAlone || found === null
      ? await files.open(paths.journal, "update")
      : await freshJournal(parts, found, reading.length);
  try {
    let { length } = reading;
    await assertOwned(); // guard: opening, still the owner before the cut
    await file.truncate(length); // guard: opening, cut of the torn tail
    if (reading.unterminated) await file.write(Buffer.from("\n"), length++);
    for (const records of steps) {
      // Otherwise, after a power cut, the torn tail could stick out behind these records, or they be
      // there without those of the step before.
      await file.sync(); // guard: opening, fsync before a step
      length = await append(file, length, records, keyring, clock.now());
    }
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

/**
 * Puts a copy in the place of the journal. Who had that open before, and may not know that he has lost
 * it, then writes to a file that nobody reads.
 */
async function freshJournal(
  { files, paths, assertOwned }: JournalOpeningParts,
  found: OpenFile,
  length: number,
): Promise<OpenFile> {
  await assertOwned();
  await files.remove(paths.journalTemporary);
  const fresh = await files.open(paths.journalTemporary, "create");
  try {
    await new Journal(paths.journal, found, length).copyTo(fresh, 0, length, 0);
    await fresh.sync();
    await assertOwned();
    await files.rename(paths.journalTemporary, paths.journal);
    await files.syncDirectory(paths.directory);
    return fresh;
  } catch (error) {
    await fresh.close().catch(() => undefined);
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
    if (lines.length < APPEND_BYTES) continue;
    await flush();
    // So that no fsync has so much to write that it takes longer than one may.
    await file.sync();
  }
  await flush();
  return length;
}

function recordText(now: number, record: Rewritten): string {
  if (record.op === "store") return insertRecord(now, record.sid, record.session);
  if (record.op === "insert") return insertTextRecord(now, record.id, record.json);
  return deleteRecord(now, record.id);
}
