/**
 * The lists of the users' sessions: a sorted set for each user, with the names of sessions and until
 * when each is listed. A session is listed before it is stored, so that a crash leaves a name without
 * a session, and never a session without a name. Whoever reads a list asks the sessions themselves.
 * Names leave it when their time is over, and the list when that of all is.
 */
import type { UserSession } from "../../protocol/contract.js";
import type { Caller } from "./caller.js";
import type { Names } from "./names.js";
import type { Records } from "./records.js";

/** How long a session stays listed after its expiry. Touches of a day need not tell the list. */
const MARGIN_MS = 86_400_000;
/** The largest whole number that scripts can count with. */
const MAX = Number.MAX_SAFE_INTEGER;

export function listedUntil(expiresAt: number): string {
  return String(Math.min(expiresAt + MARGIN_MS, MAX));
}

export interface UserListsParts {
  readonly caller: Caller;
  readonly names: Names;
  readonly records: Records;
}

export class UserLists {
  readonly #parts: UserListsParts;

  constructor(parts: UserListsParts) {
    this.#parts = parts;
  }

  /** @param user as sessions name it */
  async add(user: string, key: string, until: string, since?: number): Promise<void> {
    await this.#parts.caller.change({
      script: "list",
      key: this.#parts.names.listOf(user),
      since,
      args: (deadline) => [this.#nameOf(key), until, deadline],
    });
  }

  /** Nobody waits for it: the name would leave the list by itself. */
  remove(user: string, key: string, until: string): void {
    this.#parts.caller
      .change({
        script: "unlist",
        key: this.#parts.names.listOf(user),
        args: () => [this.#nameOf(key), until],
      })
      .catch(() => undefined);
  }

  /** The keys that are listed for a user, as sessions name it. */
  async keys(user: string, since?: number): Promise<string[]> {
    const list = this.#parts.names.listOf(user);
    const listed = await this.#parts.caller.read(list, ["ZRANGE", list, "0", "-1"], since);
    return (listed as string[]).map((name) => this.#parts.names.sessions + name);
  }

  /** The live sessions of a user, the newest first. */
  async sessionsOf(user: string, since: number): Promise<UserSession[]> {
    const found: UserSession[] = [];
    for (const owner of this.#parts.names.users(user)) {
      const keys = await this.keys(owner, since);
      const read = await Promise.all(keys.map((key) => this.#read(key, owner, since)));
      found.push(...read.filter((session) => session !== null));
    }
    return found.sort(([, , a], [, , b]) => b - a);
  }

  async #read(key: string, owner: string, since: number): Promise<UserSession | null> {
    const { caller, records, names } = this.#parts;
    const fields = [...records.reading(key, true), "i"];
    const reply = (await caller.read(key, fields, since)) as (string | null)[];
    const session = records.session(key, reply);
    if (session?.user !== owner) return null;
    const sealedId = reply.at(-1) ?? null;
    const sid = records.isSealed ? records.openedId(sealedId, key) : names.sid(key);
    return sid === null ? null : [sid, session.found, session.createdAt, session.expiresAt];
  }

  /** What a list calls a session. */
  #nameOf(key: string): string {
    return key.slice(this.#parts.names.sessions.length);
  }
}
