/**
 * Appends the records of a commit to the journal, in slices small enough for calls to be served in
 * between, whatever the size of the commit.
 */
import { StoreError } from "../../protocol/errors.js";
import type { Clock } from "../ports/clock.js";
import type { Group } from "./commit-queue.js";
import type { Collection } from "./documents/collection.js";
import { type Executed, type Mark, markText } from "./executed.js";
import type { Journal } from "./journal/journal.js";
import {
  deleteRecord,
  encodeLine,
  insertRecord,
  marksRecord,
  touchRecord,
} from "./journal/record.js";
import type { Keyring } from "./keys/keyring.js";
import { LineBuffer } from "./lines/line-buffer.js";
import type { PendingWrite } from "./pending-write.js";
import type { Touches } from "./touches.js";

/** What is encoded before calls get a turn: a few milliseconds of work, encrypted too. */
const SLICE_BYTES = 256 * 1024;

/** Marks that stand in one record. */
const MARKS = 1000;

/** What a commit is answered after. */
interface Fence {
  /** Rejects if the lock is no longer ours. */
  readonly look: () => Promise<void>;
  /** Whether a look that is asked for after an fsync comes after it, though nobody waits for that. */
  readonly isInOrder: boolean;
}

export interface CommitRecordsParts {
  readonly collection: Collection;
  readonly journal: Journal;
  readonly keyring: Keyring | null;
  readonly clock: Clock;
  readonly executed: Executed;
  /** Whether this commit ends with an fsync. */
  readonly isDurable: () => boolean;
  /** Rejects if another process may have taken over the collection. */
  readonly assertOwned: () => Promise<void>;
  /** Null where nobody else may share the collection. */
  readonly fence: Fence | null;
  /** Called when the disk is full; resolves to whether it may no longer be. */
  readonly makeRoom: () => Promise<boolean>;
}

export class CommitRecords {
  readonly #parts: CommitRecordsParts;
  readonly #touches: Touches;
  readonly #lines = new LineBuffer();

  /** @param touches those that need no record because a write includes them are removed */
  constructor(parts: CommitRecordsParts, touches: Touches) {
    this.#parts = parts;
    this.#touches = touches;
  }

  /**
   * Writes what these writes and touches need, and makes it part of the journal.
   * @returns the number of records, which may be 0
   */
  async commit(groups: readonly Group[], touched: Set<string>): Promise<number> {
    const { collection, clock } = this.#parts;
    const now = clock.now();
    let records = 0;
    /** Of writes that need no record of their own. */
    const marks: Mark[] = [];
    this.#lines.clear();
    for (const group of groups) {
      for (const write of group.writes) {
        if (write.isVoid !== true) {
          // The record of a write includes the touches made so far.
          touched.delete(write.sid);
          this.#touches.delete(write.sid);
        }
        if (!this.#needsRecord(write)) {
          if (write.by !== undefined) marks.push(markOf(write, write.by));
          continue;
        }
        records++;
        if (this.#add(writeRecord(now, write))) await this.#flush();
      }
    }
    for (const sid of touched) {
      // The committed session: the record of a pending write will include the touch itself.
      const session = collection.get(sid);
      if (session === undefined) continue;
      records++;
      if (this.#add(touchRecord(now, sid, session))) await this.#flush();
    }
    await this.#finish(now, records, marks);
    return records;
  }

  /** Makes the records part of the journal, with the marks that are due; without any, these wait. */
  async #finish(now: number, records: number, marks: readonly Mark[]): Promise<void> {
    const { executed } = this.#parts;
    if (records === 0) {
      await this.#slice();
      executed.add(marks);
      return;
    }
    const due = executed.take();
    try {
      const all = [...due, ...marks];
      for (let at = 0; at < all.length; at += MARKS) {
        const text = all.slice(at, at + MARKS).map(markText);
        if (this.#add(marksRecord(now, text.join(" ")))) await this.#flush();
      }
      await this.#commit(await this.#slice());
    } catch (error) {
      // Those of this commit fail with it.
      executed.add(due);
      throw error;
    }
  }

  async #commit(lines: Uint8Array): Promise<void> {
    const { journal, makeRoom, fence } = this.#parts;
    const durable = this.#parts.isDurable();
    if (fence === null) return journal.commit(lines, durable, makeRoom);
    let early: Promise<void> | null = null;
    const committed = journal.commit(lines, durable, () => {
      early = null;
      return makeRoom();
    });
    if (fence.isInOrder) {
      early = fence.look();
      early.catch(() => undefined);
    }
    await committed;
    try {
      await (early ?? fence.look()); // guard: committer, the lock is still ours after the fsync
    } catch (cause) {
      throw this.#uncertain(cause);
    }
  }

  /** What was written is in the file, and not acknowledged. */
  #uncertain(cause: unknown): unknown {
    const { journal } = this.#parts;
    if (!(cause instanceof StoreError && cause.code === "STORE_LOCKED")) {
      journal.distrust();
      return cause;
    }
    return new StoreError(
      "STORE_UNCERTAIN",
      `another process took over the collection while this one wrote to ${journal.path}: the write ` +
        "may have taken effect or not",
      { cause },
    );
  }

  #needsRecord(write: PendingWrite): boolean {
    if (write.isVoid === true) return false;
    // All writes succeed or fail together, so only the last one of each id matters.
    if (isSuperseded(write)) return false;
    // A session that the files do not have needs no record to be deleted.
    return write.session !== null || this.#parts.collection.get(write.sid) !== undefined;
  }

  /** @returns whether this record completes a slice */
  #add(record: string): boolean {
    this.#lines.add(encodeLine(record, this.#parts.keyring));
    return this.#lines.length >= SLICE_BYTES;
  }

  /** Writes a slice. Calls are served meanwhile. */
  async #flush(): Promise<void> {
    const { journal, makeRoom } = this.#parts;
    await journal.append(await this.#slice(), makeRoom);
    this.#lines.clear();
  }

  /** What is to be written next. */
  async #slice(): Promise<Uint8Array> {
    await this.#parts.assertOwned(); // guard: committer, still the owner
    return this.#lines.bytes();
  }
}

/** Whether a later write of the same commit takes its place. */
function isSuperseded(write: PendingWrite): boolean {
  let { next } = write;
  while (next?.isVoid === true) next = next.next;
  return next?.commit === write.commit;
}

function writeRecord(now: number, { sid, session, by }: PendingWrite): string {
  const mark = by === undefined ? undefined : markText(by);
  return session === null ? deleteRecord(now, sid, mark) : insertRecord(now, sid, session, mark);
}

/** An update that found no live session has replaced none. */
function markOf({ isVoid }: PendingWrite, by: Mark): Mark {
  return isVoid === true ? { ...by, outcome: 0 } : by;
}
