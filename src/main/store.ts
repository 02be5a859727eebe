/*
 * The express-session store over any base class of that shape: each method one forward. Takes the
 * base as an argument, so that connect-style loaders can bring their own express-session.
 */
import type { EventEmitter } from "node:events";
import type { SessionData, Store } from "express-session";

import type { DiskStats, EngineStats } from "../protocol/contract.js";
import type { Report } from "../protocol/errors.js";
import { type Callback, deliver } from "./callback.js";
import { Client } from "./client.js";
import type { StoreOptions } from "./options/public.js";
import { resolveOptions } from "./options/resolve.js";
import { reporter } from "./reporter.js";

/** Counters and sizes: see {@link SessionStore.stats}. */
export interface StoreStats extends Omit<EngineStats, "disk">, DiskStats {}

/** A session as {@link SessionStore.all} lists it. */
export type ListedSession = SessionData & { id: string };

/**
 * The methods of the store.
 *
 * Each takes the callback of express-session's store interface, and returns a promise if it is
 * given none. Errors are `StoreError`s with a `code`, or TypeErrors for wrong arguments. Each
 * method except `close` fails with `STORE_CLOSED` after `close`, and with the error of `ready` if
 * the collection cannot be opened. Each fails with `WORKER_EXITED` if the worker thread dies of the
 * call or cannot be replaced.
 *
 * An error that no call waits for, such as that of a compaction in the background, is emitted as an
 * `error` event; without a listener it becomes a process warning, one per code.
 */
export interface SessionStore extends Store {
  /**
   * Resolves when the collection is open. Calls need not wait for it.
   *
   * Rejects with `STORE_LOCKED`, `STORE_KEY_MISMATCH`, `STORE_CORRUPT`, `STORE_IO` or
   * `WORKER_EXITED` if the first attempt to open the collection fails; calls then fail with the
   * same error. After `STORE_LOCKED` and `STORE_IO` a call made ten seconds later tries again;
   * `ready` stays rejected even if that succeeds.
   */
  readonly ready: Promise<void>;

  /**
   * The session, or null if it is unknown, expired or unreadable. It is what the serializer
   * returns: with JSON, `cookie.expires` is a string, not a Date.
   *
   * An unreadable session is reported as `STORE_CORRUPT`.
   */
  get(sid: string): Promise<SessionData | null>;
  /** The same, with a callback. */
  get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void;

  /**
   * Stores a session. Settles when it is on the disk, as the option `durable` says. A session that
   * has already expired is deleted instead.
   *
   * Fails with `NOT_SERIALIZABLE`, `STORE_OVERLOADED` or `STORE_IO`, in which case the previous
   * value is kept, or with `STORE_LOCKED` if another process has taken over the files. After
   * `WORKER_EXITED` the session may have been stored or not.
   */
  set(sid: string, session: Partial<SessionData>): Promise<void>;
  /** The same, with a callback. */
  set(sid: string, session: Partial<SessionData>, callback: (error?: unknown) => void): void;

  /**
   * Updates the cookie and the expiry of a session, and nothing else. `"EXPIRED"` if there is no
   * live session. Acknowledged from memory: a power cut may undo the touches of the last second.
   *
   * Fails with `NOT_SERIALIZABLE` if the cookie cannot be turned into JSON.
   */
  touch(sid: string, session: Partial<SessionData>): Promise<"OK" | "EXPIRED">;
  /** The same, with a callback. */
  touch(
    sid: string,
    session: SessionData,
    callback: (error?: unknown, result?: "OK" | "EXPIRED") => void,
  ): void;

  /**
   * Deletes a session. The result is the number of sessions deleted, 0 or 1.
   *
   * Fails with `STORE_OVERLOADED`, `STORE_IO` or `STORE_LOCKED`, as {@link SessionStore.set} does.
   */
  destroy(sid: string): Promise<number>;
  /** The same, with a callback. */
  destroy(sid: string, callback: (error?: unknown, deleted?: number) => void): void;

  /** The number of live sessions. */
  length(): Promise<number>;
  /** The same, with a callback. */
  length(callback: (error: unknown, length?: number) => void): void;

  /** The ids of the live sessions. */
  ids(): Promise<string[]>;
  /** The same, with a callback. */
  ids(callback: (error: unknown, ids?: string[]) => void): void;

  /** The live sessions, each with its session id as `id`. */
  all(): Promise<ListedSession[]>;
  /** The same, with a callback. */
  all(callback: (error: unknown, sessions?: ListedSession[]) => void): void;

  /**
   * Deletes all sessions. The result is the number of sessions deleted.
   *
   * Fails with `STORE_IO` or `STORE_LOCKED`.
   */
  clear(): Promise<number>;
  /** The same, with a callback. */
  clear(callback: (error?: unknown, deleted?: number) => void): void;

  /**
   * Writes what is only in memory and releases the files and the worker thread. Later calls fail
   * with `STORE_CLOSED`; closing again does nothing.
   *
   * Fails with `STORE_IO` if something in memory could not be written.
   */
  close(): Promise<void>;
  /** The same, with a callback. */
  close(callback: (error?: unknown) => void): void;

  /**
   * Rewrites the snapshot and empties the journal, which also happens automatically.
   *
   * Fails with `STORE_IO` or `STORE_LOCKED`; no session is lost.
   */
  compact(): Promise<void>;
  /** The same, with a callback. */
  compact(callback: (error?: unknown) => void): void;

  /** Counters and sizes. */
  stats(): Promise<StoreStats>;
  /** The same, with a callback. */
  stats(callback: (error: unknown, stats?: StoreStats) => void): void;

  /**
   * The collection, as express-lite-nosql-session has it.
   * @deprecated Use {@link SessionStore.compact}.
   */
  readonly _col: { compactar(): Promise<void> };

  /** {@link SessionStore.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** The class of the store. */
export interface IsolatedStoreClass {
  /**
   * Opens a collection in the background.
   * @throws TypeError if an option is unknown, missing or of the wrong type
   * @throws RangeError if an option is out of range
   */
  new (options: StoreOptions): SessionStore;
  readonly prototype: SessionStore;
}

/** The `Store` of an express-session. */
export type StoreBase = abstract new () => Store;

/**
 * Makes the class over a base.
 * @param select picks the options out of the constructor's argument, before they are checked
 */
export function storeClass(
  Base: StoreBase,
  select: (options: unknown) => unknown = (options) => options,
): IsolatedStoreClass {
  // Each method has two forms, which only the interface above can express.
  const Emitter = Base as unknown as new () => EventEmitter;
  class IsolatedStore extends Emitter {
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
      return deliver(this.#client.get(sid), callback);
    }

    set(sid: string, session: object, callback?: Callback<void>): unknown {
      return deliver(this.#client.set(sid, session), callback);
    }

    touch(sid: string, session: object, callback?: Callback<string>): unknown {
      return deliver(this.#client.touch(sid, session), callback);
    }

    destroy(...args: [sid: string, callback?: Callback<number>]): unknown {
      const [sid, callback] = args;
      const deleted = this.#client.destroy(sid);
      // express-session passes on the callback of `req.session.destroy()` even if it is undefined,
      // and drops the promise.
      if (args.length > 1 && callback === undefined) deleted.catch(this.#report);
      return deliver(deleted, callback);
    }

    length(callback?: Callback<number>): unknown {
      return deliver(this.#client.length(), callback);
    }

    ids(callback?: Callback<string[]>): unknown {
      return deliver(this.#client.ids(), callback);
    }

    all(callback?: Callback<object[]>): unknown {
      return deliver(this.#client.all(), callback);
    }

    clear(callback?: Callback<number>): unknown {
      return deliver(this.#client.clear(), callback);
    }

    close(callback?: Callback<void>): unknown {
      return deliver(this.#client.close(), callback);
    }

    compact(callback?: Callback<void>): unknown {
      return deliver(this.#client.compact(), callback);
    }

    stats(callback?: Callback<object>): unknown {
      return deliver(this.#client.stats(), callback);
    }

    get _col(): { compactar(): Promise<void> } {
      return { compactar: () => this.#client.compact() };
    }

    [Symbol.asyncDispose](): Promise<void> {
      return this.#client.close();
    }
  }
  return IsolatedStore as unknown as IsolatedStoreClass;
}
