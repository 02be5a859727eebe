/** Implements the calls of the contract: what each means for live, expired and unknown sessions. */
import type {
  Engine,
  EngineStats,
  FoundSession,
  StoredSession,
  Touch,
  UserSession,
  Write,
  WriteOutcome,
} from "../../protocol/contract.js";
import { storeClosed } from "../../protocol/errors.js";
import { nextTurn } from "../../protocol/timers.js";
import type { Clock } from "../ports/clock.js";
import type { Collection } from "./documents/collection.js";
import type { SessionDocument } from "./documents/document.js";
import type { Executed, GuestWrites } from "./executed.js";
import type { OpenedCollection } from "./opening.js";
import { OthersWrites } from "./others-writes.js";
import type { Parts } from "./parts.js";
import { isLive } from "./pending-write.js";

/** Sessions that a listing looks at before other calls get a turn. */
const SLICE = 2048;

interface ServiceParts extends Parts {
  readonly collection: Collection;
  readonly opened: OpenedCollection;
  readonly executed: Executed;
  readonly clock: Clock;
  /** Marks the collection as one whose sessions were moved elsewhere. */
  readonly depart: () => Promise<void>;
  /** Closes the collection. */
  readonly release: () => Promise<void>;
}

export class Service implements Engine {
  readonly #parts: ServiceParts;
  readonly #listings = new Set<Promise<string[]>>();
  readonly #others: OthersWrites;
  #closing: Promise<void> | null = null;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.#others = new OthersWrites(parts.pending);
  }

  /** @param guest who asks; undefined for the owner itself */
  async get(sids: readonly string[], guest?: string): Promise<(FoundSession | null)[]> {
    this.#assertOpen();
    const now = this.#parts.clock.now();
    return this.#others.committed(
      sids,
      (sid) => this.#find(sid, now),
      (maker) => maker === guest,
    );
  }

  #find(sid: string, now: number): FoundSession | null {
    const { collection, pending, sweeper } = this.#parts;
    const session = pending.visible(sid);
    if (session === undefined) return null;
    if (session.expiresAt <= now) {
      sweeper.collect(sid);
      return null;
    }
    collection.use(sid, session);
    return found(session);
  }

  /** Of what is being written, when that is committed. */
  async inspect(sids: readonly string[]): Promise<(StoredSession | null)[]> {
    this.#assertOpen();
    const now = this.#parts.clock.now();
    const find = (sid: string): StoredSession | null => {
      const session = this.#live(sid, now);
      return session === undefined ? null : stored(session);
    };
    return this.#others.committed(sids, find, () => false);
  }

  async touch(touches: readonly Touch[], onlyLonger = false): Promise<boolean[]> {
    this.#assertOpen();
    const now = this.#parts.clock.now();
    return touches.map(([sid, cookie, expiresAt]) => {
      const session = this.#live(sid, now);
      if (session === undefined) return false;
      if (onlyLonger && expiresAt <= session.expiresAt) return true;
      this.#parts.committer.touch(sid, cookie, expiresAt);
      return expiresAt > now;
    });
  }

  /** @param by which writes of a guest they are: what has been executed is not executed again */
  async write(writes: readonly Write[], by?: GuestWrites): Promise<WriteOutcome[]> {
    this.#assertOpen();
    const { writer, clock, executed } = this.#parts;
    if (by === undefined) return writer.write(writes, clock.now());
    return executed.once(by, writes, (rest, tokens) => writer.write(rest, clock.now(), tokens));
  }

  async length(): Promise<number> {
    this.#assertOpen();
    return this.#countLive();
  }

  async ids(): Promise<string[]> {
    this.#assertOpen();
    const listing = this.#list();
    this.#listings.add(listing);
    return listing.finally(() => this.#listings.delete(listing));
  }

  async sessionsOf(user: string): Promise<UserSession[]> {
    this.#assertOpen();
    return this.#parts.userSessions
      .of(user, this.#parts.clock.now())
      .map(([sid, session]) => [sid, found(session), session.createdAt ?? 0, session.expiresAt]);
  }

  /** @param guest whose call it is; undefined for the owner's own */
  async destroyAllOf(user: string, except: string | null, guest?: string): Promise<number> {
    this.#assertOpen();
    return this.#parts.userSessions.destroy(user, except, this.#parts.clock.now(), guest);
  }

  /** @param guest who clears; undefined for the owner itself */
  async clear(guest?: string): Promise<number> {
    this.#assertOpen();
    const live = this.#countLive();
    await this.#others.clear({ guest, done: this.#parts.committer.clear() });
    return live;
  }

  async compact(): Promise<void> {
    this.#assertOpen();
    await this.#parts.compactor.run();
  }

  async watchExpired(): Promise<void> {
    this.#assertOpen();
    this.#parts.sweeper.watch();
  }

  async stats(): Promise<EngineStats> {
    this.#assertOpen();
    const { opened, committer, compactor, sweeper, room } = this.#parts;
    return {
      sessions: this.#countLive(),
      refused: this.#parts.writer.refused,
      disk: {
        walBytes: opened.journal.length,
        snapshotBytes: compactor.snapshotBytes,
        memory: room.stats(),
        commits: committer.stats(),
        gc: sweeper.last,
        compaction: compactor.last,
        recovered: opened.recovered,
        quarantined: opened.damaged,
      },
    };
  }

  /** Resolves when the collection is marked as one whose sessions were moved elsewhere. */
  async depart(): Promise<void> {
    this.#assertOpen();
    await this.#parts.depart();
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#listings).then(() => this.#parts.release());
    return this.#closing;
  }

  async #list(): Promise<string[]> {
    const { collection, pending, clock } = this.#parts;
    const now = clock.now();
    // These first: they are committed while the walk goes on.
    const uncommitted = pending.uncommitted();
    const ids = [...uncommitted].filter((sid) => this.#live(sid, now) !== undefined);
    let slice = 0;
    for (const [sid] of collection.walk()) {
      if (++slice % SLICE === 0) await nextTurn();
      if (!uncommitted.has(sid) && this.#live(sid, now) !== undefined) ids.push(sid);
    }
    return ids;
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw storeClosed();
  }

  #live(sid: string, now: number): SessionDocument | undefined {
    const session = this.#parts.pending.visible(sid);
    return isLive(session, now) ? session : undefined;
  }

  #countLive(): number {
    return this.#parts.pending.countLive(this.#parts.clock.now());
  }
}

/** A session as {@link Engine.inspect} shows it. */
export function stored(session: SessionDocument): StoredSession {
  return [found(session), session.expiresAt, session.createdAt ?? null, session.user ?? null];
}

function found({ json, cookie }: SessionDocument): FoundSession {
  return cookie === null ? json : [json, cookie];
}
