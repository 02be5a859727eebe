/**
 * The lock file of a store that has taken it: whether it is still this store's, and what is written to
 * it. One that was deleted together with the journal is taken anew.
 */
import type { StoreError } from "../../../protocol/errors.js";
import { elapsedSince, type Moment, momentOf } from "../../ports/clock.js";
import type { OpenFile } from "../../ports/files.js";
import { HeldFile } from "./held-file.js";
import type { LockParts, Taken } from "./lock-contest.js";
import { deletedError, goneError, lockedError, lostError } from "./lock-errors.js";
import { giveUp, makeLock, openOwn, readLock } from "./lock-file.js";
import { LEASE_MS, lockText, parseLock } from "./lock-record.js";
import type { Address } from "./meeting.js";

/** Longer than any lock. */
const MAX_LOCK_BYTES = 4096;

export class Holding {
  readonly #parts: LockParts;
  #file: HeldFile;
  /** Where this store can be reached; null if it cannot be. */
  #address: Address | null;
  /** Whether there is a snapshot beside it; null before there is a journal. */
  #hasSnapshot: (() => boolean) | null = null;
  released = false;
  /** When it was found to be ours for the last time, before that was found. */
  #lastFound: Moment;
  #regaining: Promise<StoreError | null> | null = null;
  /** Why the lock is lost, once it is. */
  #lost: StoreError | null = null;

  private constructor(parts: LockParts, file: HeldFile, address: Address | null) {
    this.#parts = parts;
    this.#file = file;
    this.#address = address;
    this.#lastFound = momentOf(parts.clock);
    parts.meeting?.identify(file.id);
  }

  static async of(parts: LockParts, { file, address }: Taken): Promise<Holding> {
    return new Holding(parts, await held(parts, file), address);
  }

  /** Which file it is. Another process that takes the lock makes another file. */
  get id(): string {
    return this.#file.id;
  }

  /** Why the lock is lost, if that has been found. */
  get lost(): StoreError | null {
    return this.#lost;
  }

  /** Notes that the collection is open: what of it goes with the lock, another store does not find. */
  keeps(hasSnapshot: () => boolean): void {
    this.#hasSnapshot = hasSnapshot;
  }

  /** Looks whether the lock is ours. @returns why it is lost, or null */
  async reasonLost(): Promise<StoreError | null> {
    if (this.#lost !== null) return this.#lost;
    const file = this.#file;
    const found = await this.#look();
    // A quicker look has taken it anew meanwhile: what this one has seen is over.
    if (found !== null && this.#file !== file) return this.reasonLost();
    // Another look may have been quicker: what is lost stays lost, for one reason.
    return (this.#lost ??= found);
  }

  /** Another one if the socket has lost its file; none takes the place of one. */
  async addressNow(): Promise<Address | null> {
    const { meeting } = this.#parts;
    if (meeting === null || this.#address === null) return null;
    return (await meeting.address()) ?? this.#address;
  }

  /** Whether others can do without heartbeats: they ask the socket, or know whether we live. */
  canBeSilent(address: Address | null): boolean {
    const isKnown = address !== null && address.socket === this.#address?.socket;
    return isKnown && this.#parts.processes.space !== null;
  }

  /** Writes a heartbeat, which says where this store can be reached from now on. */
  async write(address: Address | null): Promise<void> {
    this.#address = address;
    // The length stays the same: only the digits of `ts` change.
    const text = Buffer.from(lockText(this.#parts, address));
    await this.#file.use((file) => file.write(text, 0));
  }

  /**
   * Releases the lock, unless another process has taken it.
   * @param beating a heartbeat that is under way
   */
  async release(beating: Promise<void> | null): Promise<void> {
    this.released = true;
    await beating;
    await this.#regaining?.catch(() => undefined);
    const { files, paths } = this.#parts;
    // An error must not leave the lock behind; the file is closed even so.
    await this.#file.close().catch(() => undefined);
    if ((await this.reasonLost()) === null) await files.remove(paths.lock);
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
    if (isDeleted && (meeting === null || this.#hasSnapshot === null)) return deletedError(paths);
    if (this.#hasSnapshot === null) return goneError(paths);
    if ((await files.identity(paths.journal)) !== null) {
      const isLost = this.#hasSnapshot() && (await files.identity(paths.snapshot)) === null;
      return this.#gone(isLost);
    }
    // Nobody would release it again.
    if (this.released) return goneError(paths);
    return (this.#regaining ??= this.#regain(moment).finally(() => (this.#regaining = null)));
  }

  /** Takes the lock anew that went with the journal. @returns why it cannot, or null */
  async #regain(moment: Moment): Promise<StoreError | null> {
    const { files, paths, clock, meeting } = this.#parts;
    // Another store may have been the owner, and its files been deleted as well.
    if (elapsedSince(this.#lastFound, clock) > LEASE_MS) return this.#gone(true);
    if (meeting !== null) await files.createDirectory(paths.directory);
    const address = await this.addressNow();
    const file = await regain(this.#parts, address);
    if (file === null) return goneError(paths);
    const next = await held(this.#parts, file);
    const old = this.#file;
    this.#file = next;
    this.#address = address;
    this.#lastFound = moment;
    meeting?.identify(this.id);
    await old.close().catch(() => undefined);
    return null;
  }

  /** @param isLost whether sessions went with it, which who does not share still has in memory */
  #gone(isLost: boolean): StoreError {
    const { paths, meeting } = this.#parts;
    return goneError(paths, isLost && meeting !== null ? lostError(paths) : undefined);
  }
}

/** Finds out which file the new lock is. */
async function held({ files, paths }: LockParts, file: OpenFile): Promise<HeldFile> {
  try {
    return new HeldFile(files, paths.lock, file, (await file.identity()).id);
  } catch (error) {
    await giveUp(files, paths, file);
    throw error;
  }
}

/**
 * Makes the lock anew, unless another store has had it since: that one made a journal before it
 * acknowledged anything.
 * @returns the file, open; null if another store has it, or has had it
 * @throws Error if that is not known
 */
async function regain(parts: LockParts, address: Address | null): Promise<OpenFile | null> {
  const { files, paths } = parts;
  const isMade = await makeLock(parts, paths.lock, lockText(parts, address));
  const file = isMade ? await openOwn(files, paths) : null;
  if (file === null) {
    if ((await files.identity(paths.lock)) !== null) return null;
    // What deletes is still at it, or another store has gone: the next look finds out.
    throw new Error(`${paths.lock} was deleted again while it was made`);
  }
  let isOurs = false;
  try {
    // Only under the lock does it stay as it is found.
    isOurs = (await files.identity(paths.journal)) === null;
  } finally {
    if (!isOurs) await giveUp(files, paths, file);
  }
  return isOurs ? file : null;
}
