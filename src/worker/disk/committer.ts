/**
 * When a write counts as done. Writes show in memory at once, are appended to the journal together
 * with all that waited meanwhile (one fsync for all of them), and only then become part of the
 * collection; if that fails, the value before them is what shows again. Touches ride along.
 */
import type { DiskStats } from "../../protocol/contract.js";
import type { StoreError } from "../../protocol/errors.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Collection } from "./documents/collection.js";
import type { SessionDocument } from "./documents/document.js";
import { ioError } from "../ports/failure.js";
import type { Journal } from "./journal/journal.js";
import type { Keyring } from "./keys/keyring.js";
import { LineBuffer } from "./lines/line-buffer.js";
import { deleteRecord, encodeLine, insertRecord, touchRecord } from "./journal/record.js";

/** A touch that finds no commit to ride on is journalled after this long. */
const TOUCH_DELAY_MS = 1000;

/** Commits are encoded in one go, while calls wait: a few milliseconds' worth. */
export const MAX_COMMIT_WRITES = 2048;

/** One write on its way to the disk: a session, or null to delete it. */
export interface PendingWrite {
  readonly sid: string;
  readonly session: SessionDocument | null;
  /** The writes of the same id before and after it, while those are not committed either. */
  previous?: PendingWrite | undefined;
  next?: PendingWrite | undefined;
}

/** Writes that were made together and share their fate. */
interface Group {
  readonly writes: readonly PendingWrite[];
  readonly settle: (error?: StoreError) => void;
}

/** Something to do between two commits. */
type Task = () => Promise<void>;

export interface CommitterParts {
  readonly collection: Collection;
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
  /** The newest write of each id that is not committed yet. */
  readonly #pending = new Map<string, PendingWrite>();
  /** Ids of sessions whose last touch is in memory only. */
  #touched = new Set<string>();
  #touchTimer: Timer | null = null;
  #touchesDue = false;
  /** What is to be done, in the order in which it was asked for. */
  #queue: (Group | Task)[] = [];
  #running = false;
  #refusal: StoreError | null = null;
  #lost: StoreError | null = null;

  #count = 0;
  #records = 0;
  #failed = 0;
  #lastMs = 0;
  #totalMs = 0;
  #maxMs = 0;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  /** The session as calls see it, committed or not; expired ones too. */
  visible(sid: string): SessionDocument | undefined {
    const pending = this.#pending.get(sid);
    if (pending !== undefined) return pending.session ?? undefined;
    return this.#parts.collection.get(sid);
  }

  /** Whether memory or the files may have anything under this id, even if only a pending delete. */
  holds(sid: string): boolean {
    const { collection } = this.#parts;
    return this.#refusal !== null || this.#pending.has(sid) || collection.get(sid) !== undefined;
  }

  /** All ids under which memory or the files have anything. */
  ids(): Set<string> {
    const ids = new Set(this.#pending.keys());
    for (const [sid] of this.#parts.collection.sessions()) ids.add(sid);
    return ids;
  }

  /** Whether touches are in memory only. */
  get hasTouches(): boolean {
    return this.#touched.size > 0;
  }

  /** All sessions as calls see them. */
  *visibleSessions(): Generator<[sid: string, session: SessionDocument]> {
    for (const entry of this.#parts.collection.sessions()) {
      if (!this.#pending.has(entry[0])) yield entry;
    }
    for (const { sid, session } of this.#pending.values()) {
      if (session !== null) yield [sid, session];
    }
  }

  /**
   * Stores each session, or deletes where it is null. Visible at once.
   * @throws StoreError `STORE_IO`; the values before are then visible again
   */
  write(writes: readonly PendingWrite[]): Promise<void> {
    if (this.#refusal !== null) return Promise.reject(this.#refusal);
    for (const write of writes) {
      write.previous = this.#pending.get(write.sid);
      if (write.previous !== undefined) write.previous.next = write;
      this.#pending.set(write.sid, write);
    }
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
    const now = this.#parts.clock.now();
    const extend = (session: SessionDocument | null | undefined): void => {
      if (session == null || session.expiresAt <= now) return;
      session.expiresAt = expiresAt;
      if (cookie !== null) session.cookie = cookie;
    };
    // A write that is on its way may fail; what shows again then must not have missed the touch.
    let write = this.#pending.get(sid);
    for (; write !== undefined; write = write.previous) extend(write.session);
    extend(this.#parts.collection.get(sid));
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
          if (!this.#parts.journal.known) this.refuse(error);
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
  lose(error: StoreError): void {
    this.#refusal = error;
    this.#lost = error;
  }

  /** Takes writes again: the journal has been replaced. */
  resume(): void {
    if (this.#lost !== null) return;
    this.#refusal = null;
    if (this.#touched.size > 0) this.#awaitTouches();
  }

  /** Why the files are no longer ours, if they are not. */
  get lost(): StoreError | null {
    return this.#lost;
  }

  /** Why writes are refused, if they are. */
  get refusal(): StoreError | null {
    return this.#refusal;
  }

  stats(): DiskStats["commits"] {
    return {
      count: this.#count,
      records: this.#records,
      failed: this.#failed,
      lastMs: this.#lastMs,
      meanMs: this.#count === 0 ? 0 : this.#totalMs / this.#count,
      maxMs: this.#maxMs,
    };
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
      await assertOwned();
      records = this.#encode(writes.values(), touched, clock.now());
      if (records > 0) await journal.append(this.#lines.bytes(), durable);
    } catch (cause) {
      const error = ioError("cannot commit", cause);
      this.#failed++;
      if (!journal.known) this.#refusal = error;
      for (const sid of touched) this.#touched.add(sid);
      this.#fail(groups, error);
      if (!journal.known) this.#parts.onDistrust(error);
      else if (groups.length === 0) this.#parts.onTouchFailure(error);
      return;
    }
    if (records > 0) this.#measure(performance.now() - startedAt, records);
    for (const write of writes.values()) {
      if (write.session === null) collection.delete(write.sid);
      else collection.put(write.sid, write.session);
    }
    for (const group of groups) {
      for (const write of group.writes) this.#forget(write);
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
      this.#lines.add(encodeLine(writeRecord(now, write, collection), keyring));
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
        this.#forget(write);
        // Its record would have carried the touches made before.
        if (this.#parts.collection.get(write.sid) !== undefined) this.#touched.add(write.sid);
      }
      group.settle(error);
    }
    if (this.#touched.size > 0 && this.#refusal === null) this.#awaitTouches();
  }

  /** Takes a write that is done, one way or the other, out of those that are pending: the oldest. */
  #forget(write: PendingWrite): void {
    if (write.next === undefined) this.#pending.delete(write.sid);
    else write.next.previous = undefined;
  }

  #measure(ms: number, records: number): void {
    this.#count++;
    this.#records += records;
    this.#lastMs = ms;
    this.#totalMs += ms;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }
}

function writeRecord(now: number, { sid, session }: PendingWrite, collection: Collection): string {
  if (session !== null) return insertRecord(now, sid, session);
  return deleteRecord(now, collection.get(sid)?.origin?.id ?? sid);
}
