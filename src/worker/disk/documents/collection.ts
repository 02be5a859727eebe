/** The committed sessions in memory: those that the files contain, expired or not. */
import { memoryOf, type SessionDocument } from "./document.js";
import { ExpiryIndex } from "./expiry-index.js";
import { UserIndex } from "./user-index.js";

export class Collection {
  readonly #sessions = new Map<string, SessionDocument>();
  readonly #expiries = new ExpiryIndex();
  /** Null until it is asked for, for which sessions that were read have to wait in any case. */
  #users: UserIndex | null = null;
  #hasAllUsers = false;
  /** How many changes have been made so far; lite-nosql has the same counter. */
  version = 0;
  /** About how many bytes of memory the sessions take. */
  #bytes = 0;
  /** The ids of the unused sessions, in the order in which these were stored. */
  readonly #unused = new Set<string>();
  #oldestUnused = this.#unused.values();
  /** How many sessions have been deleted so far. */
  deletions = 0;
  /** For each walk under way, the ids that have been deleted since it began. */
  readonly #walks = new Set<Set<string>>();

  /** How many sessions there are, expired or not. */
  get size(): number {
    return this.#sessions.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(sid: string): SessionDocument | undefined {
    return this.#sessions.get(sid);
  }

  /** The sessions, in the order in which they were first stored. May change while iterating. */
  sessions(): IterableIterator<[sid: string, session: SessionDocument]> {
    return this.#sessions.entries();
  }

  /**
   * The sessions, in the order in which they were first stored, each once: one that is deleted and
   * stored again while iterating does not come again.
   */
  *walk(): Generator<[sid: string, session: SessionDocument]> {
    const deleted = new Set<string>();
    this.#walks.add(deleted);
    try {
      for (const entry of this.#sessions) if (!deleted.has(entry[0])) yield entry;
    } finally {
      this.#walks.delete(deleted);
    }
  }

  put(sid: string, session: SessionDocument): void {
    this.version++;
    const before = this.#sessions.get(sid);
    this.#bytes += memoryOf(sid, session);
    if (before === undefined) this.#expiries.add(sid, session.expiresAt);
    else {
      this.#bytes -= memoryOf(sid, before);
      this.#expiries.move(sid, before.expiresAt, session.expiresAt);
      this.#unused.delete(sid);
    }
    if (before !== undefined && before.user !== session.user) this.#forgetUser(sid, before);
    this.#noteUser(sid, session);
    if (session.unused === true) this.#unused.add(sid);
    this.#sessions.set(sid, session);
  }

  /** Moves the expiry of a session and replaces its cookie, unless `cookie` is null. */
  extend(sid: string, cookie: string | null, expiresAt: number): void {
    const session = this.#sessions.get(sid);
    if (session === undefined) return;
    this.moveExpiry(sid, session, expiresAt);
    this.#bytes -= memoryOf(sid, session);
    if (cookie !== null) session.cookie = cookie;
    this.#bytes += memoryOf(sid, session);
    this.use(sid, session);
  }

  moveExpiry(sid: string, session: SessionDocument, expiresAt: number): void {
    this.#expiries.move(sid, session.expiresAt, expiresAt);
    session.expiresAt = expiresAt;
  }

  /** For when a session, committed or not, has been used. */
  use(sid: string, session: SessionDocument): void {
    if (session.unused !== true) return;
    session.unused = undefined;
    this.#unused.delete(sid);
  }

  /** The id of the unused session that was stored first. Each is returned once. */
  takeUnused(): string | undefined {
    let next = this.#oldestUnused.next();
    // What is added behind the end of an iteration needs a new one.
    if (next.done === true) {
      this.#oldestUnused = this.#unused.values();
      next = this.#oldestUnused.next();
    }
    if (next.done === true) return undefined;
    this.#unused.delete(next.value);
    return next.value;
  }

  /** For when a session that was taken has not been deleted. */
  restoreUnused(sid: string): void {
    if (this.#sessions.get(sid)?.unused === true) this.#unused.add(sid);
  }

  delete(sid: string): void {
    this.version++;
    const session = this.#sessions.get(sid);
    if (session === undefined) return;
    this.#bytes -= memoryOf(sid, session);
    this.#expiries.remove(sid, session.expiresAt);
    this.#unused.delete(sid);
    this.#forgetUser(sid, session);
    this.#sessions.delete(sid);
    this.deletions++;
    for (const deleted of this.#walks) deleted.add(sid);
  }

  /** The ids of the sessions of a user, expired or not. */
  idsOf(user: string): readonly string[] {
    if (this.#hasAllUsers) return this.#users?.of(user) ?? [];
    const ids: string[] = [];
    for (const [sid, session] of this.#sessions) if (session.user === user) ids.push(sid);
    return ids;
  }

  /**
   * Makes {@link idsOf} fast, session by session, so that calls can be served in between and opening
   * need not wait for it.
   */
  *indexUsers(): Generator<void> {
    this.#users = new UserIndex();
    for (const [sid, session] of this.walk()) {
      this.#noteUser(sid, session);
      yield;
    }
    this.#hasAllUsers = true;
  }

  #noteUser(sid: string, session: SessionDocument): void {
    if (this.#users === null || session.user === undefined) return;
    session.user = this.#users.add(session.user, sid);
  }

  #forgetUser(sid: string, { user }: SessionDocument): void {
    if (user !== undefined) this.#users?.remove(user, sid);
  }

  countLive(now: number): number {
    const expired = this.#expiries.countExpired(now, (sid) => isExpired(this.get(sid), now));
    return this.size - expired;
  }

  /** The ids of the expired sessions. May change while iterating. */
  *expired(now: number): Generator<string> {
    for (const sid of this.#expiries.mayHaveExpired(now)) {
      if (isExpired(this.get(sid), now)) yield sid;
    }
  }
}

function isExpired(session: SessionDocument | undefined, now: number): boolean {
  return session !== undefined && session.expiresAt <= now;
}
