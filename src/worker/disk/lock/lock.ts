/**
 * Gives a collection a single owner, by lite-nosql's lock file, held from opening to closing. For
 * lite-nosql a lock whose `ts` is over 10 s old is stale, so a heartbeat renews it. That also shows
 * stores on other machines and in other containers that the owner is alive.
 */
import { StoreError } from "../../../protocol/errors.js";
import type { Clock, Timer } from "../../ports/clock.js";
import { ioError, isErrno } from "../../ports/failure.js";
import type { OpenFile } from "../../ports/files.js";
import { contest, lockedError, type LockParts } from "./lock-contest.js";
import { readLock } from "./lock-file.js";
import { lockText, parseLock } from "./lock-record.js";

const HEARTBEAT_MS = 2500;
/** Without a heartbeat for this long, another process may soon take the lock (after 10 s). */
const LEASE_MS = 7000;

export class Lock {
  readonly #parts: LockParts;
  readonly #onLost: (error: StoreError) => void;
  readonly #started: string | null;
  /** Kept open: writes through it cannot reach a lock that another process creates. */
  #file: OpenFile | null;
  /** When the last heartbeat was written. */
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
   * Takes the lock. Waits, usually for up to 10 s, while its owner may be alive elsewhere.
   * @param onLost called once if another process takes the lock while it is held
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

  /** @throws StoreError `STORE_LOCKED` if another process has taken the lock */
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
   * Like {@link assertHeld}, but reads the lock only if the process was stopped, or the disk slow,
   * for so long that another process may have taken it unnoticed.
   */
  async assertLeased(): Promise<void> {
    const { time, monotonic } = momentOf(this.#parts.clock);
    // The monotonic clock may stop during suspension, and the system time may be set back.
    const silentMs = Math.max(
      time - this.#lastHeartbeat.time,
      monotonic - this.#lastHeartbeat.monotonic,
    );
    if (silentMs > LEASE_MS) await this.assertHeld();
  }

  /** Releases the lock, unless another process has taken it. */
  async release(): Promise<void> {
    this.#released = true;
    this.#timer?.cancel();
    await this.#beating;
    const { files, paths } = this.#parts;
    const file = this.#file;
    this.#file = null;
    // An error must not leave the lock behind; the file is closed even so.
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
      // The length stays the same: only the digits of `ts` change.
      await this.#file?.write(Buffer.from(lockText(this.#parts, this.#started)), 0);
      // Another process may have taken it during the write.
      if (!(await this.#isOurs())) return;
      this.#lastHeartbeat = moment;
    } catch {
      // The disk failed; the next heartbeat may succeed.
    }
    if (!this.#released) this.#schedule();
  }

  /** Calls `onLost` if the lock is not ours. */
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
      if (isErrno(cause, "ENOENT")) {
        return ioError(`the directory ${paths.directory} was deleted`, cause);
      }
      throw cause;
    }
    return new StoreError(
      "STORE_LOCKED",
      `${paths.lock} was deleted, so another process may have opened the collection since. ` +
        "Open it again with a new store",
    );
  }
}

interface Moment {
  readonly time: number;
  readonly monotonic: number;
}

function momentOf(clock: Clock): Moment {
  return { time: clock.now(), monotonic: clock.monotonic() };
}
