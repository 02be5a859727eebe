/**
 * Implements the calls of the contract while sessions move from one place to another, in their order.
 */
import type {
  EngineStats,
  FoundSession,
  StoredSession,
  Engine,
  Touch,
  UserSession,
  Write,
  WriteOutcome,
} from "../../protocol/contract.js";
import { type Report, storeClosed, StoreError } from "../../protocol/errors.js";
import { monotonic } from "../../protocol/timers.js";
import { keepAliveDuring } from "../ports/keep-alive.js";
import { Listing, Order, type RedisEngine } from "../redis/engine.js";
import type { Source } from "./places.js";
import type { Sessions } from "./sessions.js";

interface MovingParts {
  readonly source: Source;
  readonly destination: RedisEngine;
  readonly sessions: Sessions;
  readonly report: Report;
  /** How long a call may take. */
  readonly failAfterMs: number;
  /** Called when the engine is closed. */
  readonly stopWalk: () => void;
}

export class MovingService implements Engine {
  readonly #parts: MovingParts;
  readonly #order = new Order();
  #closing: Promise<void> | null = null;
  /** The end of the old place. */
  #leaving: Promise<void> | null = null;

  constructor(parts: MovingParts) {
    this.#parts = parts;
  }

  get(sids: readonly string[]): Promise<(FoundSession | null)[]> {
    return this.#each(sids, (sid) => this.#parts.sessions.get(sid));
  }

  /** One that is looked at is moved first: what is known of it by now is in the new place alone. */
  inspect(sids: readonly string[]): Promise<(StoredSession | null)[]> {
    const { sessions, destination } = this.#parts;
    return this.#each(sids, async (sid) => {
      await sessions.get(sid);
      return (await destination.inspect([sid]))[0] ?? null;
    });
  }

  touch(touches: readonly Touch[]): Promise<boolean[]> {
    const { sessions } = this.#parts;
    return this.#answer(() =>
      this.#order.touch(touches, (touch, since) =>
        this.#inTime(since, () => sessions.touch(touch)),
      ),
    );
  }

  write(writes: readonly Write[]): Promise<WriteOutcome[]> {
    const { sessions } = this.#parts;
    return this.#answer(() =>
      this.#order.write(writes, (write, since) => this.#inTime(since, () => sessions.write(write))),
    );
  }

  async length(): Promise<number> {
    return (await this.#list()).all.size;
  }

  async ids(): Promise<string[]> {
    return [...(await this.#list()).all];
  }

  sessionsOf(user: string): Promise<UserSession[]> {
    const { destination, sessions } = this.#parts;
    return this.#answer(() =>
      this.#order.readAll(async () => {
        await sessions.moveThoseOf(user);
        return destination.sessionsOf(user);
      }),
    );
  }

  destroyAllOf(user: string, except: string | null): Promise<number> {
    const { destination, sessions } = this.#parts;
    return this.#answer(() =>
      this.#order.exclusively(async () => {
        // They are moved first: whose they are by now is known in the new place alone.
        await sessions.moveThoseOf(user);
        return destination.destroyAllOf(user, except);
      }),
    );
  }

  clear(): Promise<number> {
    const { source, destination, sessions } = this.#parts;
    return this.#answer(() =>
      this.#order.exclusively(async () => {
        let live = 0;
        if (!sessions.isOver) {
          await source.pages(async (sids) => {
            const ended = await Promise.all(sids.map((sid) => sessions.destroy(sid)));
            live += ended.reduce((sum, count) => sum + count, 0);
          });
        }
        return live + (await destination.clear());
      }),
    );
  }

  compact(): Promise<void> {
    return this.#answer(() => this.#parts.destination.compact());
  }

  watchExpired(): Promise<void> {
    return this.#answer(() => this.#parts.destination.watchExpired());
  }

  async stats(): Promise<EngineStats> {
    const { isOver: done, moved } = this.#parts.sessions;
    const asked = this.#answer(() => this.#parts.destination.stats());
    if (done) return { ...(await asked), migration: { left: 0, moved, done } };
    const [stats, { all, left }] = await Promise.all([asked, this.#list()]);
    return { ...stats, sessions: all.size, migration: { left, moved, done } };
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** Moves a session, for the walk. */
  async move(sid: string): Promise<void> {
    await this.#order.between(sid, () => this.#parts.sessions.move(sid));
  }

  /** For when the old place is empty, and what has been read there is stored or comes too late. */
  async finish(): Promise<void> {
    const { destination, report } = this.#parts;
    await destination.forgetDestroyed();
    await this.#order.exclusively(() => {
      this.#parts.sessions.isOver = true;
      return Promise.resolve();
    });
    await this.#leave().catch((error: unknown) => {
      report(error as StoreError);
    });
  }

  /** The ids of the live sessions in both places, and how many are in the old one. */
  async #list(): Promise<{ readonly all: Set<string>; readonly left: number }> {
    const { source, destination } = this.#parts;
    const listing = new Listing();
    const { all, left } = await this.#answer(() =>
      this.#order.list(listing, async () => {
        // The old place first: what moves meanwhile is in the new one then.
        const all = new Set<string>();
        if (!this.#parts.sessions.isOver) {
          await source.pages((sids) => {
            for (const sid of sids) all.add(sid);
            return Promise.resolve();
          });
        }
        const left = all.size;
        for (const sid of await destination.ids()) all.add(sid);
        return { all, left };
      }),
    );
    return { all: listing.correct(all), left };
  }

  #each<T>(sids: readonly string[], work: (sid: string) => Promise<T>): Promise<T[]> {
    const inOrder = (sid: string): Promise<T> =>
      this.#order.between(sid, (since) => this.#inTime(since, () => work(sid)));
    return this.#answer(() => Promise.all(sids.map(inOrder)));
  }

  /** @throws StoreError `STORE_UNREACHABLE` if the calls before it have taken all the time of a call */
  async #inTime<T>(since: number, work: () => Promise<T>): Promise<T> {
    if (monotonic() - since < this.#parts.failAfterMs) return work();
    throw new StoreError(
      "STORE_UNREACHABLE",
      "the calls for this session that were made before took too long, as the Redis server cannot be " +
        "reached, or does not answer",
    );
  }

  async #close(): Promise<void> {
    this.#parts.stopWalk();
    await this.#order.exclusively(() => Promise.resolve());
    try {
      await this.#parts.destination.close();
    } finally {
      await this.#leave();
    }
  }

  #leave(): Promise<void> {
    return (this.#leaving ??= this.#parts.source.close());
  }

  async #answer<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closing !== null) throw storeClosed();
    return keepAliveDuring(call());
  }
}
