/** Implements the calls of the contract over the servers, and what else is asked of it by moving. */
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
import { clearInterval } from "../../protocol/timers.js";
import { lifeline } from "../ports/keep-alive.js";
import type { Connection } from "./connection.js";
import { Listing, walk } from "./listing.js";
import { Order } from "./order.js";
import type { Writer, WriterParts } from "./writer.js";

interface ServiceParts extends WriterParts {
  readonly writer: Writer;
}

export class Service implements Engine {
  readonly #parts: ServiceParts;
  readonly #order = new Order();
  /** Calls that are not answered yet. */
  readonly #calls = new Set<Promise<unknown>>();
  /** Keeps the process alive while there are any: neither sockets nor other timers do. */
  readonly #alive = lifeline().unref();
  /** Whether keys that exist may be marks of sessions that were destroyed. */
  #hasMarks: boolean;
  #closing: Promise<void> | null = null;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.#hasMarks = parts.writer.marksDestroyed;
  }

  get(sids: readonly string[]): Promise<(FoundSession | null)[]> {
    return this.#answer(() =>
      Promise.all(sids.map((sid) => this.#order.read(sid, (since) => this.#get(sid, since)))),
    );
  }

  inspect(sids: readonly string[]): Promise<(StoredSession | null)[]> {
    return this.#answer(() =>
      Promise.all(sids.map((sid) => this.#order.read(sid, (since) => this.#inspect(sid, since)))),
    );
  }

  touch(touches: readonly Touch[]): Promise<boolean[]> {
    const { writer } = this.#parts;
    return this.#answer(() =>
      this.#order.touch(touches, (touch, since) => writer.touch(touch, since)),
    );
  }

  write(writes: readonly Write[]): Promise<WriteOutcome[]> {
    const { writer } = this.#parts;
    return this.#answer(() =>
      this.#order.write(writes, (write, since) => writer.write(write, since)),
    );
  }

  async length(): Promise<number> {
    return (await this.#list()).size;
  }

  async ids(): Promise<string[]> {
    return [...(await this.#list())];
  }

  sessionsOf(user: string): Promise<UserSession[]> {
    const { lists } = this.#parts;
    return this.#answer(() => this.#order.readAll((since) => lists.sessionsOf(user, since)));
  }

  destroyAllOf(user: string, except: string | null): Promise<number> {
    return this.#answer(() =>
      this.#order.exclusively((since) => this.#destroyAllOf(user, except, since)),
    );
  }

  clear(): Promise<number> {
    const { caller, names, writer } = this.#parts;
    return this.#answer(() =>
      this.#order.exclusively(async (since) => {
        let live = 0;
        const destroy = async (_: unknown, keys: string[]): Promise<void> => {
          const deleted = await writer.destroyKeys(keys, null);
          live += deleted; // Not with the await in it: masters are walked at once.
        };
        await walk(caller, names.all, destroy, since);
        return live;
      }),
    );
  }

  /**
   * Stores a session that comes from elsewhere, unless there is one, or there was one that was destroyed.
   * @param deadline the moment of `monotonic()` after which it is not stored
   */
  async adopt(sid: string, session: StoredSession, deadline: number): Promise<void> {
    const { writer } = this.#parts;
    await this.#answer(() => this.#order.change(sid, () => writer.adopt(sid, session, deadline)));
  }

  /** For when no session comes any more: it need not be known any longer which were destroyed. */
  forgetDestroyed(): Promise<void> {
    const { caller, names, writer } = this.#parts;
    writer.marksDestroyed = false;
    return this.#answer(async () => {
      await walk(caller, names.all, async (connection, keys) => {
        const replies = await Promise.all(keys.map((key) => connection.read(["HMGET", key, "m"])));
        const marked = keys.filter((_, index) => (replies[index] as [string | null])[0] !== null);
        await Promise.all(marked.map((key) => writer.unmark(key)));
      });
      this.#hasMarks = false;
    });
  }

  /** There is nothing to rewrite. */
  compact(): Promise<void> {
    return this.#answer(() => Promise.resolve());
  }

  /** The server deletes what has expired, and does not tell. */
  watchExpired(): Promise<void> {
    return this.#answer(() => Promise.resolve());
  }

  async stats(): Promise<EngineStats> {
    const { size: sessions } = await this.#list();
    const { writer, caller } = this.#parts;
    const { connected, opened } = caller.counts;
    return {
      sessions,
      refused: writer.refused,
      redis: {
        masters: connected,
        reconnects: Math.max(0, opened - connected),
        uncertain: caller.uncertain,
      },
    };
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#calls).then(() => {
      clearInterval(this.#alive);
      this.#parts.caller.stop();
    });
    return this.#closing;
  }

  async #get(sid: string, since: number): Promise<FoundSession | null> {
    const { caller, names, records, tokens } = this.#parts;
    const key = names.session(sid);
    const session = records.session(key, await caller.read(key, records.reading(key), since));
    if (session === null) return null;
    tokens.learn(sid, session.token);
    return session.found;
  }

  async #inspect(sid: string, since: number): Promise<StoredSession | null> {
    const { caller, names, records } = this.#parts;
    const key = names.session(sid);
    const session = records.session(key, await caller.read(key, records.reading(key, true), since));
    if (session === null) return null;
    const { found, expiresAt, createdAt, user } = session;
    const isDated = Number.isFinite(createdAt);
    return [found, expiresAt, isDated ? createdAt : null, user === null ? null : names.user(user)];
  }

  /** The ids of the live sessions. */
  #list(): Promise<Set<string>> {
    const { caller, names } = this.#parts;
    const listing = new Listing();
    return this.#answer(() =>
      this.#order.list(listing, async (since) => {
        const found = new Set<string>();
        const add = (connection: Connection, keys: string[]): Promise<void> =>
          this.#addLive(connection, keys, found);
        await walk(caller, names.all, add, since);
        return found;
      }),
    ).then((found) => listing.correct(found));
  }

  /**
   * Keys of sessions that have expired are not found but in the millisecond of their end, unless it is
   * their age that ends them.
   */
  async #addLive(connection: Connection, keys: string[], found: Set<string>): Promise<void> {
    const { names, records } = this.#parts;
    if (!records.isSealed && !records.mayOutlive && !this.#hasMarks) {
      for (const key of keys) found.add(names.sid(key));
      return;
    }
    const reading = keys.map((key) => connection.read(["HMGET", key, "e", "t", "i"]));
    const replies = await Promise.all(reading);
    for (const [index, key] of keys.entries()) {
      const [e = null, t = null, i = null] = replies[index] as (string | null)[];
      if (!records.lives(e, t)) continue;
      const sid = records.isSealed ? records.openedId(i, key) : names.sid(key);
      if (sid !== null) found.add(sid);
    }
  }

  async #destroyAllOf(user: string, except: string | null, since: number): Promise<number> {
    const { names, lists, writer } = this.#parts;
    const kept = except === null ? null : names.session(except);
    // Of the first look alone: each deletion has its own time, and so has a look after it.
    let asked: number | undefined = since;
    let ended = 0;
    for (const owner of names.users(user)) {
      // Again, until none is found that was stored meanwhile.
      for (let found = 1; found > 0; ended += found) {
        const keys = (await lists.keys(owner, asked)).filter((key) => key !== kept);
        asked = undefined;
        found = await writer.destroyKeys(keys, owner);
      }
    }
    return ended;
  }

  /** Makes a call in its turn, unless the engine is closing, which waits for it. */
  async #answer<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closing !== null) throw storeClosed();
    const answer = call();
    if (this.#calls.size === 0) this.#alive.ref();
    this.#calls.add(answer);
    try {
      return await answer;
    } finally {
      this.#calls.delete(answer);
      if (this.#calls.size === 0) this.#alive.unref();
    }
  }
}
