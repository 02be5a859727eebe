/**
 * One compaction: the sessions in memory become a new snapshot, and the journal keeps only the
 * records since. Reads and writes continue meanwhile, except while the files are replaced.
 *
 * The snapshot is not of a single moment: each session is written as it is at its turn. That is
 * enough, because all records since the start stay in the journal, and replaying a record over a
 * state that already includes it changes nothing.
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
  /** Documents of other applications, as JSON text. */
  readonly kept: readonly (readonly [id: string, json: string])[];
  readonly journal: Journal;
  readonly committer: Committer;
  readonly keyring: Keyring | null;
  readonly clock: Clock;
  /** Rejects if another process has taken over the collection. */
  readonly assertOwned: () => Promise<void>;
}

interface CompactionWatch {
  /** Whether the compaction is no longer wanted. */
  isGivenUp(): boolean;
  /** Called when the new snapshot, which has this length, has replaced the old one. */
  onSnapshot(bytes: number): void;
}

/**
 * Compacts the collection.
 * @throws StoreError `STORE_IO`, `STORE_LOCKED`; no data is lost: each file is either old or new
 */
export async function compact(parts: CompactionParts, watch: CompactionWatch): Promise<void> {
  const { journal, committer } = parts;
  if (committer.disowned !== null) throw committer.disowned;
  // 1. All acknowledged writes are in memory; all records after `from` stay in the journal. If the
  //    journal is not trusted, nothing of it is kept, and writes are refused until it is replaced.
  const from = await committer.exclusively(() => Promise.resolve(journal.length));
  const trusted = journal.trusted;
  const next: NextJournal = { file: null, from, copied: from, trusted };
  try {
    // 2. A crash here leaves the old files, and temporary ones that the next opening removes.
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
    throw ioError(`cannot compact the collection in ${parts.paths.directory}`, cause);
  }
}

/** The journal that will replace the current one. */
interface NextJournal {
  /** Null before it is created, and once it is in use. */
  file: OpenFile | null;
  /** It starts with the records at this offset of the current one … */
  readonly from: number;
  /** … and contains them up to this offset. */
  copied: number;
  /** Whether the current one was trusted when the compaction began. */
  readonly trusted: boolean;
}

/** Replaces the files; runs while nothing is being committed. */
async function replaceFiles(
  { files, paths, journal, committer, assertOwned }: CompactionParts,
  next: NextJournal,
  onSnapshot: () => void,
): Promise<void> {
  const { file: target, from, copied, trusted } = next;
  if (target === null || journal.trusted !== trusted)
    throw new Error(`${paths.journal} failed during the compaction`);
  const end = trusted ? journal.length : copied;
  await journal.copyTo(target, copied, end, copied - from);
  await target.sync(); // guard: compaction, fsync of the new journal
  // Without `durable` the old journal may lack its end on the disk; replaying it would undo writes.
  if (trusted) await journal.sync(); // guard: compaction, fsync of the old journal
  await assertOwned(); // guard: compaction, still the owner before the snapshot
  // 3. A crash after this rename leaves the new snapshot and the whole old journal, which may be
  //    replayed over it. The rename must be on the disk before the journal is replaced.
  await files.rename(paths.snapshotTemporary, paths.snapshot);
  await files.syncDirectory(paths.directory); // guard: compaction, directory after the snapshot
  onSnapshot();
  // 4. A crash after this rename leaves the new snapshot and the new journal, but a power cut may
  //    restore the old one until the directory is synced, so nothing may be acknowledged before.
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

/** Writes and fsyncs the temporary snapshot. @returns its length */
async function writeSnapshot(parts: CompactionParts, watch: CompactionWatch): Promise<number> {
  const { paths, collection, kept, keyring, clock } = parts;
  const file = await makeFile(parts, paths.snapshotTemporary);
  const drain = async (writer: SnapshotWriter): Promise<void> => {
    if (watch.isGivenUp()) {
      throw new StoreError("STORE_CLOSED", "the store was closed during the compaction");
    }
    await writer.drain();
  };
  try {
    const writer = new SnapshotWriter(file, keyring, collection.version, clock.now());
    // Before the sessions: of two elements with one id, the session must be the later, and count.
    for (const [id, json] of kept) if (writer.add(id, json)) await drain(writer);
    // Sessions stored from now on are in the new journal, so those that exist now suffice.
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

/** Creates a file. Never reuses an existing one, which a new owner may have open. */
async function makeFile({ files, assertOwned }: CompactionParts, path: string): Promise<OpenFile> {
  await assertOwned();
  await files.remove(path);
  return files.open(path, "create");
}

async function discard(
  { files, paths, assertOwned }: CompactionParts,
  journalFile: OpenFile | null,
): Promise<void> {
  // The next opening removes whatever cannot be removed now.
  await journalFile?.close().catch(() => undefined);
  for (const path of [paths.snapshotTemporary, paths.journalTemporary]) {
    // A new owner uses the same names for its own files.
    await assertOwned()
      .then(() => files.remove(path))
      .catch(() => undefined);
  }
}
