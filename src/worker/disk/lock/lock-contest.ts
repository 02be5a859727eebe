/**
 * How a store gets the lock: creates it, takes it over if its owner is dead, or watches it if only
 * the heartbeat can show whether its owner is alive.
 */
import { StoreError } from "../../../protocol/errors.js";
import { pause } from "../../ports/clock.js";
import { isErrno } from "../../ports/failure.js";
import type { Files, OpenFile } from "../../ports/files.js";
import type { CollectionPaths } from "../paths.js";
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

/** Interval at which a lock that may be stale is checked. */
const POLL_MS = 250;
/** Enough to watch the owner for {@link STALE_MS}, then a contender that died during a takeover. */
const MAX_POLLS = (2.5 * STALE_MS) / POLL_MS;
/** Immediate attempts before the next pause, if other contenders create and remove the lock. */
const MAX_TRIES = 3;

export interface LockParts extends Contender, LockFiles {
  readonly paths: CollectionPaths;
}

/**
 * Takes the lock. Waits, usually for up to 10 s, while its owner may be alive elsewhere.
 * @throws StoreError `STORE_LOCKED` with the owner's pid and host
 */
export async function contest(parts: LockParts, started: string | null): Promise<OpenFile> {
  const { files, paths, clock } = parts;
  const watches = { owner: new Watch(parts), takeover: new Watch(parts) };
  for (let polls = 0; polls < MAX_POLLS; polls++) {
    const file = await attempt(parts, started, watches);
    if (file !== null) {
      await removeLeftovers(files, paths).catch(() => undefined);
      return file;
    }
    await pause(clock, POLL_MS);
  }
  throw lockedError(paths, parseLock((await readLock(files, paths.lock)) ?? ""));
}

interface Watches {
  readonly owner: Watch;
  readonly takeover: Watch;
}

/** @returns the lock file, open; null to check again after {@link POLL_MS} */
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
 * Opens the lock that was just created. Heartbeats are written through the open file, so they never
 * reach a lock that another store creates later. @returns null if it has been deleted since
 */
async function openOwn(files: Files, paths: CollectionPaths): Promise<OpenFile | null> {
  try {
    return await files.open(paths.lock, "existing");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    // A lock that nobody holds must not be left behind.
    await files.remove(paths.lock);
    throw error;
  }
}

/** Watches a lock until it is known whether its owner is alive. */
class Watch {
  readonly #contender: Contender;
  #seen: string | null = null;
  #polls = 0;

  constructor(contender: Contender) {
    this.#contender = contender;
  }

  /** @returns `unsure` to check again after {@link POLL_MS} */
  async judge(text: string): Promise<Verdict> {
    const record = parseLock(text);
    const verdict = await judge(record, this.#contender);
    if (verdict !== "unsure") return verdict;
    if (this.#seen !== null && this.#seen !== text) {
      this.#seen = null;
      this.#polls = 0;
      return "held";
    }
    // An unreadable lock was just being written at the first check, or its writer is dead.
    const stale = record === null ? this.#polls > 0 : this.#polls * POLL_MS >= STALE_MS;
    if (stale) return "stale";
    this.#seen = text;
    this.#polls++;
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
    `the collection is in use by ${owner}: only one store may have it open at a time. ` +
      "Close that store, or use a different directory or collection. Processes of a cluster or " +
      "of PM2 cannot share a collection: they need a store for several processes, such as Redis. " +
      `Lock file: ${paths.lock}`,
  );
}
