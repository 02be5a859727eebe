/**
 * The sessions as calls see them: the committed ones, overlaid with uncommitted writes. If a write
 * fails, the previous value is visible again.
 */
import type { Collection } from "./documents/collection.js";
import type { SessionDocument } from "./documents/document.js";

/** An uncommitted write: a session, or null to delete it. */
export interface PendingWrite {
  readonly sid: string;
  readonly session: SessionDocument | null;
  /** The uncommitted writes of the same id before and after it. */
  previous?: PendingWrite | undefined;
  next?: PendingWrite | undefined;
}

export class PendingWrites {
  readonly #collection: Collection;
  /** The newest uncommitted write of each id. */
  readonly #newest = new Map<string, PendingWrite>();

  constructor(collection: Collection) {
    this.#collection = collection;
  }

  /** The session as calls see it, even if expired. */
  visible(sid: string): SessionDocument | undefined {
    const pending = this.#newest.get(sid);
    if (pending !== undefined) return pending.session ?? undefined;
    return this.#collection.get(sid);
  }

  /** All sessions as calls see them, even if expired. */
  *visibleSessions(): Generator<[sid: string, session: SessionDocument]> {
    for (const entry of this.#collection.sessions()) {
      if (!this.#newest.has(entry[0])) yield entry;
    }
    for (const { sid, session } of this.#newest.values()) {
      if (session !== null) yield [sid, session];
    }
  }

  /** Whether this id has a committed session or an uncommitted write, even a deletion. */
  has(sid: string): boolean {
    return this.#newest.has(sid) || this.#collection.get(sid) !== undefined;
  }

  /** All ids for which {@link has} is true. */
  ids(): Set<string> {
    const ids = new Set(this.#newest.keys());
    for (const [sid] of this.#collection.sessions()) ids.add(sid);
    return ids;
  }

  add(write: PendingWrite): void {
    write.previous = this.#newest.get(write.sid);
    if (write.previous !== undefined) write.previous.next = write;
    this.#newest.set(write.sid, write);
  }

  /** Removes a write that has been committed or has failed: the oldest of its id. */
  remove(write: PendingWrite): void {
    if (write.next === undefined) this.#newest.delete(write.sid);
    else write.next.previous = undefined;
  }

  /** Moves the expiry of a live session and replaces its cookie, unless `cookie` is null. */
  extend(sid: string, cookie: string | null, expiresAt: number, now: number): void {
    const extend = (session: SessionDocument | null | undefined): void => {
      if (session == null || session.expiresAt <= now) return;
      session.expiresAt = expiresAt;
      if (cookie !== null) session.cookie = cookie;
    };
    // If a pending write fails, the value that becomes visible again must have the touch, too.
    let write = this.#newest.get(sid);
    for (; write !== undefined; write = write.previous) extend(write.session);
    extend(this.#collection.get(sid));
  }
}
