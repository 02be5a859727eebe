/** The sessions of a user: found, and ended. */
import { nextTurn } from "../../protocol/timers.js";
import type { Committer } from "./committer.js";
import type { Collection } from "./documents/collection.js";
import type { SessionDocument } from "./documents/document.js";
import type { MemoryRoom } from "./memory-room.js";
import type { PendingWrite } from "./pending-write.js";
import type { PendingWrites } from "./pending-writes.js";

interface UserSessionsParts {
  readonly collection: Collection;
  readonly pending: PendingWrites;
  readonly committer: Committer;
  readonly room: MemoryRoom;
}

/** Sessions that are indexed before calls get a turn. */
const SLICE = 1024;

export class UserSessions {
  readonly #parts: UserSessionsParts;
  #stopped = false;

  constructor(parts: UserSessionsParts) {
    this.#parts = parts;
  }

  /** Indexes those that have been read, in the background. Until then finding them takes longer. */
  async index(): Promise<void> {
    let count = 0;
    for (const _ of this.#parts.collection.indexUsers()) {
      if (++count % SLICE === 0) await nextTurn();
      if (this.#stopped) return;
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** The live ones, the newest first. @param now epoch milliseconds */
  of(user: string, now: number): [sid: string, session: SessionDocument][] {
    const { pending } = this.#parts;
    const found: [string, SessionDocument][] = [];
    for (const sid of this.#candidates(user)) {
      const session = pending.visible(sid);
      if (session?.user === user && session.expiresAt > now) found.push([sid, session]);
    }
    return found.sort(([, a], [, b]) => (b.createdAt ?? 0) - (a.createdAt ?? 0));
  }

  /**
   * Deletes all but one, even those that will only be seen if an uncommitted write fails.
   * @param guest whose call it is; undefined for the owner's own
   * @returns how many were live
   * @throws StoreError as a write; all are then visible again
   */
  async destroy(user: string, except: string | null, now: number, guest?: string): Promise<number> {
    const { pending, committer, room } = this.#parts;
    const writes: PendingWrite[] = [];
    const reservation = room.reserve();
    let live = 0;
    for (const sid of this.#candidates(user)) {
      if (sid === except) continue;
      const visible = pending.visible(sid);
      if (visible?.user === user) {
        room.discharge(reservation, sid, visible);
        if (visible.expiresAt > now) live++;
      }
      const mayBeTheirs = [...pending.possible(sid)].some((session) => session.user === user);
      if (mayBeTheirs) writes.push({ sid, session: null, user, guest });
    }
    if (writes.length === 0) return 0;
    await room.releaseAfter(reservation, committer.write(writes, true));
    return live;
  }

  /** The ids of all sessions that may be the user's. */
  #candidates(user: string): Set<string> {
    const { collection, pending } = this.#parts;
    return new Set([...collection.idsOf(user), ...pending.uncommitted()]);
  }
}
