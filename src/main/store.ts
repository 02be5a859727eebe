/**
 * The express-session store over any base class of that shape: each method one forward. Takes the
 * base as an argument, so that connect-style loaders can bring their own express-session.
 */
import type { EventEmitter } from "node:events";
import type { SessionData, Store } from "express-session";

import type { DiskStats, EngineStats } from "../protocol/contract.js";
import type { Report } from "../protocol/errors.js";
import { type Callback, settle } from "./callback.js";
import { Client } from "./client.js";
import type { StoreOptions } from "./options/public.js";
import { resolveOptions } from "./options/resolve.js";
import { reporter } from "./reporter.js";

/** Counters and sizes: see {@link LiteNoSQLStore.stats}. */
export interface StoreStats extends Omit<EngineStats, "disk">, DiskStats {}

/** A session as {@link LiteNoSQLStore.all} lists it. */
export type ListedSession = SessionData & { id: string };

/**
 * A session store whose disk, crypto and garbage collection run in a worker thread.
 *
 * Every method takes the callback of express-session's store interface, and returns a promise when
 * it is given none. Errors are `StoreError`s with a `code`, or TypeErrors for wrong arguments. What
 * goes wrong while nobody waits for an answer is an `error` event, or a process warning where nobody
 * listens.
 */
export interface LiteNoSQLStore extends Store {
  /**
   * How the first opening went: resolves when the collection is open. Calls need not wait for it.
   *
   * Rejects with `STORE_LOCKED`, `STORE_KEY_MISMATCH`, `STORE_CORRUPT`, `STORE_IO` or
   * `WORKER_EXITED`; calls then fail with the same error. After `STORE_LOCKED` and `STORE_IO` a call
   * that is made ten seconds later tries again; this stays rejected even if that succeeds.
   */
  readonly ready: Promise<void>;

  /**
   * The session, or null when it is unknown, expired or unreadable. It is as the serializer made it:
   * after JSON `cookie.expires` is a string, not a Date.
   */
  get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void;
  get(sid: string): Promise<SessionData | null>;

  /**
   * Stores a session; it is on disk, as the option `durable` says, when this settles. One that has
   * expired already is destroyed instead.
   *
   * Fails with `NOT_SERIALIZABLE`, `STORE_OVERLOADED` or `STORE_IO`; the value before is then kept.
   */
  set(sid: string, session: Partial<SessionData>, callback: (error?: unknown) => void): void;
  set(sid: string, session: Partial<SessionData>): Promise<void>;

  /**
   * Takes over the cookie of a session and its expiry, nothing else. `"EXPIRED"` where there is no
   * live session. Acknowledged from memory: a power cut may undo the last second's.
   */
  touch(
    sid: string,
    session: SessionData,
    callback: (error?: unknown, result?: "OK" | "EXPIRED") => void,
  ): void;
  touch(sid: string, session: Partial<SessionData>): Promise<"OK" | "EXPIRED">;

  /** Deletes a session: how many that were, 0 or 1. */
  destroy(sid: string, callback: (error?: unknown, deleted?: number) => void): void;
  destroy(sid: string): Promise<number>;

  /** How many sessions are live. */
  length(callback: (error: unknown, length?: number) => void): void;
  length(): Promise<number>;

  /** The ids of the live sessions. */
  ids(callback: (error: unknown, ids?: string[]) => void): void;
  ids(): Promise<string[]>;

  /** The live sessions, each with its session id as `id`. */
  all(callback: (error: unknown, sessions?: ListedSession[]) => void): void;
  all(): Promise<ListedSession[]>;

  /** Deletes all sessions: how many that were. */
  clear(callback: (error?: unknown, deleted?: number) => void): void;
  clear(): Promise<number>;

  /** Flushes and releases all. Further calls fail with `STORE_CLOSED`; closing again does nothing. */
  close(callback: (error?: unknown) => void): void;
  close(): Promise<void>;

  /** Rewrites the snapshot and empties the journal. Happens by itself as well. */
  compact(callback: (error?: unknown) => void): void;
  compact(): Promise<void>;

  /** What the engine has and has done. */
  stats(callback: (error: unknown, stats?: StoreStats) => void): void;
  stats(): Promise<StoreStats>;

  /** @deprecated The collection as express-lite-nosql-session shows it: use {@link compact}. */
  readonly _col: { compactar(): Promise<void> };

  /** As {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** The class of the store. */
export interface LiteNoSQLStoreClass {
  /**
   * Opens a collection in the background.
   * @throws TypeError, RangeError for options that are unknown, wrong or out of range
   */
  new (options: StoreOptions): LiteNoSQLStore;
  readonly prototype: LiteNoSQLStore;
}

/** The `Store` of an express-session. */
export type StoreBase = abstract new () => Store;

/**
 * Makes the class over a base.
 * @param select what to make of the constructor's argument before it is checked
 */
export function storeClass(
  Base: StoreBase,
  select: (options: unknown) => unknown = (options) => options,
): LiteNoSQLStoreClass {
  // Each method has two forms, which only the interface above can say.
  const Emitter = Base as unknown as new () => EventEmitter;
  class LiteNoSQLStore extends Emitter {
    readonly #report: Report<Error>;
    readonly #client: Client;
    readonly ready: Promise<void>;

    constructor(options: unknown) {
      const settings = resolveOptions(select(options));
      super();
      this.#report = reporter(this);
      this.#client = new Client(settings, this.#report);
      this.ready = this.#client.ready;
    }

    get(sid: string, callback?: Callback<object | null>): unknown {
      return settle(this.#client.get(sid), callback);
    }

    set(sid: string, session: object, callback?: Callback<void>): unknown {
      return settle(this.#client.set(sid, session), callback);
    }

    touch(sid: string, session: object, callback?: Callback<string>): unknown {
      return settle(this.#client.touch(sid, session), callback);
    }

    destroy(...args: [sid: string, callback?: Callback<number>]): unknown {
      const [sid, callback] = args;
      const deleted = this.#client.destroy(sid);
      // express-session hands on the callback of `req.session.destroy()` even where there is none:
      // then nobody holds the promise.
      if (args.length > 1 && callback === undefined) deleted.catch(this.#report);
      return settle(deleted, callback);
    }

    length(callback?: Callback<number>): unknown {
      return settle(this.#client.length(), callback);
    }

    ids(callback?: Callback<string[]>): unknown {
      return settle(this.#client.ids(), callback);
    }

    all(callback?: Callback<object[]>): unknown {
      return settle(this.#client.all(), callback);
    }

    clear(callback?: Callback<number>): unknown {
      return settle(this.#client.clear(), callback);
    }

    close(callback?: Callback<void>): unknown {
      return settle(this.#client.close(), callback);
    }

    compact(callback?: Callback<void>): unknown {
      return settle(this.#client.compact(), callback);
    }

    stats(callback?: Callback<object>): unknown {
      return settle(this.#client.stats(), callback);
    }

    get _col(): { compactar(): Promise<void> } {
      return { compactar: () => this.#client.compact() };
    }

    [Symbol.asyncDispose](): Promise<void> {
      return this.#client.close();
    }
  }
  return LiteNoSQLStore as unknown as LiteNoSQLStoreClass;
}
