/**
 * Group commit. A write is visible to calls at once. It becomes part of the collection when it has
 * been appended to the journal, with one fsync for all writes that were waiting; if that fails, the
 * previous value is visible again. Touches are appended along with the next commit.
 */
import type { DiskStats } from "../../protocol/contract.js";
import type { StoreError } from "../../protocol/errors.js";
import type { Clock } from "../ports/clock.js";
import { ioError } from "../ports/failure.js";
import { CommitMeter } from "./commit-meter.js";
import { CommitQueue, type Group } from "./commit-queue.js";
import type { Collection } from "./documents/collection.js";
import type { Journal } from "./journal/journal.js";
import { deleteRecord, encodeLine, insertRecord, touchRecord } from "./journal/record.js";
import type { Keyring } from "./keys/keyring.js";
import { LineBuffer } from "./lines/line-buffer.js";
import type { PendingWrite, PendingWrites } from "./pending-writes.js";
import { Touches } from "./touches.js";

interface CommitterParts {
  readonly collection: Collection;
  readonly pending: PendingWrites;
  readonly journal: Journal;
  readonly keyring: Keyring | null;
  readonly clock: Clock;
  /** Rejects if another process may have taken over the collection. */
  readonly assertOwned: () => Promise<void>;
  /** Whether each commit ends with an fsync. */
  readonly durable: boolean;
  /** Called after each commit that wrote records. */
  readonly onCommit: () => void;
  /** Called when the journal can no longer be trusted; writes are then refused until `resume`. */
  readonly onDistrust: (error: StoreError) => void;
  /** Called when touches could not be written; they will be retried. */
  readonly onTouchFailure: (error: StoreError) => void;
}

export class Committer {
  readonly #parts: CommitterParts;
  readonly #lines = new LineBuffer();
  readonly #meter = new CommitMeter();
  readonly #queue = new CommitQueue((groups) => this.#commit(groups));
  readonly #touches: Touches;
  #refusal: StoreError | null = null;
  #disowned: StoreError | null = null;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
    this.#touches = new Touches(parts.clock, () => {
      this.#queue.commitSoon();
    });
  }

  /**
   * Whether a deletion of this id has to be written. While writes are refused it always has, since
   * nobody knows what the files contain: it then fails as it should.
   */
  mayHave(sid: string): boolean {
    return this.#refusal !== null || this.#parts.pending.has(sid);
  }

  /** Whether there are touches that are only in memory. */
  get hasTouches(): boolean {
    return this.#touches.size > 0;
  }

  /**
   * Stores sessions, or deletes those that are null. Visible at once.
   * @throws StoreError `STORE_IO`, `STORE_LOCKED`; the previous values are then visible again
   */
  write(writes: readonly PendingWrite[]): Promise<void> {
    if (this.#refusal !== null) return Promise.reject(this.#refusal);
    for (const write of writes) this.#parts.pending.add(write);
    return new Promise((resolve, reject) => {
      this.#queue.push({
        writes,
        answer: (error) => {
          if (error === undefined) resolve();
          else reject(error);
        },
      });
    });
  }

  /** Moves the expiry of a visible session and replaces its cookie, unless `cookie` is null. */
  touch(sid: string, cookie: string | null, expiresAt: number): void {
    const { pending, clock } = this.#parts;
    pending.extend(sid, cookie, expiresAt, clock.now());
    this.#touches.add(sid);
    this.#touches.schedule();
  }

  /**
   * Runs a task while nothing is being committed, after everything that waits now. Later writes
   * wait for it; they are refused if the journal cannot be trusted afterwards.
   */
  exclusively<T>(task: () => Promise<T>): Promise<T> {
    // Commits earlier touches before the task.
    this.#queue.commitSoon();
    return new Promise((resolve, reject) => {
      this.#queue.push(async () => {
        try {
          resolve(await task());
        } catch (cause) {
          const error = ioError("cannot update the files of the collection", cause);
          const { journal } = this.#parts;
          if (!journal.trusted) this.#refusal ??= error; // guard: committer, refusal after a task
          reject(error);
        }
      });
    });
  }

  /** Refuses all writes from now on: another process has taken over the collection. */
  disown(error: StoreError): void {
    this.#refusal = error;
    this.#disowned = error;
  }

  /** Accepts writes again: the journal has been replaced. */
  resume(): void {
    if (this.#disowned !== null) return;
    this.#refusal = null;
    this.#touches.schedule();
  }

  /** The error given to {@link disown}, or null. */
  get disowned(): StoreError | null {
    return this.#disowned;
  }

  /** Why writes are refused, or null. */
  get refusal(): StoreError | null {
    return this.#refusal;
  }

  stats(): DiskStats["commits"] {
    return this.#meter.stats();
  }

  stop(): void {
    this.#touches.stop();
  }

  async #commit(groups: readonly Group[]): Promise<void> {
    if (this.#refusal !== null) {
      this.#fail(groups, this.#refusal);
      return;
    }
    const { collection, journal, clock, durable, assertOwned } = this.#parts;
    // Only the last write of each id is journaled, since all writes succeed or fail together.
    const writes = new Map<string, PendingWrite>();
    for (const group of groups) for (const write of group.writes) writes.set(write.sid, write);
    const touched = this.#touches.take();
    const startedAt = performance.now();
    let records: number;
    try {
      await assertOwned(); // guard: committer, still the owner
      records = this.#encode(writes.values(), touched, clock.now());
      if (records > 0) await journal.append(this.#lines.bytes(), durable);
    } catch (cause) {
      const error = ioError(`cannot write to ${journal.path}`, cause);
      this.#meter.failed++;
      if (!journal.trusted) this.#refusal = error;
      for (const sid of touched) this.#touches.add(sid);
      this.#fail(groups, error);
      if (!journal.trusted) this.#parts.onDistrust(error);
      else if (groups.length === 0) this.#parts.onTouchFailure(error);
      return;
    }
    if (records > 0) this.#meter.add(performance.now() - startedAt, records);
    for (const write of writes.values()) {
      if (write.session === null) collection.delete(write.sid);
      else collection.put(write.sid, write.session);
    }
    for (const group of groups) {
      for (const write of group.writes) this.#parts.pending.remove(write);
      group.answer();
    }
    if (records > 0) this.#parts.onCommit();
  }

  /** Fills the line buffer. @returns the number of records in it */
  #encode(writes: Iterable<PendingWrite>, touched: Set<string>, now: number): number {
    const { collection, keyring } = this.#parts;
    let records = 0;
    this.#lines.clear();
    for (const write of writes) {
      // The record of a write includes the touches made so far.
      touched.delete(write.sid);
      // A session that the files do not have needs no record to be deleted.
      if (write.session === null && collection.get(write.sid) === undefined) continue;
      this.#lines.add(encodeLine(writeRecord(now, write), keyring));
      records++;
    }
    for (const sid of touched) {
      // The committed session: the record of a pending write will include the touch itself.
      const session = collection.get(sid);
      if (session === undefined) continue;
      this.#lines.add(encodeLine(touchRecord(now, sid, session), keyring));
      records++;
    }
    return records;
  }

  #fail(groups: readonly Group[], error: StoreError): void {
    for (const group of groups) {
      for (const write of group.writes) {
        this.#parts.pending.remove(write);
        // Its record would have included earlier touches.
        if (this.#parts.collection.get(write.sid) !== undefined) this.#touches.add(write.sid);
      }
      group.answer(error);
    }
    if (this.#refusal === null) this.#touches.schedule();
  }
}

function writeRecord(now: number, { sid, session }: PendingWrite): string {
  return session === null ? deleteRecord(now, sid) : insertRecord(now, sid, session);
}
