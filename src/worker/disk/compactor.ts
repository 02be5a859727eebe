/**
 * Compaction: the documents in memory become a new snapshot, and the journal keeps only what came
 * since. It streams; reads and writes go on, except for the few moments of the switch.
 *
 * The snapshot is no moment's picture: a session is written as it is when its turn comes. That is
 * enough, because all records since the start stay in the journal and can be replayed over a state
 * that has them already.
 */
import { StoreError } from "../../protocol/errors.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Collection } from "./documents/collection.js";
import type { Committer } from "./committer.js";
import { documentText } from "./documents/document.js";
import { ioError } from "../ports/failure.js";
import type { Files, OpenFile } from "../ports/files.js";
import type { Journal } from "./journal/journal.js";
import type { Keyring } from "./keys/keyring.js";
import type { CollectionPaths } from "./paths.js";
import { SnapshotWriter } from "./snapshot/snapshot-writer.js";

/** Waits between attempts that failed: doubled from the first to the last. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;

export interface CompactorParts {
  readonly files: Files;
  readonly paths: CollectionPaths;
  readonly collection: Collection;
  /** Documents of other applications, as JSON text: part of every snapshot. */
  readonly kept: readonly (readonly [id: string, json: string])[];
  readonly journal: Journal;
  readonly committer: Committer;
  readonly keyring: Keyring | null;
  readonly clock: Clock;
  /** Journal length from which a compaction may start by itself. */
  readonly walLimitBytes: number;
  /** Rejects when the collection is no longer this store's to write to. */
  readonly assertOwned: () => Promise<void>;
  readonly report: (error: StoreError) => void;
  readonly log: (text: string) => void;
}

export class Compactor {
  readonly #parts: CompactorParts;
  #snapshotBytes: number;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #retry: Timer | null = null;
  #retryMs = FIRST_RETRY_MS;
  #stopped = false;
  /** How many wait for a compaction that they asked for. */
  #asking = 0;
  #givenUp = false;
  #last: { at: number; durationMs: number } | null = null;

  constructor(parts: CompactorParts, snapshotBytes: number) {
    this.#parts = parts;
    this.#snapshotBytes = snapshotBytes;
  }

  get snapshotBytes(): number {
    return this.#snapshotBytes;
  }

  get last(): { at: number; durationMs: number } | null {
    return this.#last;
  }

  /**
   * Compacts. While a compaction is under way, the next is for all who ask meanwhile: the one under
   * way may have passed by what was acknowledged since it began.
   * @throws StoreError `STORE_IO`, `STORE_LOCKED`; nothing is lost, the files are as before or after
   */
  async run(): Promise<void> {
    this.#asking++;
    this.#givenUp = false;
    try {
      await this.#runNext();
    } finally {
      this.#asking--;
    }
  }

  #runNext(): Promise<void> {
    if (this.#running === null) return this.#run();
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        return this.#run();
      });
    return this.#next;
  }

  #run(): Promise<void> {
    // From a later tick, so that nothing it calls can find none under way and start another.
    this.#running ??= Promise.resolve()
      .then(() => this.#compact())
      .then(
        () => (this.#retryMs = FIRST_RETRY_MS),
        (error: unknown) => {
          this.#scheduleRetry();
          throw error;
        },
      )
      .then(() => undefined)
      .finally(() => (this.#running = null));
    return this.#running;
  }

  /**
   * Starts a compaction in the background if the journal has outgrown both its limit and the
   * snapshot: the cost of rewriting stays proportional to what was written.
   */
  considerRunning(): void {
    const { journal, walLimitBytes } = this.#parts;
    if (this.#stopped || this.#running !== null || this.#retry !== null) return;
    if (journal.length <= Math.max(walLimitBytes, this.#snapshotBytes)) return;
    this.runInBackground();
  }

  /** Keeps trying to replace a journal that cannot be trusted; writes are refused until then. */
  recover(): void {
    if (this.#retry === null && !this.#stopped) this.runInBackground();
  }

  /**
   * Settles when nothing is under way any more; no background attempt starts after this. What nobody
   * asked for is given up: all of it is in the journal.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#givenUp = this.#asking === 0 && this.#parts.journal.trusted;
    this.#retry?.cancel();
    this.#retry = null;
    await (this.#next ?? this.#running)?.catch(() => undefined);
  }

  /** Compacts; a failure is reported and tried again. */
  runInBackground(): void {
    if (this.#stopped) return;
    this.#runNext().catch((error: unknown) => {
      if (this.#givenUp) return;
      this.#parts.report(ioError("compaction failed and will be tried again", error));
    });
  }

  #scheduleRetry(): void {
    if (this.#stopped || this.#parts.committer.disowned !== null) return;
    this.#retry ??= this.#parts.clock.after(this.#retryMs, () => {
      this.#retry = null;
      this.runInBackground();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }

  async #compact(): Promise<void> {
    const { files, paths, journal, committer, clock, assertOwned, log } = this.#parts;
    const startedAt = clock.now();
    const started = performance.now();
    if (committer.disowned !== null) throw committer.disowned;
    // 1. All that is acknowledged is in memory; everything after `from` will stay in the journal.
    //    In a journal that cannot be trusted nothing is worth keeping, and no write is let through.
    const from = await committer.exclusively(() => Promise.resolve(journal.length));
    const trusted = journal.trusted;
    let journalFile: OpenFile | null = null;
    try {
      // 2. A crash here leaves the old files, and temporaries that the next opening removes.
      const snapshotBytes = await this.#writeSnapshot();
      journalFile = await this.#make(paths.journalTemporary);
      const target = journalFile;
      let copied = from;
      if (trusted) {
        copied = journal.length;
        await journal.copyTo(target, from, copied, 0);
      }
      await committer.exclusively(async () => {
        if (journal.trusted !== trusted) throw new Error("the journal failed meanwhile");
        const end = trusted ? journal.length : copied;
        await journal.copyTo(target, copied, end, copied - from);
        await target.sync(); // guard: compactor, fsync of the new journal
        // Without fsync at each commit the old journal may lack its end, and would be replayed so.
        if (trusted) await journal.sync(); // guard: compactor, fsync of the old journal
        await assertOwned(); // guard: compactor, still the owner before the snapshot
        // 3. After this rename: the new snapshot and the whole old journal, which may be replayed
        //    over it. It must be on the disk before the journal is shortened.
        await files.rename(paths.snapshotTemporary, paths.snapshot);
        await files.syncDirectory(paths.directory); // guard: compactor, directory after the snapshot
        this.#snapshotBytes = snapshotBytes;
        // 4. After this rename: the new snapshot and the new journal. Until the directory is on
        //    the disk a power cut may bring back the old journal, so nothing may be acknowledged.
        await assertOwned(); // guard: compactor, still the owner before the journal
        try {
          await journal.release();
          await files.rename(paths.journalTemporary, paths.journal);
          journalFile = null;
          journal.replace(target, end - from);
          await files.syncDirectory(paths.directory); // guard: compactor, directory after the journal
        } catch (cause) {
          journal.distrust();
          throw ioError(`cannot replace ${paths.journal}`, cause);
        }
        committer.resume();
      });
    } catch (cause) {
      await this.#discard(journalFile);
      throw ioError("cannot compact", cause);
    }
    const durationMs = performance.now() - started;
    this.#last = { at: startedAt, durationMs };
    log(`compacted to ${this.#snapshotBytes} bytes in ${durationMs.toFixed(0)} ms`);
  }

  /** Writes the temporary snapshot and fsyncs it. @returns its length */
  async #writeSnapshot(): Promise<number> {
    const { paths, collection, kept, keyring, clock } = this.#parts;
    const file = await this.#make(paths.snapshotTemporary);
    try {
      const writer = new SnapshotWriter(file, keyring, collection.version, clock.now());
      // Before the sessions, one of which may have been stored under the same id since.
      for (const [id, json] of kept) if (writer.add(id, json)) await this.#drain(writer);
      // Sessions stored from now on are in the journal as well: those that exist now are enough.
      let left = collection.size;
      for (const [sid, session] of collection.sessions()) {
        if (left-- === 0) break;
        if (writer.add(sid, documentText(sid, session))) await this.#drain(writer);
      }
      return await writer.finish();
    } finally {
      await file.close();
    }
  }

  /** A new file: one of that name may by now be another owner's, who has it open. */
  async #make(path: string): Promise<OpenFile> {
    await this.#parts.assertOwned();
    await this.#parts.files.remove(path);
    return this.#parts.files.open(path, "create");
  }

  async #drain(writer: SnapshotWriter): Promise<void> {
    if (this.#givenUp) throw new StoreError("STORE_CLOSED", "the store was closed meanwhile");
    await writer.drain();
  }

  async #discard(journalFile: OpenFile | null): Promise<void> {
    const { files, paths, assertOwned } = this.#parts;
    // What cannot be removed now is removed by the next opening.
    await journalFile?.close().catch(() => undefined);
    for (const path of [paths.snapshotTemporary, paths.journalTemporary]) {
      // Those of a new owner have the same names.
      await assertOwned()
        .then(() => files.remove(path))
        .catch(() => undefined);
    }
  }
}
