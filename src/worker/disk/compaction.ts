/**
 * One compaction: the sessions in memory become a new snapshot, and the journal keeps only what came
 * since. It streams; reads and writes go on, except for the few moments of the switch.
 *
 * The snapshot does not show one moment: a session is written as it is when its turn comes. That is
 * enough, because all records since the start stay in the journal and can be replayed over a state
 * that has them already.
 */
import { StoreError } from "../../protocol/errors.js";
import type { Clock } from "../ports/clock.js";
import { ioError } from "../ports/failure.js";
import type { Files, OpenFile } from "../ports/files.js";
import type { Committer } from "./committer.js";
import type { Collection } from "./documents/collection.js";
import { documentText } from "./documents/document.js";
import type { Journal } from "./journal/journal.js";
import type { Keyring } from "./keys/keyring.js";
import type { CollectionPaths } from "./paths.js";
import { SnapshotWriter } from "./snapshot/snapshot-writer.js";

export interface CompactionParts {
  readonly files: Files;
  readonly paths: CollectionPaths;
  readonly collection: Collection;
  /** Documents of other applications, as JSON text: part of every snapshot. */
  readonly kept: readonly (readonly [id: string, json: string])[];
  readonly journal: Journal;
  readonly committer: Committer;
  readonly keyring: Keyring | null;
  readonly clock: Clock;
  /** Rejects when the collection is no longer this store's to write to. */
  readonly assertOwned: () => Promise<void>;
}

/** What a compaction asks and tells while it runs. */
export interface CompactionWatch {
  /** Whether nobody wants it any more. */
  isGivenUp(): boolean;
  /** Called when the new snapshot, of this length, has taken the place of the old one. */
  onSnapshot(bytes: number): void;
}

/**
 * Compacts.
 * @throws StoreError `STORE_IO`, `STORE_LOCKED`; nothing is lost, the files are as before or after
 */
export async function compact(parts: CompactionParts, watch: CompactionWatch): Promise<void> {
  const { journal, committer } = parts;
  if (committer.disowned !== null) throw committer.disowned;
  // 1. All that is acknowledged is in memory; everything after `from` will stay in the journal.
  //    In a journal that cannot be trusted nothing is worth keeping, and no write is let through.
  const from = await committer.exclusively(() => Promise.resolve(journal.length));
  const trusted = journal.trusted;
  const next: NextJournal = { file: null, from, copied: from, trusted };
  try {
    // 2. A crash here leaves the old files, and temporaries that the next opening removes.
    const snapshotBytes = await writeSnapshot(parts, watch);
    next.file = await makeFile(parts, parts.paths.journalTemporary);
    if (trusted) {
      next.copied = journal.length;
      await journal.copyTo(next.file, from, next.copied, 0);
    }
    await committer.exclusively(() =>
      replaceFiles(parts, next, () => {
        watch.onSnapshot(snapshotBytes);
      }),
    );
  } catch (cause) {
    await discard(parts, next.file);
    throw ioError("cannot compact", cause);
  }
}

/** The journal that will take the place of the present one. */
interface NextJournal {
  /** Null before it is made, and once it is in use. */
  file: OpenFile | null;
  /** It starts with the record that stands here in the present one … */
  readonly from: number;
  /** … and has been copied up to here. */
  copied: number;
  /** Whether the present one could be trusted when the compaction began. */
  readonly trusted: boolean;
}

/** Puts the new files in place while nothing is committed. */
async function replaceFiles(
  { files, paths, journal, committer, assertOwned }: CompactionParts,
  next: NextJournal,
  onSnapshot: () => void,
): Promise<void> {
  const { file: target, from, copied, trusted } = next;
  if (target === null || journal.trusted !== trusted)
    throw new Error("the journal failed meanwhile");
  const end = trusted ? journal.length : copied;
  await journal.copyTo(target, copied, end, copied - from);
  await target.sync(); // guard: compaction, fsync of the new journal
  // Without fsync at each commit the old journal may lack its end, and would be replayed so.
  if (trusted) await journal.sync(); // guard: compaction, fsync of the old journal
  await assertOwned(); // guard: compaction, still the owner before the snapshot
  // 3. After this rename: the new snapshot and the whole old journal, which may be replayed
  //    over it. It must be on the disk before the journal is shortened.
  await files.rename(paths.snapshotTemporary, paths.snapshot);
  await files.syncDirectory(paths.directory); // guard: compaction, directory after the snapshot
  onSnapshot();
  // 4. After this rename: the new snapshot and the new journal. Until the directory is on
  //    the disk a power cut may bring back the old journal, so nothing may be acknowledged.
  await assertOwned(); // guard: compaction, still the owner before the journal
  try {
    await journal.release();
    await files.rename(paths.journalTemporary, paths.journal);
    next.file = null;
    journal.replace(target, end - from);
    await files.syncDirectory(paths.directory); // guard: compaction, directory after the journal
  } catch (cause) {
    journal.distrust();
    throw ioError(`cannot replace ${paths.journal}`, cause);
  }
  committer.resume();
}

/** Writes the temporary snapshot and fsyncs it. @returns its length */
async function writeSnapshot(parts: CompactionParts, watch: CompactionWatch): Promise<number> {
  const { paths, collection, kept, keyring, clock } = parts;
  const file = await makeFile(parts, paths.snapshotTemporary);
  const drain = async (writer: SnapshotWriter): Promise<void> => {
    if (watch.isGivenUp()) throw new StoreError("STORE_CLOSED", "the store was closed meanwhile");
    await writer.drain();
  };
  try {
    const writer = new SnapshotWriter(file, keyring, collection.version, clock.now());
    // Before the sessions, one of which may have been stored under the same id since.
    for (const [id, json] of kept) if (writer.add(id, json)) await drain(writer);
    // Sessions stored from now on are in the journal as well: those that exist now are enough.
    let left = collection.size;
    for (const [sid, session] of collection.sessions()) {
      if (left === 0) break;
      left--;
      if (writer.add(sid, documentText(sid, session))) await drain(writer);
    }
    return await writer.finish();
  } finally {
    await file.close();
  }
}

/** A new file: one of that name may by now be another owner's, who has it open. */
async function makeFile({ files, assertOwned }: CompactionParts, path: string): Promise<OpenFile> {
  await assertOwned();
  await files.remove(path);
  return files.open(path, "create");
}

async function discard(
  { files, paths, assertOwned }: CompactionParts,
  journalFile: OpenFile | null,
): Promise<void> {
  // What cannot be removed now is removed by the next opening.
  await journalFile?.close().catch(() => undefined);
  for (const path of [paths.snapshotTemporary, paths.journalTemporary]) {
    // Those of a new owner have the same names.
    await assertOwned()
      .then(() => files.remove(path))
      .catch(() => undefined);
  }
}
