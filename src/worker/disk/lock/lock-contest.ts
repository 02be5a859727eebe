/**
 * How a store gets the lock: creates it, takes it over if its owner is dead, or watches it if only
 * the heartbeat can show whether its owner is alive.
 */
import { pause } from "../../ports/clock.js";
import type { OpenFile } from "../../ports/files.js";
import type { CollectionPaths } from "../paths.js";
import { foreignError, lockedError } from "./lock-errors.js";
import {
  type LockFiles,
  makeLock,
  moveAway,
  openOwn,
  readLock,
  removeLeftovers,
  takeAway,
  takeoverPath,
} from "./lock-file.js";
import {
  type Contender,
  isForeign,
  isReachable,
  judge,
  type LockRecord,
  lockText,
  parseLock,
  STALE_MS,
  type Verdict,
} from "./lock-record.js";
import type { Address, Meeting, Reached } from "./meeting.js";

/** Interval at which a lock that may be stale is checked. */
const POLL_MS = 250;
/** That of stores which share, and wait for an owner that is about to go or to come. */
const SHARED_POLL_MS = 25;
/** Enough to watch the owner for {@link STALE_MS}, then a contender that died during a takeover. */
const MAX_WAIT_MS = 2.5 * STALE_MS;
/** Immediate attempts before the next pause, if other contenders create and remove the lock. */
const MAX_TRIES = 3;

export interface LockParts extends Contender, LockFiles {
  readonly paths: CollectionPaths;
  /** When this process was started, as the lock says; null if that is not known. */
  readonly started: string | null;
  /** Null if this store does not share. */
  readonly meeting: Meeting | null;
}

/** A lock that was taken: its file, open, and what its record says. */
export interface Taken {
  readonly file: OpenFile;
  readonly address: Address | null;
  /** Whether nobody can be writing to the files any more who had the lock before. */
  readonly isProven: boolean;
  /** Whether the store itself had it before, and nobody since. */
  readonly isOwn: boolean;
}

/**
 * Takes the lock. Waits, usually for up to 10 s, while its owner may be alive elsewhere.
 * @returns null if this store has joined the owner instead
 * @throws StoreError `STORE_LOCKED` with the owner's pid and host
 */
export async function contest(parts: LockParts): Promise<Taken | null> {
  const { files, paths, clock, meeting } = parts;
  const pollMs = meeting === null ? POLL_MS : SHARED_POLL_MS;
  const contestant = new Contestant(parts);
  const end = clock.monotonic() + MAX_WAIT_MS;
  while (clock.monotonic() < end) {
    const result = await contestant.attempt();
    if (result === "joined") return null;
    if (result !== "wait") {
      await removeLeftovers(files, paths).catch(() => undefined);
      return result;
    }
    await pause(clock, pollMs);
  }
  const record = parseLock((await readLock(files, paths.lock)) ?? "");
  throw lockedError(paths, record, contestant.reached);
}

class Contestant {
  readonly #parts: LockParts;
  readonly #owner: Watch;
  readonly #takeover: Watch;
  /** Whether everybody who had the lock before is known to be dead, or to have released it. */
  #isProven = true;
  #isOwn = false;
  #hasTakenAway = false;
  /** What came of the last attempt to reach the owner, or null. */
  reached: Reached | null = null;
  /** When an owner without a lock was found first. */
  #leftoverSince: number | null = null;

  constructor(parts: LockParts) {
    this.#parts = parts;
    this.#owner = new Watch(parts);
    this.#takeover = new Watch(parts);
  }

  /** @returns `wait` to check again after a while */
  async attempt(): Promise<Taken | "joined" | "wait"> {
    const { files, paths } = this.#parts;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const text = await readLock(files, paths.lock);
      if (text === null) {
        // An owner whose lock this one has taken away has been waited for.
        if (!this.#hasTakenAway && (await this.#mayLinger())) return "wait";
        const taken = await this.#make();
        if (taken !== null) return taken;
        // Another one that is too late as well would wait for this one, and this one for that.
        this.#parts.meeting?.leave();
        this.#isOwn = false;
        continue;
      }
      // Whose lock was taken away before matters no more: somebody has had one since.
      this.#isOwn = false;
      if (isForeign(text)) throw foreignError(paths.lock);
      const verdict = await this.#judge(text);
      if (verdict === "joined") return verdict;
      if (verdict === "held") throw lockedError(paths, parseLock(text), this.reached);
      if (verdict === "unsure") return "wait";
      if (verdict === "stale") this.#isProven = false;
      const isTaken = await this.#takeAway(text);
      if (isTaken === null) return "wait";
      // Else another contender has, and may have been the owner since.
      if (!isTaken) continue;
      this.#hasTakenAway = true;
      this.#isOwn = parseLock(text)?.owner === this.#parts.owner;
    }
    return "wait";
  }

  /** Whether an owner that has lost its lock is about to notice. */
  async #mayLinger(): Promise<boolean> {
    if ((await this.#parts.meeting?.hasLeftover()) !== true) return false;
    this.#isProven = false;
    const now = this.#parts.clock.monotonic();
    this.#leftoverSince ??= now;
    return now - this.#leftoverSince < STALE_MS;
  }

  async #make(): Promise<Taken | null> {
    const { files, paths, meeting } = this.#parts;
    const address = (await meeting?.address()) ?? null;
    const text = lockText(this.#parts, address);
    if (!(await makeLock(this.#parts, paths.lock, text))) return null;
    const file = await openOwn(files, paths);
    if (file === null) return null;
    return { file, address, isProven: this.#isProven, isOwn: this.#isOwn };
  }

  async #judge(text: string): Promise<Verdict | "joined"> {
    const record = parseLock(text);
    const { meeting, files, paths } = this.#parts;
    // Who does not share himself, or does not say where he is, is judged by his process alone.
    if (meeting === null || !isReachable(record)) return this.#owner.judge(text);
    const lock = await files.identity(paths.lock);
    if (lock === null) return "unsure";
    this.reached = await meeting.reach(record, lock.id);
    if (this.reached === "joined") return "joined";
    if (this.reached === "alive") return "unsure";
    const verdict = await judge(record, this.#parts);
    if (verdict === "dead") return verdict;
    // A socket belongs to the kernel: if that is the same, it knows that nobody has it.
    const isSameKernel = bootOf(record.space) === bootOf(this.#parts.processes.space);
    if (this.reached === "gone" && isSameKernel && verdict !== "held") return "dead";
    const isLate = this.#parts.clock.now() - record.ts > STALE_MS;
    if (isLate && meeting.isSilent(record.socket)) return "stale";
    return this.#owner.watch(text, record);
  }

  /** @returns whether this has taken the lock away; null to check again after a while */
  async #takeAway(text: string): Promise<boolean | null> {
    const { files, paths } = this.#parts;
    const own = lockText(this.#parts, null);
    const isTaken = await takeAway(this.#parts, paths, text, own);
    if (isTaken !== null) return isTaken;
    const holder = await readLock(files, takeoverPath(paths));
    if (holder === null) return null;
    if (isForeign(holder)) throw foreignError(takeoverPath(paths));
    const verdict = await this.#takeover.judge(holder);
    if (verdict === "dead" || verdict === "stale") {
      await moveAway(this.#parts, takeoverPath(paths), holder);
    }
    return null;
  }
}

/** The part that names the boot of the kernel; null if it is unknown. */
function bootOf(space: string | null): string | null {
  return space?.split(" ")[0] ?? null;
}

/** What may pass between two looks: more, and it was the contender that stood still. */
const MAX_GAP_MS = 3000;

/** Watches a lock until it is known whether its owner is alive. */
class Watch {
  readonly #contender: Contender;
  #seen: string | null = null;
  #seenAt = 0;
  /** For how long it has not changed. */
  #watchedMs = 0;

  constructor(contender: Contender) {
    this.#contender = contender;
  }

  /** @returns `unsure` to check again after a while */
  async judge(text: string): Promise<Verdict> {
    const record = parseLock(text);
    const verdict = await judge(record, this.#contender);
    if (verdict !== "unsure") return verdict;
    if (this.#seen !== null && this.#seen !== text) {
      this.#seen = null;
      return "held";
    }
    return this.watch(text, record);
  }

  /** Whether the lock has not changed for as long as its owner may be silent. */
  watch(text: string, record: LockRecord | null): "stale" | "unsure" {
    const now = this.#contender.clock.monotonic();
    const isSame = this.#seen === text;
    this.#watchedMs = isSame ? this.#watchedMs + Math.min(now - this.#seenAt, MAX_GAP_MS) : 0;
    this.#seen = text;
    this.#seenAt = now;
    // An unreadable lock was just being written at the first check, or its writer is dead.
    if (record === null) return isSame ? "stale" : "unsure";
    return this.#watchedMs >= STALE_MS ? "stale" : "unsure";
  }
}
