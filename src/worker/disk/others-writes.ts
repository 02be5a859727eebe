/**
 * What is answered of sessions that somebody else is writing: nothing before that is committed. Should
 * the owner die before, it is as if it had never been, and nobody must have acted on it.
 */
import type { PendingWrites } from "./pending-writes.js";

/** Whether who asks sees what this guest writes, or undefined for the owner, before it is committed. */
export type IsOwn = (maker: string | undefined) => boolean;

interface Clear {
  readonly guest: string | undefined;
  readonly done: Promise<void>;
}

const NONE: readonly Promise<void>[] = [];

export class OthersWrites {
  readonly #pending: PendingWrites;
  /** Those that are not committed yet. */
  readonly #clears = new Set<Clear>();

  constructor(pending: PendingWrites) {
    this.#pending = pending;
  }

  /** Notes a clear. @returns a promise that settles with it */
  async clear(clear: Clear): Promise<void> {
    this.#clears.add(clear);
    await clear.done.finally(() => this.#clears.delete(clear));
  }

  /**
   * What is found of sessions. It is answered when what others have written of it is committed; if that
   * fails it is looked for again, and may be what yet another has written.
   */
  async committed<T>(
    sids: readonly string[],
    find: (sid: string) => T,
    isOwn: IsOwn,
  ): Promise<T[]> {
    const answers = sids.map(find);
    const others = sids.map((sid) => this.#uncommitted(sid, isOwn));
    for (const [index, sid] of sids.entries()) {
      for (let writes = others[index] ?? NONE; writes.length > 0;) {
        if ((await Promise.all(writes.map(succeeds))).every(Boolean)) break;
        answers[index] = find(sid);
        writes = this.#uncommitted(sid, isOwn);
      }
    }
    return answers;
  }

  /** What decides about the session of this id, was made by others, and is not committed yet. */
  #uncommitted(sid: string, isOwn: IsOwn): readonly Promise<void>[] {
    const write = this.#pending.newest(sid);
    const done = write === undefined || isOwn(write.guest) ? undefined : write.done;
    if (done === undefined && this.#clears.size === 0) return NONE;
    const clears = [...this.#clears].filter(({ guest }) => !isOwn(guest));
    return [...(done === undefined ? NONE : [done]), ...clears.map((clear) => clear.done)];
  }
}

function succeeds(done: Promise<unknown>): Promise<boolean> {
  return done.then(
    () => true,
    () => false,
  );
}
