/**
 * How a store gets the lock: made where there is none, taken from an owner that is dead, waited for
 * where only time tells.
 */
import { StoreError } from "../../../protocol/errors.js";
import { pause } from "../../ports/clock.js";
import { isErrno } from "../../ports/failure.js";
import type { Files, OpenFile } from "../../ports/files.js";
import {
  type LockFiles,
  makeLock,
  moveAway,
  readLock,
  removeLeftovers,
  takeAway,
  takeoverPath,
} from "./lock-file.js";
import {
  type Contender,
  judge,
  type LockRecord,
  lockText,
  parseLock,
  STALE_MS,
  type Verdict,
} from "./lock-record.js";
import type { CollectionPaths } from "../paths.js";

/** Between looks at a lock that may be stale. */
const LOOK_MS = 250;
/** An owner is watched for {@link STALE_MS}, as may be one that died while it took the lock away. */
const MAX_LOOKS = (2.5 * STALE_MS) / LOOK_MS;
/** A lock that is neither there nor can be made is looked at this often in a row. */
const MAX_TRIES = 3;

export interface LockParts extends Contender, LockFiles {
  readonly paths: CollectionPaths;
}

/**
 * Takes the lock: up to 10 s, for as long as its owner may be alive elsewhere.
 * @throws StoreError `STORE_LOCKED` with the owner's pid and host
 */
export async function contest(parts: LockParts, started: string | null): Promise<OpenFile> {
  const { files, paths, clock } = parts;
  const watches = { owner: new Watch(parts), takeover: new Watch(parts) };
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    const file = await attempt(parts, started, watches);
    if (file !== null) {
      await removeLeftovers(files, paths).catch(() => undefined);
      return file;
    }
    await pause(clock, LOOK_MS);
  }
  throw lockedError(paths, parseLock((await readLock(files, paths.lock)) ?? ""));
}

interface Watches {
  readonly owner: Watch;
  readonly takeover: Watch;
}

/** @returns the lock, open; null where it is to be looked at again */
async function attempt(
  parts: LockParts,
  started: string | null,
  { owner, takeover }: Watches,
): Promise<OpenFile | null> {
  const { files, paths } = parts;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const own = lockText(parts, started);
    if (await makeLock(parts, paths.lock, own)) {
      const file = await openOwn(files, paths);
      if (file !== null) return file;
    }
    const text = await readLock(files, paths.lock);
    if (text === null) continue;
    const verdict = await owner.judge(text);
    if (verdict === "held") throw lockedError(paths, parseLock(text));
    if (verdict === "unsure") return null;
    if (await takeAway(parts, paths, text, own)) continue;
    const holder = await readLock(files, takeoverPath(paths));
    if (holder !== null && (await takeover.judge(holder)) === "stale") {
      await moveAway(parts, takeoverPath(paths), holder);
    }
    return null;
  }
  return null;
}

/**
 * Opens the lock that has just been made. By its name, and never another: what is written through
 * the open file later reaches only this one. @returns null where it has been deleted since
 */
async function openOwn(files: Files, paths: CollectionPaths): Promise<OpenFile | null> {
  try {
    return await files.open(paths.lock, "existing");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    // A lock that nobody holds must not stay.
    await files.remove(paths.lock);
    throw error;
  }
}

/** Watches a lock until it is plain whether its owner lives. */
class Watch {
  readonly #contender: Contender;
  #seen: string | null = null;
  #looks = 0;

  constructor(contender: Contender) {
    this.#contender = contender;
  }

  /** @returns `unsure` where it is to be looked at again after {@link LOOK_MS} */
  async judge(text: string): Promise<Verdict> {
    const record = parseLock(text);
    const verdict = await judge(record, this.#contender);
    if (verdict !== "unsure") return verdict;
    if (this.#seen !== null && this.#seen !== text) {
      this.#seen = null;
      this.#looks = 0;
      return "held";
    }
    // One that says nothing was being written a moment ago, or never will be.
    const silent = record === null ? this.#looks > 0 : this.#looks * LOOK_MS >= STALE_MS;
    if (silent) return "stale";
    this.#seen = text;
    this.#looks++;
    return "unsure";
  }
}

export function lockedError(paths: CollectionPaths, record: LockRecord | null): StoreError {
  const owner =
    record === null
      ? "an unknown process (its lock file is unreadable)"
      : `process ${record.pid} on host ${record.host}`;
  return new StoreError(
    "STORE_LOCKED",
    `the collection is in use by ${owner}: only one store at a time may have it open. ` +
      "The instances of a cluster or of PM2 cannot share a collection: they need a store that several " +
      "processes can use, such as Redis. " +
      `Otherwise close that store, or use a different directory or collection. Lock file: ${paths.lock}`,
  );
}
