/**
 * One owner for a collection: lite-nosql's lock file, held from opening to closing. lite-nosql takes
 * a lock for stale when its `ts` is over 10 s old, so it is kept fresh, which also shows an owner on
 * another machine or in another container, whose pid says nothing here, to be alive.
 */
import { StoreError } from "../../../protocol/errors.js";
import type { Clock, Timer } from "../../ports/clock.js";
import { ioError, isErrno } from "../../ports/failure.js";
import type { OpenFile } from "../../ports/files.js";
import { contest, lockedError, type LockParts } from "./lock-contest.js";
import { readLock } from "./lock-file.js";
import { lockText, parseLock } from "./lock-record.js";

const HEARTBEAT_MS = 2500;
/** After this long without one, another process may soon take the lock: 10 s, less its own delays. */
const LEASE_MS = 7000;

export class Lock {
  readonly #parts: LockParts;
  readonly #onLost: (error: StoreError) => void;
  readonly #started: string | null;
  /** Kept open: what is written through it cannot reach a lock that somebody else has made. */
  #file: OpenFile | null;
  /** When the lock last showed life. */
  #lastHeartbeat: Moment;
  #timer: Timer | null = null;
  #beating: Promise<void> | null = null;
  #released = false;

  private constructor(
    parts: LockParts,
    file: OpenFile,
    started: string | null,
    onLost: (error: StoreError) => void,
  ) {
    this.#parts = parts;
    this.#file = file;
    this.#started = started;
    this.#onLost = onLost;
    this.#lastHeartbeat = momentOf(parts.clock);
    this.#schedule();
  }

  /**
   * Takes the lock. One whose owner may be alive elsewhere is watched until it shows a sign of life
   * or is stale: up to 10 s.
   * @param onLost called once if another process takes the lock away while it is held
   * @throws StoreError `STORE_LOCKED` with the owner's pid and host
   */
  static async acquire(parts: LockParts, onLost: (error: StoreError) => void): Promise<Lock> {
    const started = await parts.processes.startOf(parts.processes.pid);
    try {
      return new Lock(parts, await contest(parts, started), started, onLost);
    } catch (cause) {
      throw ioError(`cannot lock ${parts.paths.lock}`, cause);
    }
  }

  /** @throws StoreError `STORE_LOCKED` where another process has taken the lock away */
  async assertHeld(): Promise<void> {
    let reason: StoreError | null;
    try {
      reason = await this.#reasonLost();
    } catch (cause) {
      throw ioError(`cannot read ${this.#parts.paths.lock}`, cause);
    }
    if (reason !== null) throw reason;
  }

  /**
   * As {@link assertHeld}, but looks only if the process has been stopped, or its disk has been slow,
   * for so long that the lock may have been taken away and no heartbeat has noticed yet.
   */
  async assertLeased(): Promise<void> {
    const { time, monotonic } = momentOf(this.#parts.clock);
    // Of a suspended machine only the time of day goes on; of one whose clock was set, only the other.
    const silentMs = Math.max(
      time - this.#lastHeartbeat.time,
      monotonic - this.#lastHeartbeat.monotonic,
    );
    if (silentMs > LEASE_MS) await this.assertHeld();
  }

  /** Gives the lock back, unless it has been taken away. */
  async release(): Promise<void> {
    this.#released = true;
    this.#timer?.cancel();
    await this.#beating;
    const { files, paths } = this.#parts;
    const file = this.#file;
    this.#file = null;
    // Closed is closed, whatever it says; the lock must not stay because of it.
    await file?.close().catch(() => undefined);
    if ((await this.#reasonLost()) === null) await files.remove(paths.lock);
  }

  #schedule(): void {
    this.#timer = this.#parts.clock.after(HEARTBEAT_MS, () => {
      this.#beating = this.#beat().finally(() => (this.#beating = null));
    });
  }

  async #beat(): Promise<void> {
    const moment = momentOf(this.#parts.clock);
    try {
      if (!(await this.#isOurs())) return;
      // As long as what it replaces: only the digits of `ts` change.
      await this.#file?.write(Buffer.from(lockText(this.#parts, this.#started)), 0);
      // It may have been taken away while that was written.
      if (!(await this.#isOurs())) return;
      this.#lastHeartbeat = moment;
    } catch {
      // A disk that does not work now cannot show life; the next beat may.
    }
    if (!this.#released) this.#schedule();
  }

  /** Says that the lock is lost where it is. */
  async #isOurs(): Promise<boolean> {
    const reason = await this.#reasonLost();
    if (reason !== null) this.#onLost(reason);
    return reason === null;
  }

  async #reasonLost(): Promise<StoreError | null> {
    const { files, paths, owner } = this.#parts;
    const text = await readLock(files, paths.lock);
    if (text !== null) {
      const record = parseLock(text);
      return record?.owner === owner ? null : lockedError(paths, record);
    }
    try {
      await files.list(paths.directory);
    } catch (cause) {
      if (isErrno(cause, "ENOENT")) return ioError(`${paths.directory} is gone`, cause);
      throw cause;
    }
    return new StoreError(
      "STORE_LOCKED",
      `${paths.lock} was deleted: another process may have had the collection open since. ` +
        "Restart this one to open it again",
    );
  }
}

/** A moment by both clocks. */
interface Moment {
  readonly time: number;
  readonly monotonic: number;
}

function momentOf(clock: Clock): Moment {
  return { time: clock.now(), monotonic: clock.monotonic() };
}
