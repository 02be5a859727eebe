/**
 * Gives a collection a single owner, by lite-nosql's lock file, held from opening to closing. For
 * lite-nosql a lock whose `ts` is over 10 s old is stale, so a heartbeat renews it. That also shows
 * stores on other machines and in other containers that the owner is alive.
 */
import type { StoreError } from "../../../protocol/errors.js";
import { elapsedSince, type Moment, momentOf, type Timer } from "../../ports/clock.js";
import { ioError } from "../../ports/failure.js";
import { contest, type LockParts, type Taken } from "./lock-contest.js";
import { Holding } from "./holding.js";
import { LEASE_MS } from "./lock-record.js";

const HEARTBEAT_MS = 2500;

export class Lock {
  readonly #parts: LockParts;
  readonly #onLost: (error: StoreError) => void;
  readonly #holding: Holding;
  /** Whether nobody can be writing to the files any more who had the lock before. */
  readonly isProven: boolean;
  /** Whether the store itself had it before, and nobody since. */
  readonly isOwn: boolean;
  /** Whether there were calls since the last heartbeat. */
  #isUsed = true;
  /** When the last heartbeat was written. */
  #lastHeartbeat: Moment;
  /** When the last one was begun, and whether it was not written because the disk failed. */
  #lastAttempt: Moment;
  #isFailing = false;
  #timer: Timer | null = null;
  #beating: Promise<void> | null = null;

  private constructor(
    parts: LockParts,
    { isProven, isOwn }: Taken,
    holding: Holding,
    onLost: (error: StoreError) => void,
  ) {
    this.#parts = parts;
    this.#holding = holding;
    this.isProven = isProven;
    this.isOwn = isOwn;
    this.#onLost = onLost;
    this.#lastHeartbeat = momentOf(parts.clock);
    this.#lastAttempt = this.#lastHeartbeat;
    this.#schedule();
  }

  /**
   * Takes the lock. Waits, usually for up to 10 s, while its owner may be alive elsewhere.
   * @param onLost called once if another process takes the lock while it is held
   * @returns null if this store has joined the owner instead
   * @throws StoreError `STORE_LOCKED` with the owner's pid and host
   */
  static async acquire(
    contender: Omit<LockParts, "started">,
    onLost: (error: StoreError) => void,
  ): Promise<Lock | null> {
    const { processes, paths } = contender;
    const parts = { ...contender, started: await processes.startOf(processes.pid) };
    try {
      const taken = await contest(parts);
      if (taken === null) return null;
      return new Lock(parts, taken, await Holding.of(parts, taken), onLost);
    } catch (cause) {
      throw ioError(`cannot lock ${paths.lock}`, cause);
    }
  }

  /** @throws StoreError `STORE_LOCKED` if another process has taken the lock */
  async assertHeld(): Promise<void> {
    let reason: StoreError | null;
    try {
      reason = await this.#holding.reasonLost();
    } catch (cause) {
      throw ioError(`cannot look at ${this.#parts.paths.lock}`, cause);
    }
    if (reason === null) return;
    // Whoever shares must know before anybody is answered.
    if (this.#parts.meeting !== null) this.#onLost(reason);
    throw reason;
  }

  /**
   * Like {@link assertHeld}, but looks at the lock only if the process was stopped, or the disk slow,
   * for so long that another process may have taken it unnoticed.
   */
  async assertLeased(): Promise<void> {
    if (!this.isLeased()) await this.assertHeld();
  }

  /** Whether the last heartbeat is so young that no other process can have taken the lock since. */
  isLeased(): boolean {
    return this.#silentMs(this.#lastHeartbeat) <= LEASE_MS;
  }

  /**
   * Whether to answer reads without {@link renew}. While the disk fails they go on: as long as this
   * process answers others, none takes the lock.
   */
  mayAnswer(): boolean {
    return this.isLeased() || (this.#isFailing && this.#silentMs(this.#lastAttempt) <= LEASE_MS);
  }

  #silentMs(since: Moment): number {
    return elapsedSince(since, this.#parts.clock);
  }

  /**
   * Makes a heartbeat after a silence.
   * @throws StoreError `STORE_LOCKED` if another process has taken the lock
   */
  async renew(): Promise<void> {
    await this.#beating;
    this.#timer?.cancel();
    this.#isUsed = true;
    await (this.#beating = this.#beat().finally(() => (this.#beating = null)));
    if (this.#holding.lost !== null) await this.assertHeld();
  }

  /** Notes that the collection is open. @param hasSnapshot whether it has a snapshot by now */
  keeps(hasSnapshot: () => boolean): void {
    this.#holding.keeps(hasSnapshot);
  }

  /** Notes that there was a call, so that the next heartbeat is written. */
  use(): void {
    this.#isUsed = true;
  }

  /**
   * For after an fsync: whoever takes the lock after this reads files that have what was written.
   * Less than {@link assertHeld}, since it comes with each commit: which file has the name.
   * @throws StoreError `STORE_LOCKED` if the lock is no longer this one
   */
  async assertNamed(): Promise<void> {
    const { files, paths } = this.#parts;
    const found = await files.identity(paths.lock);
    if (found?.id === this.#holding.id && this.#holding.lost === null) return;
    await this.assertHeld();
  }

  /** Releases the lock, unless another process has taken it. */
  async release(): Promise<void> {
    this.#timer?.cancel();
    await this.#holding.release(this.#beating);
  }

  #schedule(): void {
    this.#timer = this.#parts.clock.after(HEARTBEAT_MS, () => {
      this.#beating = this.#beat().finally(() => (this.#beating = null));
    });
  }

  async #beat(): Promise<void> {
    const moment = momentOf(this.#parts.clock);
    this.#lastAttempt = moment;
    try {
      if (!(await this.#isOurs())) return;
      const address = await this.#holding.addressNow();
      const isNeeded = this.#isUsed || !this.#holding.canBeSilent(address);
      this.#isUsed = false;
      if (isNeeded) {
        await this.#holding.write(address);
        // Another process may have taken it during the write.
        if (!(await this.#isOurs())) return;
        this.#lastHeartbeat = moment;
        this.#isFailing = false;
      }
    } catch {
      this.#isFailing = true;
      // The disk failed; the next heartbeat may succeed.
    }
    if (!this.#holding.released) this.#schedule();
  }

  /** Calls `onLost` if the lock is not ours. */
  async #isOurs(): Promise<boolean> {
    const reason = await this.#holding.reasonLost();
    if (reason !== null) this.#onLost(reason);
    return reason === null;
  }
}
