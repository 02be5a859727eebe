/**
 * One owner for a collection: lite-nosql's lock file, held from opening to closing. lite-nosql takes
 * a lock for stale when its `ts` is over 10 s old, so it is kept fresh, which also shows an owner on
 * another machine or in another container, whose pid says nothing here, to be alive.
 */
import type { StoreError } from "../protocol/errors.js";
import type { Timer } from "./clock.js";
import { ioError, isErrno } from "./failure.js";
import type { OpenFile } from "./files.js";
import { contest, lockedError, type LockParts, openOwn } from "./lock-contest.js";
import { makeLock, readLock } from "./lock-file.js";
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
  /** When the lock last showed life, in the clock's monotonic milliseconds. */
  #shownAt: number;
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
    this.#shownAt = parts.clock.monotonic();
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
    const { files, paths, owner } = this.#parts;
    let text: string | null;
    try {
      text = await readLock(files, paths.lock);
    } catch (cause) {
      throw ioError(`cannot read ${paths.lock}`, cause);
    }
    const record = parseLock(text ?? "");
    if (record?.owner !== owner) throw lockedError(paths, record);
  }

  /**
   * As {@link assertHeld}, but looks only if the process has been stopped, or its disk has been slow,
   * for so long that the lock may have been taken away and no heartbeat has noticed yet.
   */
  async assertLeased(): Promise<void> {
    if (this.#parts.clock.monotonic() - this.#shownAt > LEASE_MS) await this.assertHeld();
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
    if (await this.#isOurs()) await files.remove(paths.lock);
  }

  #schedule(): void {
    this.#timer = this.#parts.clock.after(HEARTBEAT_MS, () => {
      this.#beating = this.#beat().finally(() => (this.#beating = null));
    });
  }

  async #beat(): Promise<void> {
    const { files, paths, clock, owner } = this.#parts;
    const at = clock.monotonic();
    try {
      const text = await readLock(files, paths.lock);
      if (text !== null && parseLock(text)?.owner !== owner) {
        this.#onLost(lockedError(paths, parseLock(text)));
        return;
      }
      if (text !== null || (await this.#makeAgain())) {
        // As long as what it replaces: only the digits of `ts` change.
        await this.#file?.write(Buffer.from(this.#text()), 0);
        this.#shownAt = at;
      }
    } catch (cause) {
      if (isErrno(cause, "ENOENT")) {
        this.#onLost(ioError(`the directory ${paths.directory} is gone`, cause));
        return;
      }
      // A disk that does not work now cannot show life; the next beat may.
    }
    if (!this.#released) this.#schedule();
  }

  /** Makes a lock that somebody deleted again. @returns false where another process was faster */
  async #makeAgain(): Promise<boolean> {
    const { files, paths } = this.#parts;
    if (!(await makeLock(files, paths.lock, this.#text()))) return false;
    const file = await openOwn(files, paths);
    if (file === null) return false;
    await this.#file?.close().catch(() => undefined);
    this.#file = file;
    return true;
  }

  #text(): string {
    return lockText(this.#parts, this.#started);
  }

  async #isOurs(): Promise<boolean> {
    const text = await readLock(this.#parts.files, this.#parts.paths.lock);
    return text !== null && parseLock(text)?.owner === this.#parts.owner;
  }
}
