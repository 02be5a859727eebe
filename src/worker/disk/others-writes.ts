/**
 * What is answered of sessions that somebody else is writing: nothing before that is committed. Should
 * the owner die before, it is as if it had never been, and nobody must have acted on it.
 */
import type { PendingWrite } from "./pending-write.js";
import type { PendingWrites } from "./pending-writes.js";

/** Whether who asks sees what this guest writes, or undefined for the owner, before it is committed. */
type IsOwn = (maker: string | undefined) => boolean;

interface Clear {
  readonly guest: string | undefined;
  readonly done: Promise<void>;
}

const NONE: readonly Promise<boolean>[] = [];

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
   * takes no effect it is looked for again, and may be what yet another has written.
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
        if ((await Promise.all(writes)).every(Boolean)) break;
        answers[index] = find(sid);
        writes = this.#uncommitted(sid, isOwn);
      }
    }
    return answers;
  }

  /**
   * Of what decides about the session of this id, was made by others, and is not committed yet: whether
   * it takes effect.
   */
  #uncommitted(sid: string, isOwn: IsOwn): readonly Promise<boolean>[] {
    const write = this.#pending.newest(sid);
    const isOthers = write !== undefined && !isOwn(write.guest);
    if (!isOthers && this.#clears.size === 0) return NONE;
    const clears = [...this.#clears].filter(({ guest }) => !isOwn(guest));
    return [
      ...(isOthers ? [takesEffect(write)] : NONE),
      ...clears.map((clear) => succeeds(clear.done)),
    ];
  }
}

/** Those of a commit succeed together, but one may rely on what has failed in the commit before. */
async function takesEffect(write: PendingWrite): Promise<boolean> {
  return (await succeeds(write.done)) && write.isVoid !== true;
}

function succeeds(done: Promise<unknown> | undefined): Promise<boolean> {
  return Promise.resolve(done).then(
    () => true,
    () => false,
  );
}
