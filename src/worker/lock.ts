/**
 * One owner for a collection: lite-nosql's lock file, held from opening to closing. lite-nosql takes
 * a lock for stale when its `ts` is over 10 s old, so it is kept fresh, which also shows an owner on
 * another machine or in another container, whose pid says nothing here, to be alive.
 */
import { basename, join } from "node:path";
import { StoreError } from "../protocol/errors.js";
import { randomName } from "./cipher.js";
import type { Timer } from "./clock.js";
import { ioError, isErrno } from "./failure.js";
import type { Files, OpenFile, OpenMode } from "./files.js";
import {
  type Contender,
  judge,
  type LockRecord,
  lockText,
  parseLock,
  STALE_MS,
} from "./lock-record.js";
import type { CollectionPaths } from "./paths.js";
import { readSmallFile } from "./small-file.js";

const HEARTBEAT_MS = 2500;
/** Between looks at a lock that may be stale. */
const LOOK_MS = 250;
/** What follows the name of a lock in those of its contenders: `randomName()`, and what it is. */
const LEFTOVER = /^[0-9a-f]{16}\.(?:tmp|stale)$/;

export interface LockParts extends Contender {
  readonly files: Files;
  readonly paths: CollectionPaths;
}

export class Lock {
  readonly #parts: LockParts;
  readonly #onLost: (error: StoreError) => void;
  readonly #started: string | null;
  /** Kept open: what is written through it cannot reach a lock that somebody else has made. */
  #file: OpenFile | null;
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
    this.#schedule();
  }

  /**
   * Takes the lock. One whose owner may be alive elsewhere is watched until it shows a sign of life
   * or is stale: up to 10 s.
   * @param onLost called once if another process takes the lock away while it is held
   * @throws StoreError `STORE_LOCKED` with the owner's pid and host
   */
  static async acquire(parts: LockParts, onLost: (error: StoreError) => void): Promise<Lock> {
    const { files, paths, processes, clock } = parts;
    const started = await processes.startOf(processes.pid);
    const temporary = `${paths.lock}.${randomName()}.tmp`;
    let seen: string | null = null;
    let looks = 0;
    try {
      for (;;) {
        await writeText(files, temporary, "replace", lockText(parts, started));
        if (await linked(files, temporary, paths.lock)) {
          const file = await files.open(paths.lock, "update");
          await removeLeftovers(files, paths).catch(() => undefined);
          return new Lock(parts, file, started, onLost);
        }

        const text = await readText(files, paths.lock);
        if (text === null) continue;
        const record = parseLock(text);
        const verdict = await judge(record, parts);
        const beaten = seen !== null && seen !== text;
        if (verdict === "held" || (verdict === "unsure" && beaten)) {
          throw lockedError(paths, record);
        }
        const silent = looks * LOOK_MS >= STALE_MS || (record === null && seen === text);
        if (verdict === "stale" || silent) {
          await takeAway(files, paths, text);
          continue;
        }
        seen = text;
        looks++;
        await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
      }
    } catch (cause) {
      throw ioError(`cannot lock ${paths.lock}`, cause);
    } finally {
      // What is left behind does no harm; an error here would leave a lock that nobody holds.
      await files.remove(temporary).catch(() => undefined);
    }
  }

  /** @throws StoreError `STORE_LOCKED` where another process has taken the lock away */
  async assertHeld(): Promise<void> {
    const { files, paths, owner } = this.#parts;
    let text: string | null;
    try {
      text = await readText(files, paths.lock);
    } catch (cause) {
      throw ioError(`cannot read ${paths.lock}`, cause);
    }
    const record = parseLock(text ?? "");
    if (record?.owner !== owner) throw lockedError(paths, record);
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
    const { files, paths } = this.#parts;
    try {
      const text = await readText(files, paths.lock);
      if (text !== null && parseLock(text)?.owner !== this.#parts.owner) {
        this.#onLost(lockedError(paths, parseLock(text)));
        return;
      }
      if (text === null) {
        // One that somebody deleted is made again, unless another process was faster.
        const file = await files.open(paths.lock, "create");
        await this.#file?.close();
        this.#file = file;
      }
      // As long as what it replaces: only the digits of `ts` change.
      await this.#file?.write(Buffer.from(lockText(this.#parts, this.#started)), 0);
    } catch (cause) {
      if (isErrno(cause, "ENOENT")) {
        this.#onLost(ioError(`the directory ${paths.directory} is gone`, cause));
        return;
      }
      // A disk that does not work now cannot show life; the next beat may.
    }
    if (!this.#released) this.#schedule();
  }

  async #isOurs(): Promise<boolean> {
    const text = await readText(this.#parts.files, this.#parts.paths.lock);
    return text !== null && parseLock(text)?.owner === this.#parts.owner;
  }
}

async function readText(files: Files, path: string): Promise<string | null> {
  return (await readSmallFile(files, path))?.toString() ?? null;
}

function lockedError(paths: CollectionPaths, record: LockRecord | null): StoreError {
  const owner =
    record === null
      ? "a process that cannot be told"
      : `process ${record.pid} on host ${record.host}`;
  return new StoreError(
    "STORE_LOCKED",
    `the collection is in use by ${owner}: only one store at a time may have it open. ` +
      `Close that one, or use another directory or collection. Lock file: ${paths.lock}`,
  );
}

/**
 * Removes a stale lock, and only that one: whoever moves it away looks at what was moved, and puts
 * back what another process has made of it meanwhile.
 */
async function takeAway(files: Files, paths: CollectionPaths, judged: string): Promise<void> {
  const aside = `${paths.lock}.${randomName()}.stale`;
  try {
    await files.rename(paths.lock, aside);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw error;
  }
  // One that cannot be read may be another process's own.
  const moved = await readText(files, aside).catch(() => null);
  if (moved !== judged) await linked(files, aside, paths.lock);
  await files.remove(aside);
}

/**
 * Removes what other contenders for this lock left when they were killed. One that is alive misses
 * what it had made, and makes it again.
 */
async function removeLeftovers(files: Files, { directory, lock }: CollectionPaths): Promise<void> {
  const prefix = `${basename(lock)}.`;
  for (const name of await files.list(directory)) {
    if (name.startsWith(prefix) && LEFTOVER.test(name.slice(prefix.length))) {
      await files.remove(join(directory, name));
    }
  }
}

/** Gives a file a second name. @returns false where that is taken, or the first is gone */
async function linked(files: Files, existing: string, path: string): Promise<boolean> {
  try {
    await files.link(existing, path);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST") || isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

async function writeText(files: Files, path: string, mode: OpenMode, text: string): Promise<void> {
  const file = await files.open(path, mode);
  try {
    await file.write(Buffer.from(text), 0);
  } finally {
    await file.close();
  }
}
