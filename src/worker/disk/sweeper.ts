/**
 * When expired sessions go: a pass over all of them now and then, in slices small enough that calls
 * are served in between. Knows no files.
 */
import type { StoreError } from "../../protocol/errors.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Collection } from "./documents/collection.js";
import type { Committer } from "./committer.js";
import { ioError } from "../ports/failure.js";
import type { PendingWrite, PendingWrites } from "./pending-writes.js";

/** Sessions looked at before calls get a turn: about a millisecond's worth. */
const SLICE = 4096;
/** Sessions deleted by one commit. */
const BATCH = 512;

export interface SweeperParts {
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

  /** Makes a first pass, and one each interval from then on. */
  start(): void {
    this.#running = this.#pass().finally(() => {
      this.#running = null;
      if (this.#stopped) return;
      this.#timer = this.#parts.clock.after(this.#parts.intervalMs, () => {
        this.start();
      });
    });
  }

  /** Settles when the pass that is under way has ended early. */
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
      report(ioError("expired sessions could not be deleted and will be tried again", error));
    }
    this.#last = { at, durationMs: performance.now() - started, removed };
    if (removed === 0) return;
    log(`deleted ${removed} expired sessions`);
    if (!this.#stopped && committer.refusal === null) onSwept();
  }

  /** Deletes those that are still expired and that no call is writing at the moment. */
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

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
