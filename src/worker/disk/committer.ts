/**
 * When a write counts as done. Writes show in memory at once, are appended to the journal together
 * with all that waited meanwhile (one fsync for all of them), and only then become part of the
 * collection; if that fails, the value before them is what shows again. Touches ride along.
 */
import type { DiskStats } from "../../protocol/contract.js";
import type { StoreError } from "../../protocol/errors.js";
import type { Clock, Timer } from "../ports/clock.js";
import { CommitMeter } from "./commit-meter.js";
import type { Collection } from "./documents/collection.js";
import { ioError } from "../ports/failure.js";
import type { Journal } from "./journal/journal.js";
import type { Keyring } from "./keys/keyring.js";
import { LineBuffer } from "./lines/line-buffer.js";
import type { PendingWrite, PendingWrites } from "./pending-writes.js";
import { deleteRecord, encodeLine, insertRecord, touchRecord } from "./journal/record.js";

/** A touch that finds no commit to ride on is journalled after this long. */
const TOUCH_DELAY_MS = 1000;

/** Commits are encoded in one go, while calls wait: a few milliseconds' worth. */
export const MAX_COMMIT_WRITES = 2048;

/** Writes that were made together and share their fate. */
interface Group {
  readonly writes: readonly PendingWrite[];
  readonly settle: (error?: StoreError) => void;
}

/** Something to do between two commits. */
type Task = () => Promise<void>;

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
  /** Ids of sessions whose last touch is in memory only. */
  #touched = new Set<string>();
  #touchTimer: Timer | null = null;
  #touchesDue = false;
  /** What is to be done, in the order in which it was asked for. */
  #queue: (Group | Task)[] = [];
  #running = false;
  #refusal: StoreError | null = null;
  #disowned: StoreError | null = null;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  /** Whether memory or the files may have anything under this id, even if only a pending delete. */
  mayHave(sid: string): boolean {
    return this.#refusal !== null || this.#parts.pending.has(sid);
  }

  /** Whether touches are in memory only. */
  get hasTouches(): boolean {
    return this.#touched.size > 0;
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
        settle: (error) => {
          if (error === undefined) resolve();
          else reject(error);
        },
      });
      this.#start();
    });
  }

  /** Moves the expiry of a visible session, and its cookie where that is not null. */
  touch(sid: string, cookie: string | null, expiresAt: number): void {
    const { pending, clock } = this.#parts;
    pending.extend(sid, cookie, expiresAt, clock.now());
    this.#touched.add(sid);
    this.#awaitTouches();
  }

  /**
   * Runs a task while nothing is being committed, after all that waits now. Writes that are made
   * meanwhile wait for it, and are refused if the journal cannot be trusted after it.
   */
  exclusively<T>(task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push(async () => {
        try {
          resolve(await task());
        } catch (cause) {
          const error = ioError("cannot change the files", cause);
          if (!this.#parts.journal.trusted) this.refuse(error); // guard: committer, no write after a task that failed
          reject(error);
        }
      });
      this.#touchesDue = true;
      this.#start();
    });
  }

  /** Refuses all writes from now on, with this error, until {@link resume}. */
  refuse(error: StoreError): void {
    this.#refusal ??= error;
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
    if (this.#touched.size > 0) this.#awaitTouches();
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
    this.#touchTimer?.cancel();
    this.#touchTimer = null;
  }

  #awaitTouches(): void {
    this.#touchTimer ??= this.#parts.clock.after(TOUCH_DELAY_MS, () => {
      this.#touchTimer = null;
      this.#touchesDue = true;
      this.#start();
    });
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const groups = this.#takeGroups();
      if (groups.length > 0 || this.#touchesDue) {
        await this.#commit(groups);
        continue;
      }
      const next = this.#queue.shift();
      if (typeof next !== "function") break;
      await next();
    }
    this.#running = false;
  }

  /** What is committed together: the groups before the first task, up to a number of writes. */
  #takeGroups(): Group[] {
    const groups: Group[] = [];
    let writes = 0;
    for (const item of this.#queue) {
      if (typeof item === "function" || writes >= MAX_COMMIT_WRITES) break;
      groups.push(item);
      writes += item.writes.length;
    }
    this.#queue.splice(0, groups.length);
    return groups;
  }

  async #commit(groups: readonly Group[]): Promise<void> {
    this.#touchesDue = false;
    if (this.#refusal !== null) {
      this.#fail(groups, this.#refusal);
      return;
    }
    const { collection, journal, clock, durable, assertOwned } = this.#parts;
    // Of several writes of one id the last is the one that counts: they share their fate.
    const writes = new Map<string, PendingWrite>();
    for (const group of groups) for (const write of group.writes) writes.set(write.sid, write);
    const touched = this.#touched;
    this.#touched = new Set();
    let records: number;
    const startedAt = performance.now();
    try {
      await assertOwned(); // guard: committer, still the owner
      records = this.#encode(writes.values(), touched, clock.now());
      if (records > 0) await journal.append(this.#lines.bytes(), durable);
    } catch (cause) {
      const error = ioError("cannot commit", cause);
      this.#meter.failed++;
      if (!journal.trusted) this.#refusal = error;
      for (const sid of touched) this.#touched.add(sid);
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
      group.settle();
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
        if (this.#parts.collection.get(write.sid) !== undefined) this.#touched.add(write.sid);
      }
      group.settle(error);
    }
    if (this.#touched.size > 0 && this.#refusal === null) this.#awaitTouches();
  }
}

function writeRecord(now: number, { sid, session }: PendingWrite): string {
  return session === null ? deleteRecord(now, sid) : insertRecord(now, sid, session);
}
