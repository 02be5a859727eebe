/**
 * The sessions as calls see them: the committed ones, overlaid with uncommitted writes. If a write
 * fails, the previous value is visible again. A clear hides all at once, however long it takes.
 */
import type { Touch } from "../../protocol/contract.js";
import type { StoreError } from "../../protocol/errors.js";
import { nextTurn } from "../../protocol/timers.js";
import { decide, decideAgain, type Found } from "./decisions.js";
import type { Collection } from "./documents/collection.js";
import type { SessionDocument } from "./documents/document.js";
import type { Lifetime } from "./lifetime.js";
import { chainOf, effective, firstOf, isLive, lastOf, type PendingWrite } from "./pending-write.js";

/** How many writes become part of the collection before calls get a turn. */
const SLICE_WRITES = 4096;

/** The newest uncommitted write of each id. */
type Newest = Map<string, PendingWrite>;

export class PendingWrites {
  readonly #collection: Collection;
  readonly #lifetime: Lifetime;
  /**
   * Those before the first uncommitted clear, those between that and the second, and so on. Only what
   * is behind the last one is visible.
   */
  readonly #spans: [Newest, ...Newest[]] = [new Map()];
  /** How many writes have been committed so far. */
  #committed = 0;

  constructor(collection: Collection, lifetime: Lifetime) {
    this.#collection = collection;
    this.#lifetime = lifetime;
  }

  /** The session as calls see it, even if expired. */
  visible(sid: string): SessionDocument | undefined {
    const pending = this.newest(sid);
    if (pending !== undefined) return pending.session ?? undefined;
    return this.#visibleCommitted(sid);
  }

  /** The uncommitted write that decides what calls see, if there is one. */
  newest(sid: string): PendingWrite | undefined {
    return effective(this.#visibleSpan.get(sid));
  }

  /**
   * What calls may see if uncommitted writes and clears fail: the sessions of this id, the latest
   * first.
   */
  *possible(sid: string): Generator<SessionDocument> {
    for (const span of this.#spans.toReversed()) {
      for (const { session } of chainOf(span.get(sid))) if (session !== null) yield session;
    }
    const committed = this.#collection.get(sid);
    if (committed !== undefined) yield committed;
  }

  /** How many visible sessions have not expired. */
  countLive(now: number): number {
    let live = this.isClearing ? 0 : this.#collection.countLive(now);
    for (const sid of this.#visibleSpan.keys()) {
      live += Number(isLive(this.visible(sid), now));
      live -= Number(isLive(this.#visibleCommitted(sid), now));
    }
    return live;
  }

  /** Whether this id has a committed session or an uncommitted write, even a deletion. */
  has(sid: string): boolean {
    // Of what a clear hides, nobody knows yet whether it will be visible again.
    return this.isUncertain(sid) || this.#collection.get(sid) !== undefined;
  }

  /** Whether what calls see may change if an uncommitted write or clear fails. */
  isUncertain(sid: string): boolean {
    return this.isClearing || this.#visibleSpan.has(sid);
  }

  /** The ids with an uncommitted write, even a deletion, or one that a clear hides. */
  uncommitted(): Set<string> {
    return new Set(this.#spans.flatMap((span) => [...span.keys()]));
  }

  /** Whether a clear is uncommitted: no committed session is visible then. */
  get isClearing(): boolean {
    return this.#spans.length > 1;
  }

  /** Hides all sessions. @returns shows what is left, when the clear is committed or has failed */
  beginClear(): () => void {
    const behind: Newest = new Map();
    this.#spans.push(behind);
    return () => {
      this.#endClear(behind);
    };
  }

  add(write: PendingWrite): void {
    decide(write, this.visible(write.sid));
    write.previous = this.#visibleSpan.get(write.sid);
    if (write.previous !== undefined) write.previous.next = write;
    this.#visibleSpan.set(write.sid, write);
  }

  /** Makes committed writes part of the collection, in slices. What is visible stays the same. */
  async commit(writes: readonly PendingWrite[]): Promise<void> {
    for (const write of writes) {
      if (write.isVoid !== true) {
        if (write.session === null) this.#collection.delete(write.sid);
        else this.#collection.put(write.sid, write.session);
      }
      this.#remove(write);
      if (++this.#committed % SLICE_WRITES === 0) await nextTurn();
    }
  }

  /** Removes writes that have failed. Updates of what they stored fail with them. */
  fail(writes: readonly PendingWrite[], error: StoreError): void {
    const behind: PendingWrite[] = [];
    for (const write of writes) {
      write.failure = error;
      // What changes nothing has made no difference.
      if (write.isVoid !== true && write.next !== undefined) behind.push(write.next);
      this.#remove(write);
    }
    for (const write of behind) if (write.failure === undefined) this.#decideFrom(write, error);
  }

  /** What is behind the clear now follows on what is before it. */
  #endClear(behind: Newest): void {
    const at = this.#spans.indexOf(behind);
    this.#spans.splice(at, 1);
    const before = this.#spans[at - 1] ?? this.#spans[0];
    for (const [sid, newest] of behind) {
      const first = firstOf(newest);
      const last = before.get(sid);
      if (last !== undefined) {
        first.previous = last;
        last.next = first;
      }
      before.set(sid, newest);
      this.#decideFrom(first);
    }
  }

  #remove(write: PendingWrite): void {
    const { sid, previous, next } = write;
    if (previous !== undefined) previous.next = next;
    if (next !== undefined) {
      next.previous = previous;
      return;
    }
    const span = this.#spans.find((each) => each.get(sid) === write);
    if (previous === undefined) span?.delete(sid);
    else span?.set(sid, previous);
  }

  /**
   * Applies limits that came after these writes.
   * @returns whether some sessions did not say when they were created: from now on they do
   */
  limit(now: number): boolean {
    let hasUndated = false;
    const newest = this.#spans.flatMap((span) => [...span.values()]);
    for (const { session } of newest.flatMap((write) => [...chainOf(write)])) {
      if (session === null) continue;
      hasUndated ||= session.createdAt === undefined;
      session.expiresAt = this.#lifetime.limited(session, now);
    }
    return hasUndated;
  }

  /**
   * Touches a live session.
   * @param only an uncommitted write: what is visible if that fails is left as it is
   */
  extend(touch: Touch, now: number, only?: PendingWrite): void {
    const [sid, cookie, expiresAt] = touch;
    if (only !== undefined) {
      this.#extend(only.session, touch);
      return;
    }
    // If a pending write fails, the value that becomes visible again must have the touch, too.
    for (const span of this.#spans) {
      for (const { session } of chainOf(span.get(sid))) {
        if (isLive(session, now)) this.#extend(session, touch);
      }
    }
    const committed = this.#collection.get(sid);
    if (!isLive(committed, now)) return;
    this.#collection.extend(sid, cookie, this.#lifetime.expiry(expiresAt, committed.createdAt));
  }

  #extend(session: SessionDocument | null, [, cookie, expiresAt]: Touch): void {
    if (session === null) return;
    session.expiresAt = this.#lifetime.expiry(expiresAt, session.createdAt);
    if (cookie !== null) session.cookie = cookie;
    session.unused = undefined;
  }

  /** @param error that of the write before it which failed, or undefined if none did */
  #decideFrom(first: PendingWrite, error?: StoreError): void {
    decideAgain(first, this.#foundBy(first), this.#lifetime, error);
  }

  /** What a write finds: what the last one before it has stored that takes effect. */
  #foundBy(write: PendingWrite): Found {
    const before = effective(write.previous);
    if (before !== undefined) return before.session;
    const isBehindClear = this.#spans[0].get(write.sid) !== lastOf(write);
    return isBehindClear ? undefined : this.#collection.get(write.sid);
  }

  #visibleCommitted(sid: string): SessionDocument | undefined {
    return this.isClearing ? undefined : this.#collection.get(sid);
  }

  get #visibleSpan(): Newest {
    return this.#spans.at(-1) ?? this.#spans[0];
  }
}
