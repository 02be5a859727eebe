/**
 * When to compact: when the journal exceeds its limit, before there is no room left for it, on
 * request, a day after a deletion, when the journal cannot be trusted, and again after a failure.
 */
import type { DiskStats } from "../../protocol/contract.js";
import { StoreError } from "../../protocol/errors.js";
import { monotonic } from "../../protocol/timers.js";
import type { Timer } from "../ports/clock.js";
import { ioError, isDiskFull } from "../ports/failure.js";
import { Compaction, type CompactionParts } from "./compaction.js";
import { assertRoom, lookForRoom, noSpace } from "./disk-room.js";

/** Delay after a failure: starts at the first and doubles up to the last. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;

const DAY_MS = 86_400_000;

/** A shorter journal is not compacted for want of room: that would free too little. */
const MIN_JOURNAL_BYTES = 64 * 1024;

interface CompactorParts extends CompactionParts {
  /** Length of the snapshot that was read; 0 if there was none. */
  readonly snapshotBytes: number;
  /** Length of the journal from which a compaction may start by itself. */
  readonly walLimitBytes: number;
  /** When the first session was deleted that the files may still have, or null if there is none. */
  readonly deletedSince: number | null;
  readonly report: (error: StoreError) => void;
  readonly log: (text: string) => void;
}

export class Compactor {
  readonly #parts: CompactorParts;
  /** Length of the current snapshot; 0 if there is none. */
  snapshotBytes: number;
  #running: Promise<void> | null = null;
  #current: Compaction | null = null;
  #next: Promise<void> | null = null;
  #retry: Timer | null = null;
  #retryMs = FIRST_RETRY_MS;
  #stopped = false;
  /** How many callers of {@link run} are waiting. */
  #requests = 0;
  #givenUp = false;
  /** Length of the journal from which to look whether the room is getting short. */
  #nextLook = 0;
  #looking: Promise<void> | null = null;
  /** Runs from the first deletion on. */
  #erasure: Timer | null = null;
  /** How many deletions have been noted. */
  #deletions: number;
  /** Whether it has been reported that there is no room. */
  #isShort = false;
  last: DiskStats["compaction"] = null;

  constructor(parts: CompactorParts) {
    this.#parts = parts;
    this.snapshotBytes = parts.snapshotBytes;
    this.#scheduleLook();
    this.#deletions = parts.collection.deletions;
    if (parts.deletedSince !== null) this.#noteDeletion(parts.deletedSince);
  }

  /**
   * Compacts. All requests that arrive during a compaction share the next one, because the current
   * one may not include what was acknowledged since it began.
   * @throws StoreError `STORE_IO`, `STORE_LOCKED`; no data is lost: each file is either old or new
   */
  run(): Promise<void> {
    this.#requests++;
    return this.#runNext().finally(() => this.#requests--);
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
    // Starts in a later tick, when `#running` is set: what it calls may ask for a compaction.
    this.#running ??= Promise.resolve()
      .then(() => this.#compact())
      .then(
        () => {
          this.#retryMs = FIRST_RETRY_MS;
          this.#isShort = false;
        },
        (error: unknown) => {
          this.#scheduleRetry();
          throw error;
        },
      )
      .finally(() => (this.#running = null));
    return this.#running;
  }

  /**
   * For after each commit. Starts a compaction in the background if the journal exceeds both its
   * limit and the snapshot, so that the cost of rewriting stays proportional to the amount of data
   * written; or earlier, if the room is getting short.
   */
  considerRunning(): void {
    const { journal, walLimitBytes, collection, clock } = this.#parts;
    if (!this.#stopped && collection.deletions > this.#deletions) {
      this.#deletions = collection.deletions;
      this.#noteDeletion(clock.now());
    }
    if (!this.#isIdle()) return;
    if (journal.length > Math.max(walLimitBytes, this.snapshotBytes)) this.runInBackground();
    else if (journal.length >= this.#nextLook) {
      this.#looking ??= this.#look().finally(() => (this.#looking = null));
    }
  }

  #isIdle(): boolean {
    return !this.#stopped && this.#running === null && this.#retry === null;
  }

  async #look(): Promise<void> {
    const { journal } = this.#parts;
    const { free, snapshot, ample } = await lookForRoom(this.#parts, this.snapshotBytes);
    const spare = free - ample;
    this.#nextLook = journal.length + Math.max(MIN_JOURNAL_BYTES, snapshot / 16, spare / 4);
    if (spare < 0 && this.#isIdle()) this.runInBackground();
  }

  #scheduleLook(): void {
    this.#nextLook = Math.max(MIN_JOURNAL_BYTES, this.snapshotBytes / 4);
  }

  /**
   * Gives up the compaction that is running, for the room that its files take.
   * @returns whether that made room
   */
  async makeRoom(): Promise<boolean> {
    const message =
      `the disk is full: the compaction of the collection in ${this.#parts.paths.directory} has ` +
      "been given up, so that writes go on, and will be tried again";
    const error = new StoreError("STORE_IO", message, { cause: noSpace() });
    return (await this.#current?.giveUp(error)) ?? false;
  }

  /** Tries at once, and again until the untrusted journal is replaced. */
  recover(): void {
    this.#retry?.cancel();
    this.#retry = null;
    this.runInBackground();
  }

  /**
   * Resolves when no compaction is running; none starts in the background after this. One that
   * nobody requested is aborted, because the journal has all the data.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#erasure?.cancel();
    this.#retry?.cancel();
    this.#retry = null;
    if (this.#requests === 0 && this.#parts.journal.trusted) {
      this.#givenUp = true;
      await this.#current?.giveUp(
        new StoreError("STORE_CLOSED", "the store was closed during the compaction"),
      );
    }
    await this.#looking;
    await (this.#next ?? this.#running)?.catch(() => undefined);
  }

  /** Compacts; a failure is reported and retried. */
  runInBackground(): void {
    if (this.#stopped) return;
    this.#runNext().catch((error: unknown) => {
      if (this.#givenUp) return;
      const wasShort = this.#isShort;
      this.#isShort = isDiskFull(error);
      if (wasShort && this.#isShort) return;
      this.#parts.report(ioError("the compaction failed and will be retried", error));
    });
  }

  /**
   * Rewrites the files a day after the first deletion. On a quiet server what was deleted would
   * otherwise be in them for months.
   * @param deletedAt epoch milliseconds
   */
  #noteDeletion(deletedAt: number): void {
    const { clock } = this.#parts;
    // The clock may have been set back since.
    const dueMs = Math.min(Math.max(0, deletedAt + DAY_MS - clock.now()), DAY_MS);
    this.#erasure ??= clock.after(dueMs, () => {
      this.#erasure = null;
      this.runInBackground();
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
    const { clock, paths, log } = this.#parts;
    const at = clock.now();
    const started = monotonic();
    const room = await lookForRoom(this.#parts, this.snapshotBytes);
    assertRoom(room, paths.directory);
    // What is deleted from now on may be in the new files.
    this.#erasure?.cancel();
    this.#erasure = null;
    this.#current = new Compaction(this.#parts, room, (bytes) => (this.snapshotBytes = bytes));
    await this.#current.run().finally(() => (this.#current = null));
    this.#scheduleLook();
    const durationMs = monotonic() - started;
    this.last = { at, durationMs };
    log(`compacted to ${this.snapshotBytes} bytes in ${durationMs.toFixed(0)} ms`);
  }
}
