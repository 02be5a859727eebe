/**
 * Gives a collection a single owner, by lite-nosql's lock file, held from opening to closing. For
 * lite-nosql a lock whose `ts` is over 10 s old is stale, so a heartbeat renews it. That also shows
 * stores on other machines and in other containers that the owner is alive.
 */
import type { StoreError } from "../../../protocol/errors.js";
import { elapsedSince, type Moment, momentOf, type Timer } from "../../ports/clock.js";
import { ioError } from "../../ports/failure.js";
import type { OpenFile } from "../../ports/files.js";
import { contest, giveUp, type LockParts, type Taken } from "./lock-contest.js";
import { HeldFile } from "./held-file.js";
import { deletedError, goneError, lockedError, lostError } from "./lock-errors.js";
import { readLock } from "./lock-file.js";
import { lockText, parseLock } from "./lock-record.js";
import type { Address } from "./meeting.js";
import { regain } from "./regaining.js";

const HEARTBEAT_MS = 2500;
/** Longer than any lock. */
const MAX_LOCK_BYTES = 4096;
/** Without a heartbeat for this long, another process may soon take the lock (after 10 s). */
const LEASE_MS = 7000;

export class Lock {
  readonly #parts: LockParts;
  readonly #onLost: (error: StoreError) => void;
  readonly #started: string | null;
  #file: HeldFile;
  /** Whether nobody can be writing to the files any more who had the lock before. */
  readonly isProven: boolean;
  /** Whether the store itself had it before, and nobody since. */
  readonly isOwn: boolean;
  /** Where this store can be reached; null if it cannot be. */
  #address: Address | null;
  /** Whether there were calls since the last heartbeat. */
  #isUsed = true;
  /** When the last heartbeat was written. */
  #lastHeartbeat: Moment;
  /** When the last one was begun, and whether it was not written because the disk failed. */
  #lastAttempt: Moment;
  #isFailing = false;
  #timer: Timer | null = null;
  #beating: Promise<void> | null = null;
  #released = false;
  /** Whether there is a journal beside it. */
  #hasJournal = false;
  /** When it was found to be ours for the last time, before that was found. */
  #lastFound: Moment;
  #regaining: Promise<StoreError | null> | null = null;
  /** Why the lock is lost, once it is. */
  #lost: StoreError | null = null;

  private constructor(
    parts: LockParts,
    { file, address, isProven, isOwn }: Taken,
    id: string,
    started: string | null,
    onLost: (error: StoreError) => void,
  ) {
    this.#parts = parts;
    this.#file = new HeldFile(parts.files, parts.paths.lock, file, id);
    this.#address = address;
    this.isProven = isProven;
    this.isOwn = isOwn;
    this.#started = started;
    this.#onLost = onLost;
    this.#lastHeartbeat = momentOf(parts.clock);
    this.#lastAttempt = this.#lastHeartbeat;
    this.#lastFound = this.#lastHeartbeat;
    parts.meeting?.identify(id);
    this.#schedule();
  }

  /** Which file it is. Another process that takes the lock makes another file. */
  get id(): string {
    return this.#file.id;
  }

  /**
   * Takes the lock. Waits, usually for up to 10 s, while its owner may be alive elsewhere.
   * @param onLost called once if another process takes the lock while it is held
   * @returns null if this store has joined the owner instead
   * @throws StoreError `STORE_LOCKED` with the owner's pid and host
   */
  static async acquire(
    parts: LockParts,
    onLost: (error: StoreError) => void,
  ): Promise<Lock | null> {
    const started = await parts.processes.startOf(parts.processes.pid);
    try {
      const taken = await contest(parts, started);
      if (taken === null) return null;
      return new Lock(parts, taken, await identified(parts, taken.file), started, onLost);
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
    if (this.#lost !== null) await this.assertHeld();
  }

  /** Notes that the journal is open: if it goes with the lock, another store finds nothing. */
  keepsJournal(): void {
    this.#hasJournal = true;
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
    if (found?.id === this.id && this.#lost === null) return;
    await this.assertHeld();
  }

  /** Releases the lock, unless another process has taken it. */
  async release(): Promise<void> {
    this.#released = true;
    this.#timer?.cancel();
    await this.#beating;
    await this.#regaining?.catch(() => undefined);
    const { files, paths } = this.#parts;
    // An error must not leave the lock behind; the file is closed even so.
    await this.#file.close().catch(() => undefined);
    if ((await this.#reasonLost()) === null) await files.remove(paths.lock);
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
      const address = await this.#addressNow();
      const isNeeded = this.#isUsed || !this.#canBeSilent(address);
      this.#isUsed = false;
      if (!isNeeded) {
        if (!this.#released) this.#schedule();
        return;
      }
      this.#address = address;
      // The length stays the same: only the digits of `ts` change.
      const text = Buffer.from(lockText(this.#parts, this.#started, address));
      await this.#file.use((file) => file.write(text, 0));
      // Another process may have taken it during the write.
      if (!(await this.#isOurs())) return;
      this.#lastHeartbeat = moment;
      this.#isFailing = false;
    } catch {
      this.#isFailing = true;
      // The disk failed; the next heartbeat may succeed.
    }
    if (!this.#released) this.#schedule();
  }

  /** Another one if the socket has lost its file; none takes the place of one. */
  async #addressNow(): Promise<Address | null> {
    const { meeting } = this.#parts;
    if (meeting === null || this.#address === null) return null;
    return (await meeting.address()) ?? this.#address;
  }

  /** Whether others can do without heartbeats: they ask the socket, or know whether we live. */
  #canBeSilent(address: Address | null): boolean {
    const isKnown = address !== null && address.socket === this.#address?.socket;
    return isKnown && this.#parts.processes.space !== null;
  }

  /** Calls `onLost` if the lock is not ours. */
  async #isOurs(): Promise<boolean> {
    const reason = await this.#reasonLost();
    if (reason !== null) this.#onLost(reason);
    return reason === null;
  }

  async #reasonLost(): Promise<StoreError | null> {
    if (this.#lost !== null) return this.#lost;
    const file = this.#file;
    const found = await this.#look();
    // A quicker look has taken it anew meanwhile: what this one has seen is over.
    if (found !== null && this.#file !== file) return this.#reasonLost();
    // Another look may have been quicker: what is lost stays lost, for one reason.
    return (this.#lost ??= found);
  }

  /** Opens nothing as long as the lock is ours: the process may have no descriptor left. */
  async #look(): Promise<StoreError | null> {
    const { files, paths, owner, meeting } = this.#parts;
    const moment = momentOf(this.#parts.clock);
    const found = await files.identity(paths.lock);
    if (found?.id === this.id) {
      // The same file, but another program may have written its own lock into it.
      const target = Buffer.alloc(MAX_LOCK_BYTES);
      const length = (await this.#file.use((file) => file.read(target, 0))) ?? 0;
      const record = parseLock(target.toString("utf8", 0, length));
      if (record !== null && record.owner !== owner) return lockedError(paths, record);
      this.#lastFound = moment;
      return null;
    }
    const text = await readLock(files, paths.lock);
    if (text !== null) {
      const record = parseLock(text);
      return record?.owner === owner ? null : lockedError(paths, record);
    }
    const isDeleted = (await files.identity(paths.directory)) === null;
    // Those that share go on with a new one.
    if (isDeleted && (meeting === null || !this.#hasJournal)) return deletedError(paths);
    if (!this.#hasJournal || this.#released) return goneError(paths);
    if ((await files.identity(paths.journal)) !== null) return goneError(paths);
    return (this.#regaining ??= this.#regain(moment).finally(() => (this.#regaining = null)));
  }

  /** Takes the lock anew that went with the journal. @returns why it cannot, or null */
  async #regain(moment: Moment): Promise<StoreError | null> {
    const { files, paths, meeting } = this.#parts;
    if (this.#silentMs(this.#lastFound) > LEASE_MS) {
      // Another store may have been the owner, and its files been deleted as well.
      return goneError(paths, meeting === null ? undefined : lostError(paths));
    }
    if (meeting !== null) await files.createDirectory(paths.directory);
    const address = await this.#addressNow();
    const file = await regain(this.#parts, paths, lockText(this.#parts, this.#started, address));
    if (file === null) return goneError(paths);
    const id = await identified(this.#parts, file);
    const old = this.#file;
    this.#file = new HeldFile(files, paths.lock, file, id);
    this.#address = address;
    this.#lastFound = moment;
    meeting?.identify(id);
    await old.close().catch(() => undefined);
    return null;
  }
}

/** Finds out which file the new lock is. */
async function identified({ files, paths }: LockParts, file: OpenFile): Promise<string> {
  try {
    return (await file.identity()).id;
  } catch (error) {
    await giveUp(files, paths, file);
    throw error;
  }
}
