/**
 * One compaction: the sessions in memory become a new snapshot, and the journal keeps only the
 * records since. Reads and writes continue meanwhile, except while the files are replaced.
 *
 * The snapshot is not of a single moment: each session is written as it is at its turn. That is
 * enough, because all records since the start stay in the journal, and replaying a record over a
 * state that already includes it changes nothing.
 */
import type { StoreError } from "../../protocol/errors.js";
import { ioError } from "../ports/failure.js";
import type { OpenFile } from "../ports/files.js";
import type { Committer } from "./committer.js";
import type { Room, RoomParts } from "./disk-room.js";
import { documentText } from "./documents/document.js";
import type { Executed } from "./executed.js";
import { keepSalt } from "./keys/salt.js";
import { writeMarks } from "./marks.js";
import { OldFiles } from "./old-files.js";
import { Pace } from "./pace.js";
import { SnapshotWriter, SYNC_BYTES } from "./snapshot/snapshot-writer.js";

/** Bytes of the journal that are copied at once. */
const COPY_BYTES = 1024 * 1024;

export interface CompactionParts extends RoomParts {
  readonly committer: Committer;
  readonly executed: Executed;
  /** Rejects if another process has taken over the collection. */
  readonly assertOwned: () => Promise<void>;
}

/** The files that will replace the current ones. */
interface NewFiles {
  readonly snapshotBytes: number;
  readonly journal: OpenFile;
  /** How much farther from its beginning a record is than in the current journal. */
  readonly shift: number;
  /** The new journal has the records up to this offset of the current one. */
  readonly copied: number;
  /** Whether the current one was trusted when the compaction began. */
  readonly trusted: boolean;
}

export class Compaction {
  readonly #parts: CompactionParts;
  readonly #room: Room;
  readonly #onSnapshot: (bytes: number) => void;
  /** The new files, until they are in use. */
  readonly #temporaries = new Set<OpenFile>();
  #givenUp: StoreError | null = null;
  /** Frees the room that the new files take, when it is given up or has failed. */
  #freeing: Promise<void> | null = null;
  #isReplacing = false;

  /** @param onSnapshot called when the new snapshot, which has this length, has replaced the old */
  constructor(parts: CompactionParts, room: Room, onSnapshot: (bytes: number) => void) {
    this.#parts = parts;
    this.#room = room;
    this.#onSnapshot = onSnapshot;
  }

  /**
   * Compacts the collection.
   * @throws StoreError `STORE_IO`, `STORE_LOCKED`; no data is lost: each file is either old or new
   */
  async run(): Promise<void> {
    const { files, journal, committer, paths, keyring, executed, clock } = this.#parts;
    if (committer.disowned !== null) throw committer.disowned;
    // 1. All acknowledged writes are in memory; all records after `from` stay in the journal. If the
    //    journal is not trusted, nothing of it is kept, and writes are refused until it is replaced.
    const from = await committer.exclusively(() => Promise.resolve(journal.length));
    const trusted = journal.trusted;
    const pace = new Pace(committer, journal, from, this.#room);
    const old = new OldFiles(this.#parts);
    try {
      if (keyring !== null) await keepSalt(files, paths, keyring.salt); // guard: compaction, the salt is there
      // 2. A crash here leaves the old files, and temporary ones that the next opening removes.
      const snapshot = await this.#makeFile(paths.snapshotTemporary);
      const nextJournal = await this.#makeFile(paths.journalTemporary);
      await old.holdSnapshot();
      const snapshotBytes = await this.#writeSnapshot(snapshot, pace);
      const head = await writeMarks(nextJournal, executed, keyring, clock.now());
      // Behind the marks, which only the new journal has, it goes on with the records at `from`.
      const shift = head - from;
      const copied = trusted ? await this.#copyTail(nextJournal, from, shift, pace) : from;
      // The snapshot has touches that are not in the journal: older ones must not be replayed over it.
      committer.flushTouches(); // guard: compaction, touches before the snapshot
      const next = { snapshotBytes, journal: nextJournal, shift, copied, trusted };
      await committer.exclusively(() => this.#replaceFiles(next, old));
    } catch (cause) {
      await this.#discard();
      throw ioError(`cannot compact the collection in ${paths.directory}`, cause);
    } finally {
      await this.#closeTemporaries();
      await old.close();
    }
  }

  /**
   * Ends it with this error and frees the room that its files take, unless they are being put into
   * place.
   * @returns whether there was any
   */
  async giveUp(error: StoreError): Promise<boolean> {
    if (this.#isReplacing) return false;
    this.#givenUp = error;
    const frees = this.#freeing !== null || this.#temporaries.size > 0;
    await (this.#freeing ??= this.#free());
    return frees;
  }

  async #free(): Promise<void> {
    // They may be in place already.
    if (this.#isReplacing) return;
    for (const file of this.#temporaries) await file.truncate(0).catch(() => undefined);
  }

  /** Writes and fsyncs the temporary snapshot. @returns its length */
  async #writeSnapshot(file: OpenFile, pace: Pace): Promise<number> {
    const { collection, keyring, clock } = this.#parts;
    const writer = new SnapshotWriter(file, keyring, collection.version, clock.now());
    const elements = this.#elements();
    const drain = async (): Promise<number> => {
      this.#assertWanted();
      const before = writer.length;
      for (let next = elements.next(); next.done !== true; next = elements.next()) {
        if (!writer.add(...next.value)) continue;
        await writer.drain();
        return writer.length - before;
      }
      await writer.finish();
      return 0;
    };
    await pace.writeAll(drain);
    return writer.length;
  }

  *#elements(): Generator<readonly [id: string, documentText: string]> {
    const { collection, kept, clock } = this.#parts;
    // Before the sessions: of two elements with one id, the session must be the later, and count.
    yield* kept;
    // Sessions stored from now on are in the new journal, so those that exist now suffice.
    const now = clock.now();
    let left = collection.size;
    for (const [sid, session] of collection.sessions()) {
      if (left === 0) return;
      left--;
      if (session.expiresAt > now) yield [sid, documentText(sid, session)];
    }
  }

  /** Copies the records since the start, except a few. @returns up to where */
  async #copyTail(file: OpenFile, from: number, shift: number, pace: Pace): Promise<number> {
    const { journal } = this.#parts;
    let copied = from;
    let synced = from;
    const copy = async (): Promise<number> => {
      this.#assertWanted();
      const rest = journal.length - copied;
      // A few are left for the moment in which commits wait anyway.
      const bytes = copied > from && rest <= COPY_BYTES ? 0 : Math.min(COPY_BYTES, rest);
      await journal.copyTo(file, copied, copied + bytes, copied + shift);
      copied += bytes;
      if (copied - synced >= SYNC_BYTES) {
        await file.sync();
        synced = copied;
      }
      return bytes;
    };
    await pace.writeAll(copy);
    return copied;
  }

  /** Replaces the files; runs while nothing is being committed. */
  async #replaceFiles(next: NewFiles, old: OldFiles): Promise<void> {
    this.#assertWanted();
    this.#isReplacing = true;
    const { files, paths, journal, committer, assertOwned } = this.#parts;
    const { shift, copied, trusted } = next;
    if (journal.trusted !== trusted) throw new Error(`${paths.journal} failed meanwhile`);
    const end = trusted ? journal.length : copied;
    await journal.copyTo(next.journal, copied, end, copied + shift);
    await next.journal.sync(); // guard: compaction, fsync of the new journal
    // Without `durable` the old journal may lack its end on the disk; replaying it would undo writes.
    if (trusted) await journal.sync(); // guard: compaction, fsync of the old journal
    await assertOwned(); // guard: compaction, still the owner before the snapshot
    // 3. A crash after this rename leaves the new snapshot and the whole old journal, which may be
    //    replayed over it. The rename must be on the disk before the journal is replaced.
    await files.rename(paths.snapshotTemporary, paths.snapshot);
    await files.syncDirectory(paths.directory); // guard: compaction, directory after the snapshot
    this.#onSnapshot(next.snapshotBytes);
    // 4. A crash after this rename leaves the new snapshot and the new journal, but a power cut may
    //    restore the old one until the directory is synced, so nothing may be acknowledged before.
    await assertOwned(); // guard: compaction, still the owner before the journal
    try {
      await old.holdJournal();
      await files.rename(paths.journalTemporary, paths.journal);
      this.#temporaries.delete(next.journal);
      journal.replace(next.journal, end + shift);
      await files.syncDirectory(paths.directory); // guard: compaction, directory after the journal
    } catch (cause) {
      journal.distrust();
      throw ioError(`cannot replace ${paths.journal}`, cause);
    }
    committer.resume();
  }

  #assertWanted(): void {
    if (this.#givenUp !== null) throw this.#givenUp;
  }

  /** Creates a file. Never reuses an existing one, which a new owner may have open. */
  async #makeFile(path: string): Promise<OpenFile> {
    const { files, assertOwned } = this.#parts;
    this.#assertWanted();
    await assertOwned();
    await files.remove(path);
    const file = await files.open(path, "create");
    this.#temporaries.add(file);
    return file;
  }

  async #discard(): Promise<void> {
    const { files, paths, assertOwned } = this.#parts;
    await (this.#freeing ??= this.#free());
    await this.#closeTemporaries();
    // The next opening removes whatever cannot be removed now.
    for (const path of [paths.snapshotTemporary, paths.journalTemporary]) {
      // A new owner uses the same names for its own files.
      await assertOwned()
        .then(() => files.remove(path))
        .catch(() => undefined);
    }
  }

  /** They are fsynced or discarded, so an error does not matter. */
  async #closeTemporaries(): Promise<void> {
    // Once closed, a descriptor may be that of another file.
    await this.#freeing;
    for (const file of this.#temporaries) {
      this.#temporaries.delete(file);
      await file.close().catch(() => undefined);
    }
  }
}
