/**
 * When a write counts as done. Writes show in memory at once, are appended to the journal together
 * with all that waited meanwhile (one fsync for all of them), and only then become part of the
 * collection; if that fails, the value before them is what shows again. Touches ride along.
 */
import type { DiskStats } from "../../protocol/contract.js";
import type { StoreError } from "../../protocol/errors.js";
import type { Clock } from "../ports/clock.js";
import { CommitQueue, type Group } from "./commit-queue.js";
import { CommitMeter } from "./commit-meter.js";
import type { Collection } from "./documents/collection.js";
import { ioError } from "../ports/failure.js";
import type { Journal } from "./journal/journal.js";
import type { Keyring } from "./keys/keyring.js";
import { LineBuffer } from "./lines/line-buffer.js";
import type { PendingWrite, PendingWrites } from "./pending-writes.js";
import { deleteRecord, encodeLine, insertRecord, touchRecord } from "./journal/record.js";
import { Touches } from "./touches.js";

export interface CommitterParts {
  readonly collection: Collection;
  readonly pending: PendingWrites;
  readonly journal: Journal;
  readonly keyring: Keyring | null;
  readonly clock: Clock;
  /** Rejects when the collection may no longer be this store's to write to. */
  readonly assertOwned: () => Promise<void>;
  /** Whether a commit ends in an fsync. */
  readonly durable: boolean;
  /** Called after each commit that succeeded. */
  readonly onCommit: () => void;
  /** Called when the journal can no longer be trusted; {@link Committer.resume} ends that. */
  readonly onDistrust: (error: StoreError) => void;
  /** Called when touches could not be journalled; they are tried again. */
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

  /** Whether memory or the files may have anything under this id, even if only a pending delete. */
  mayHave(sid: string): boolean {
    return this.#refusal !== null || this.#parts.pending.has(sid);
  }

  /** Whether touches are in memory only. */
  get hasTouches(): boolean {
    return this.#touches.size > 0;
  }

  /**
   * Stores each session, or deletes where it is null. Visible at once.
   * @throws StoreError `STORE_IO`; the values before are then visible again
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

  /** Moves the expiry of a visible session, and its cookie where that is not null. */
  touch(sid: string, cookie: string | null, expiresAt: number): void {
    const { pending, clock } = this.#parts;
    pending.extend(sid, cookie, expiresAt, clock.now());
    this.#touches.add(sid);
    this.#touches.schedule();
  }

  /**
   * Runs a task while nothing is being committed, after all that waits now. Writes that are made
   * meanwhile wait for it, and are refused if the journal cannot be trusted after it.
   */
  exclusively<T>(task: () => Promise<T>): Promise<T> {
    // With the touches that were made before.
    this.#queue.commitSoon();
    return new Promise((resolve, reject) => {
      this.#queue.push(async () => {
        try {
          resolve(await task());
        } catch (cause) {
          const error = ioError("cannot change the files", cause);
          const { journal } = this.#parts;
          if (!journal.trusted) this.#refusal ??= error; // guard: committer, refusal after a task
          reject(error);
        }
      });
    });
  }

  /** Refuses all writes from now on: the files are no longer ours. */
  disown(error: StoreError): void {
    this.#refusal = error;
    this.#disowned = error;
  }

  /** Takes writes again: the journal has been replaced. */
  resume(): void {
    if (this.#disowned !== null) return;
    this.#refusal = null;
    this.#touches.schedule();
  }

  /** Why the files are no longer ours, if they are not. */
  get disowned(): StoreError | null {
    return this.#disowned;
  }

  /** Why writes are refused, if they are. */
  get refusal(): StoreError | null {
    return this.#refusal;
  }

  stats(): DiskStats["commits"] {
    return this.#meter.stats();
  }

  /** Forgets the timer. */
  stop(): void {
    this.#touches.stop();
  }

  async #commit(groups: readonly Group[]): Promise<void> {
    if (this.#refusal !== null) {
      this.#fail(groups, this.#refusal);
      return;
    }
    const { collection, journal, clock, durable, assertOwned } = this.#parts;
    // Of several writes of one id the last is the one that counts: they share their fate.
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
      const error = ioError("cannot commit", cause);
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

  /** Fills the buffer of lines. @returns how many records it holds */
  #encode(writes: Iterable<PendingWrite>, touched: Set<string>, now: number): number {
    const { collection, keyring } = this.#parts;
    let records = 0;
    this.#lines.clear();
    for (const write of writes) {
      // The record has the touches made until now.
      touched.delete(write.sid);
      // What the files do not have needs no record to go away.
      if (write.session === null && collection.get(write.sid) === undefined) continue;
      this.#lines.add(encodeLine(writeRecord(now, write), keyring));
      records++;
    }
    for (const sid of touched) {
      // What the files have, not a write that is still to come: its own record has its touches.
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
        // Its record would have carried the touches made before.
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
