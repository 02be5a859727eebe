/** Implements the calls of the contract: what each means for live, expired and unknown sessions. */
import type {
  Engine,
  EngineStats,
  FoundSession,
  Touch,
  Write,
  WriteOutcome,
} from "../../protocol/contract.js";
import { StoreError } from "../../protocol/errors.js";
import { encodeError } from "../../protocol/wire-error.js";
import type { Clock } from "../ports/clock.js";
import { MAX_COMMIT_WRITES } from "./commit-queue.js";
import type { Committer } from "./committer.js";
import type { Compactor } from "./compactor.js";
import type { SessionDocument } from "./documents/document.js";
import type { Journal } from "./journal/journal.js";
import type { PendingWrite, PendingWrites } from "./pending-writes.js";
import type { Sweeper } from "./sweeper.js";

interface ServiceParts {
  readonly pending: PendingWrites;
  readonly journal: Journal;
  readonly committer: Committer;
  readonly compactor: Compactor;
  readonly sweeper: Sweeper;
  readonly clock: Clock;
  readonly recovered: number;
  readonly quarantined: number;
  /** Closes the collection. */
  readonly release: () => Promise<void>;
}

export class Service implements Engine {
  readonly #parts: ServiceParts;
  #closing: Promise<void> | null = null;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  async get(sids: readonly string[]): Promise<(FoundSession | null)[]> {
    this.#assertOpen();
    const now = this.#parts.clock.now();
    return sids.map((sid) => {
      const session = this.#live(sid, now);
      if (session === undefined) return null;
      return session.cookie === null ? session.json : [session.json, session.cookie];
    });
  }

  async touch(touches: readonly Touch[]): Promise<boolean[]> {
    this.#assertOpen();
    const now = this.#parts.clock.now();
    return touches.map(([sid, cookie, expiresAt]) => {
      if (this.#live(sid, now) === undefined) return false;
      this.#parts.committer.touch(sid, cookie, expiresAt);
      return expiresAt > now;
    });
  }

  async write(writes: readonly Write[]): Promise<WriteOutcome[]> {
    this.#assertOpen();
    const now = this.#parts.clock.now();
    const made: PendingWrite[] = [];
    // If a batch writes an id twice, the second write sees the result of the first.
    const written = new Map<string, boolean>();
    const outcomes: WriteOutcome[] = writes.map(([sid, json, expiresAt]) => {
      const wasLive = written.get(sid) ?? this.#live(sid, now) !== undefined;
      const session = json === undefined ? null : { json, cookie: null, expiresAt: expiresAt ?? 0 };
      // Deleting an unknown session needs no write.
      if (session !== null || written.has(sid) || this.#parts.committer.mayHave(sid)) {
        made.push({ sid, session });
      }
      written.set(sid, session !== null);
      return wasLive ? 1 : 0;
    });
    if (made.length === 0) return outcomes;
    try {
      await this.#parts.committer.write(made);
      return outcomes;
    } catch (error) {
      const failure = encodeError(error);
      return outcomes.map(() => failure);
    }
  }

  async length(): Promise<number> {
    this.#assertOpen();
    return this.#countLive();
  }

  async ids(): Promise<string[]> {
    this.#assertOpen();
    const now = this.#parts.clock.now();
    const ids: string[] = [];
    for (const [sid, { expiresAt }] of this.#parts.pending.visibleSessions()) {
      if (expiresAt > now) ids.push(sid);
    }
    return ids;
  }

  async clear(): Promise<number> {
    this.#assertOpen();
    const live = this.#countLive();
    const { committer, pending } = this.#parts;
    // Including sessions whose deletion is pending, because it may fail.
    const sids = [...pending.ids()];
    const written: Promise<void>[] = [];
    // Writes one batch even if there are no sessions, to fail while writes are refused.
    for (let at = 0; at === 0 || at < sids.length; at += MAX_COMMIT_WRITES) {
      const batch = sids.slice(at, at + MAX_COMMIT_WRITES);
      written.push(committer.write(batch.map((sid) => ({ sid, session: null }))));
    }
    await Promise.all(written);
    return live;
  }

  async compact(): Promise<void> {
    this.#assertOpen();
    await this.#parts.compactor.run();
  }

  async stats(): Promise<EngineStats> {
    this.#assertOpen();
    const { journal, committer, compactor, sweeper, recovered, quarantined } = this.#parts;
    return {
      sessions: this.#countLive(),
      disk: {
        walBytes: journal.length,
        snapshotBytes: compactor.snapshotBytes,
        commits: committer.stats(),
        gc: sweeper.last,
        compaction: compactor.last,
        recovered,
        quarantined,
      },
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#parts.release();
    return this.#closing;
  }

  #assertOpen(): void {
    if (this.#closing !== null) {
      throw new StoreError("STORE_CLOSED", "the store has been closed: open a new one");
    }
  }

  #live(sid: string, now: number): SessionDocument | undefined {
    const session = this.#parts.pending.visible(sid);
    return session !== undefined && session.expiresAt > now ? session : undefined;
  }

  #countLive(): number {
    const now = this.#parts.clock.now();
    let live = 0;
    for (const [, { expiresAt }] of this.#parts.pending.visibleSessions()) {
      if (expiresAt > now) live++;
    }
    return live;
  }
}
