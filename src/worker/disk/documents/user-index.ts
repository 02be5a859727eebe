/** Whose sessions are whose. Most users have one or a few, and one may have very many. */

/** Up to so many are kept in an array, which takes a third of the memory of a set. */
const MAX_LISTED = 16;

interface Entry {
  /** Kept once: each session was read with a text of its own. */
  readonly user: string;
  sids: string | readonly string[] | Set<string>;
}

export class UserIndex {
  readonly #entries = new Map<string, Entry>();

  /** Adds one that may be there already. Dual of {@link remove}. @returns the user, as the same text for all sessions of one */
  add(user: string, sid: string): string {
    const entry = this.#entries.get(user);
    if (entry === undefined) {
      this.#entries.set(user, { user, sids: sid });
      return user;
    }
    const { sids } = entry;
    if (sids instanceof Set) sids.add(sid);
    else if (typeof sids === "string") entry.sids = sids === sid ? sids : [sids, sid];
    else if (sids.length >= MAX_LISTED) entry.sids = new Set(sids).add(sid);
    // Unlike a spread array, a concatenated one has no room to spare.
    else if (!sids.includes(sid)) entry.sids = sids.concat(sid);
    return entry.user;
  }

  /** Removes one, if it is there. */
  remove(user: string, sid: string): void {
    const entry = this.#entries.get(user);
    if (entry === undefined) return;
    const { sids } = entry;
    if (sids instanceof Set) sids.delete(sid);
    else if (typeof sids !== "string") entry.sids = sids.filter((other) => other !== sid);
    else if (sids === sid) entry.sids = [];
    if (isEmpty(entry)) this.#entries.delete(user);
  }

  /** The ids of the sessions of a user. */
  of(user: string): readonly string[] {
    const sids = this.#entries.get(user)?.sids ?? [];
    return typeof sids === "string" ? [sids] : [...sids];
  }
}

function isEmpty({ sids }: Entry): boolean {
  return (sids instanceof Set ? sids.size : sids.length) === 0;
}
