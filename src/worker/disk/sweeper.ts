/**
 * Garbage collection: deletes expired sessions periodically, in batches small enough for calls to be
 * served in between, and those that a call comes across soon after it.
 */
import type { DiskStats, EngineListener, ExpiredSession } from "../../protocol/contract.js";
import type { StoreError } from "../../protocol/errors.js";
import { monotonic, nextTurn } from "../../protocol/timers.js";
import type { Clock, Timer } from "../ports/clock.js";
import { ioError } from "../ports/failure.js";
import type { Committer } from "./committer.js";
import type { Collection } from "./documents/collection.js";
import type { PendingWrite } from "./pending-write.js";
import type { PendingWrites } from "./pending-writes.js";

/** Sessions deleted at once. */
const BATCH = 512;

/** The time between passes when memory runs short. */
const MIN_INTERVAL_MS = 1000;

interface SweeperParts {
  readonly collection: Collection;
  readonly pending: PendingWrites;
  readonly committer: Committer;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Called after each pass that deleted something. */
  readonly onSwept: () => void;
  /** Whether to call `onExpired` from the start. */
  readonly isWatched: boolean;
  /** Called with the sessions that have been deleted, if somebody wants to know. */
  readonly onExpired: EngineListener["onExpired"];
  readonly report: (error: StoreError) => void;
  readonly log: (text: string) => void;
}

export class Sweeper {
  readonly #parts: SweeperParts;
  #timer: Timer | null = null;
  #running: Promise<void> | null = null;
  #stopped = false;
  #isWatched: boolean;
  /** Those that calls have come across. */
  readonly #found = new Set<string>();
  #collecting: Promise<void> | null = null;
  last: DiskStats["gc"] = null;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
    this.#isWatched = parts.isWatched;
  }

  /** Calls `onExpired` from now on. */
  watch(): void {
    this.#isWatched = true;
  }

  /** Deletes an expired session soon. If that fails, the next pass tries again. */
  collect(sid: string): void {
    this.#found.add(sid);
    this.#collecting ??= this.#collectFound();
  }

  /** Makes a pass now, and the next one an interval after it ends. */
  start(): void {
    this.#running = this.#pass().finally(() => {
      this.#running = null;
      if (this.#stopped) return;
      this.#timer = this.#parts.clock.after(this.#parts.intervalMs, () => {
        this.#timer = null;
        this.start();
      });
    });
  }

  /** Makes a pass soon, if there has not just been one. */
  hurry(): void {
    if (this.#timer === null || this.last === null) return;
    if (this.#parts.clock.now() - this.last.at < MIN_INTERVAL_MS) return;
    this.#timer.cancel();
    this.#timer = null;
    this.start();
  }

  /** Aborts the current pass, and resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    await Promise.all([this.#running, this.#collecting]);
  }

  async #collectFound(): Promise<void> {
    do {
      await nextTurn();
      const found = [...this.#found];
      this.#found.clear();
      if (!this.#stopped) await this.#remove(found).catch(() => undefined);
    } while (this.#found.size > 0);
    this.#collecting = null;
  }

  async #pass(): Promise<void> {
    const { collection, committer, clock, onSwept, report, log } = this.#parts;
    const at = clock.now();
    const started = monotonic();
    let removed = 0;
    try {
      let expired: string[] = [];
      for (const sid of collection.expired(at)) {
        if (this.#stopped) break;
        expired.push(sid);
        if (expired.length < BATCH) continue;
        removed += await this.#remove(expired);
        expired = [];
        // Nothing was written if calls are writing to all of them.
        await nextTurn();
      }
      if (!this.#stopped) removed += await this.#remove(expired);
    } catch (error) {
      report(ioError("cannot delete expired sessions; will retry after the interval", error));
    }
    this.last = { at, durationMs: monotonic() - started, removed };
    if (removed === 0) return;
    log(`deleted ${removed} expired sessions`);
    if (!this.#stopped && committer.refusal === null) onSwept();
  }

  /** Deletes those that are still expired and have no pending write. */
  async #remove(candidates: readonly string[]): Promise<number> {
    const { collection, pending, committer, clock, onExpired } = this.#parts;
    const now = clock.now();
    const writes: PendingWrite[] = [];
    const expired: ExpiredSession[] = [];
    for (const sid of candidates) {
      const session = collection.get(sid);
      if (session === undefined || session.expiresAt > now || pending.isUncertain(sid)) continue;
      writes.push({ sid, session: null });
      expired.push({ id: sid, user: session.user ?? null, expiresAt: session.expiresAt });
    }
    if (writes.length === 0) return 0;
    await committer.write(writes);
    if (this.#isWatched) onExpired(expired);
    return writes.length;
  }
}
