/**
 * Group commit. A write is visible to calls at once. It becomes part of the collection when it has
 * been appended to the journal, with one fsync for all writes that were waiting; if that fails, the
 * previous value is visible again. Touches are appended once a second.
 */
import type { DiskStats } from "../../protocol/contract.js";
import type { StoreError } from "../../protocol/errors.js";
import { monotonic } from "../../protocol/timers.js";
import { ioError } from "../ports/failure.js";
import { deletionsOf } from "./clearing.js";
import { CommitMeter } from "./commit-meter.js";
import { CommitQueue, type Group } from "./commit-queue.js";
import { CommitRecords, type CommitRecordsParts } from "./commit-records.js";
import type { PendingWrite } from "./pending-write.js";
import type { PendingWrites } from "./pending-writes.js";
import { Touches } from "./touches.js";
import { Trust, type TrustParts } from "./trust.js";

interface CommitterParts extends CommitRecordsParts, TrustParts {
  readonly pending: PendingWrites;
  /** Called after each commit that wrote records. */
  readonly onCommit: () => void;
  /** Called when the journal can no longer be trusted; nothing is committed until `resume`. */
  readonly onDistrust: (error: StoreError) => void;
  /** Called when touches could not be written; they will be retried. */
  readonly onTouchFailure: (error: StoreError) => void;
}

export class Committer {
  readonly #parts: CommitterParts;
  readonly #meter = new CommitMeter();
  readonly #queue: CommitQueue;
  readonly #trust: Trust;
  readonly #touches: Touches;
  readonly #records: CommitRecords;
  #commits = 0;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
    this.#trust = new Trust(parts);
    this.#queue = new CommitQueue({
      ...parts,
      isHeld: () => this.#trust.isHeld,
      commit: (groups) => this.#commit(groups),
      giveUp: (group, error) => {
        this.#fail([group], error);
      },
      lateError: () => this.#trust.lateError(),
    });
    this.#touches = new Touches(parts.clock, () => {
      this.#queue.commitSoon();
    });
    this.#records = new CommitRecords(parts, this.#touches);
  }

  /**
   * Whether a deletion of this id has to be written. While the journal is not trusted it always has,
   * since nobody knows what the files contain.
   */
  mayHave(sid: string): boolean {
    const { journal, pending } = this.#parts;
    return this.refusal !== null || !journal.trusted || pending.has(sid);
  }

  /** Whether there are touches that are only in memory. */
  get hasTouches(): boolean {
    return this.#touches.size > 0;
  }

  /**
   * Stores sessions, or deletes those that are null. Visible at once.
   * @param isPatient whether to wait while writes are refused because the journal is in doubt
   * @throws StoreError `STORE_IO`, `STORE_LOCKED`, `STORE_OVERLOADED`, `STORE_UNCERTAIN`; the
   * previous values are then visible again
   */
  write(writes: readonly PendingWrite[], isPatient = false): Promise<void> {
    for (const write of writes) this.#parts.pending.add(write);
    return this.submit(writes, isPatient);
  }

  /** Like {@link write}, for what has been added to the pending writes already. */
  submit(writes: readonly PendingWrite[], isPatient: boolean): Promise<void> {
    const { refusal, disowned } = this.#trust;
    if (refusal !== null && !(isPatient && disowned === null)) {
      this.#parts.pending.fail(writes, refusal);
      return Promise.reject(refusal);
    }
    const done = new Promise<void>((resolve, reject) => {
      this.#queue.push({ writes, isPatient, resolve, reject });
    });
    for (const write of writes) write.done = done;
    return done;
  }

  /**
   * Deletes all sessions, in several commits, so that reads are served in between. Visible at once.
   * @throws StoreError as {@link write}; those that are left are then visible again
   */
  clear(): Promise<void> {
    if (this.refusal !== null) return Promise.reject(this.refusal);
    const endClear = this.#parts.pending.beginClear();
    return new Promise((resolve, reject) => {
      const end = (error?: StoreError): void => {
        endClear();
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#queue.push({ run: async () => end(await this.#deleteAll()), giveUp: end });
    });
  }

  /**
   * Moves the expiry of a visible session, as far as its lifetime allows, and replaces its cookie,
   * unless `cookie` is null.
   * @param only an uncommitted write: what is visible if that fails is left as it is
   */
  touch(sid: string, cookie: string | null, expiresAt: number, only?: PendingWrite): void {
    const { pending, clock } = this.#parts;
    pending.extend([sid, cookie, expiresAt], clock.now(), only);
    this.#touches.add(sid);
    this.#touches.schedule();
  }

  /** Journals all touches before what is asked for next. */
  flushTouches(): void {
    this.#touches.makeDue();
  }

  /**
   * Runs a task while nothing is being committed, after everything that waits now and can be
   * committed. Later writes wait for it.
   */
  exclusively<T>(task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        try {
          resolve(await task());
        } catch (cause) {
          const error = ioError("cannot update the files of the collection", cause);
          this.#refuseAfter(error); // guard: committer, refusal after a task
          reject(error);
        }
      };
      this.#queue.push({ run });
    });
  }

  /** Refuses all writes from now on: another process has taken over the collection. */
  disown(error: StoreError): void {
    this.#trust.disown(error);
    this.#queue.wake();
  }

  /** Commits again what waits, if it can: the journal has been replaced, or the disk answers. */
  resume(): void {
    if (this.#parts.journal.trusted) this.#trust.restore();
    this.#touches.schedule();
    this.#queue.wake();
  }

  /** The error given to {@link disown}, or null. */
  get disowned(): StoreError | null {
    return this.#trust.disowned;
  }

  /** Why writes are refused, or null. */
  get refusal(): StoreError | null {
    return this.#trust.refusal;
  }

  stats(): DiskStats["commits"] {
    return this.#meter.stats();
  }

  /** Fails what still waits. */
  stop(): void {
    this.#queue.giveUp("all", this.#trust.lateError());
    this.#queue.stop();
    this.#touches.stop();
  }

  async #deleteAll(): Promise<StoreError | undefined> {
    let error: StoreError | undefined;
    const resolve = (): void => undefined;
    const reject = (failure: StoreError): void => void (error = failure);
    // Commits even if there are no sessions, to fail while writes are refused.
    for (const writes of deletionsOf(this.#parts.collection)) {
      await this.#commit([{ writes, isPatient: false, resolve, reject }]);
      if (error !== undefined) return error;
    }
    return undefined;
  }

  async #commit(groups: readonly Group[]): Promise<void> {
    if (this.refusal !== null) {
      this.#fail(groups, this.refusal);
      return;
    }
    const { pending, journal } = this.#parts;
    this.#commits++;
    for (const group of groups) for (const write of group.writes) write.commit = this.#commits;
    const touched = this.#touches.takeDue();
    const startedAt = monotonic();
    let records: number;
    try {
      records = await this.#records.commit(groups, touched);
    } catch (cause) {
      await journal.rollback();
      this.#meter.failed++;
      for (const sid of touched) this.#touches.add(sid);
      this.#failCommit(groups, ioError(`cannot write to ${journal.path}`, cause));
      return;
    }
    if (records > 0) this.#meter.add(monotonic() - startedAt, records);
    for (const { writes, resolve } of groups) {
      await pending.commit(writes);
      resolve();
    }
    if (records > 0) this.#parts.onCommit();
  }

  #failCommit(groups: readonly Group[], cause: StoreError): void {
    const { journal, onDistrust, onTouchFailure } = this.#parts;
    this.#refuseAfter(cause);
    this.#fail(groups, this.#trust.commitError(cause));
    if (!journal.trusted) onDistrust(cause);
    else if (groups.length === 0) onTouchFailure(cause);
  }

  /** If the journal is in doubt after this failure, writes are refused. */
  #refuseAfter(error: StoreError): void {
    if (this.#trust.fail(error)) this.#queue.giveUp("impatient", error);
  }

  #fail(groups: readonly Group[], error: StoreError): void {
    const { pending, collection } = this.#parts;
    for (const { writes, reject } of groups) {
      pending.fail(writes, error);
      for (const { sid } of writes) {
        // Its record would have included earlier touches.
        if (collection.get(sid) !== undefined) this.#touches.add(sid);
      }
      reject(error);
    }
    if (this.refusal === null) this.#touches.schedule();
  }
}
