/**
 * Garbage collection: deletes expired sessions in periodic passes over all of them, in slices small
 * enough for calls to be served in between.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

import type { StoreError } from "../../protocol/errors.js";
import type { Clock, Timer } from "../ports/clock.js";
import { ioError } from "../ports/failure.js";
import type { Committer } from "./committer.js";
import type { Collection } from "./documents/collection.js";
import type { PendingWrite, PendingWrites } from "./pending-writes.js";

/** Sessions examined before calls get a turn: about a millisecond of work. */
const SLICE = 4096;
/** Sessions deleted at once. */
const BATCH = 512;

interface SweeperParts {
  readonly collection: Collection;
  readonly pending: PendingWrites;
  readonly committer: Committer;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Called after each pass that deleted something. */
  readonly onSwept: () => void;
  readonly report: (error: StoreError) => void;
  readonly log: (text: string) => void;
}

export class Sweeper {
  readonly #parts: SweeperParts;
  #timer: Timer | null = null;
  #running: Promise<void> | null = null;
  #stopped = false;
  #last: { at: number; durationMs: number; removed: number } | null = null;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  get last(): { at: number; durationMs: number; removed: number } | null {
    return this.#last;
  }

  /** Makes a pass now, and the next one an interval after it ends. */
  start(): void {
    this.#running = this.#pass().finally(() => {
      this.#running = null;
      if (this.#stopped) return;
      this.#timer = this.#parts.clock.after(this.#parts.intervalMs, () => {
        this.start();
      });
    });
  }

  /** Aborts the current pass, and resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    await this.#running;
  }

  async #pass(): Promise<void> {
    const { collection, committer, clock, onSwept, report, log } = this.#parts;
    const at = clock.now();
    const started = performance.now();
    let removed = 0;
    try {
      let expired: PendingWrite[] = [];
      let slice = 0;
      for (const [sid, { expiresAt }] of collection.sessions()) {
        if (this.#stopped) break;
        if (expiresAt <= at) expired.push({ sid, session: null });
        if (expired.length === BATCH) {
          removed += await this.#remove(expired);
          expired = [];
        }
        if (++slice % SLICE === 0) await nextTurn();
      }
      if (!this.#stopped) removed += await this.#remove(expired);
    } catch (error) {
      report(ioError("cannot delete expired sessions; will retry after the interval", error));
    }
    this.#last = { at, durationMs: performance.now() - started, removed };
    if (removed === 0) return;
    log(`deleted ${removed} expired sessions`);
    if (!this.#stopped && committer.refusal === null) onSwept();
  }

  /** Deletes those that are still expired and have no pending write. */
  async #remove(candidates: readonly PendingWrite[]): Promise<number> {
    const { collection, pending, committer, clock } = this.#parts;
    const now = clock.now();
    const expired = candidates.filter(({ sid }) => {
      const session = pending.visible(sid);
      return session !== undefined && session === collection.get(sid) && session.expiresAt <= now;
    });
    if (expired.length > 0) await committer.write(expired);
    return expired.length;
  }
}
