/**
 * The sessions as calls see them: writes on their way to the disk, over what is committed. When a
 * write fails, the value before it shows again.
 */
import type { Collection } from "./documents/collection.js";
import type { SessionDocument } from "./documents/document.js";

/** One write on its way to the disk: a session, or null to delete it. */
export interface PendingWrite {
  readonly sid: string;
  readonly session: SessionDocument | null;
  /** The writes of the same id before and after it, while those are not committed either. */
  previous?: PendingWrite | undefined;
  next?: PendingWrite | undefined;
}

export class PendingWrites {
  readonly #collection: Collection;
  /** The newest write of each id that is not committed yet. */
  readonly #newest = new Map<string, PendingWrite>();

  constructor(collection: Collection) {
    this.#collection = collection;
  }

  /** The session as calls see it; expired ones too. */
  visible(sid: string): SessionDocument | undefined {
    const pending = this.#newest.get(sid);
    if (pending !== undefined) return pending.session ?? undefined;
    return this.#collection.get(sid);
  }

  /** All sessions as calls see them. */
  *visibleSessions(): Generator<[sid: string, session: SessionDocument]> {
    for (const entry of this.#collection.sessions()) {
      if (!this.#newest.has(entry[0])) yield entry;
    }
    for (const { sid, session } of this.#newest.values()) {
      if (session !== null) yield [sid, session];
    }
  }

  /** Whether anything is known under this id, even if only a pending delete. */
  has(sid: string): boolean {
    return this.#newest.has(sid) || this.#collection.get(sid) !== undefined;
  }

  /** All ids under which anything is known. */
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

  /** Takes out a write that is done, one way or the other: the oldest of its id. */
  remove(write: PendingWrite): void {
    if (write.next === undefined) this.#newest.delete(write.sid);
    else write.next.previous = undefined;
  }

  /** Moves the expiry of a live session, and its cookie where that is not null. */
  extend(sid: string, cookie: string | null, expiresAt: number, now: number): void {
    const extend = (session: SessionDocument | null | undefined): void => {
      if (session == null || session.expiresAt <= now) return;
      session.expiresAt = expiresAt;
      if (cookie !== null) session.cookie = cookie;
    };
    // A write that is on its way may fail; what shows again then must not have missed the touch.
    let write = this.#newest.get(sid);
    for (; write !== undefined; write = write.previous) extend(write.session);
    extend(this.#collection.get(sid));
  }
}
