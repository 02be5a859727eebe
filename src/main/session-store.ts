/* The public types of the store: its methods, and what they return. */
import type { SessionData, Store } from "express-session";

import type {
  DiskStats,
  EngineStats,
  ExpiredSession,
  MigrationStats,
  RedisStats,
  SharingStats,
} from "../protocol/contract.js";
import type { StoreOptions } from "./options/public.js";

export type { ExpiredSession, MigrationStats, RedisStats };

/**
 * Counters and sizes of a store that keeps its sessions in files; with `share: false` without its role
 * among others.
 */
export interface FilesStats
  extends Pick<EngineStats, "sessions" | "refused">, DiskStats, Partial<SharingStats> {
  readonly redis?: undefined;
  readonly migration?: undefined;
}

/**
 * Counters of a store over Redis: it has none of the figures of files. `sessions` is counted by a walk
 * over all keys of the servers.
 */
export interface OverRedisStats
  extends
    Pick<EngineStats, "sessions" | "refused" | "migration">,
    Readonly<Partial<Record<keyof DiskStats | keyof SharingStats, undefined>>> {
  readonly redis: RedisStats;
}

/**
 * Counters and sizes: see {@link SessionStore.stats}. Which of the two they are, `redis` tells.
 * @example
 * ```ts
 * const stats = await store.stats();
 * if (stats.redis === undefined) console.log(stats.walBytes, stats.commits.meanMs);
 * else console.log(stats.redis.masters, stats.migration?.left);
 * ```
 */
export type StoreStats = FilesStats | OverRedisStats;

/** A session as {@link SessionStore.all} lists it. */
export type ListedSession = SessionData & { id: string };

/** A session as {@link SessionStore.sessionsOf} lists it. */
export interface UserSession {
  readonly id: string;
  /** When it was first stored under this id, in epoch milliseconds. */
  readonly createdAt: number;
  /** In epoch milliseconds. */
  readonly expiresAt: number;
  readonly session: SessionData;
}

/**
 * The methods of the store.
 *
 * Each takes the callback of express-session's store interface, and returns a promise if it is
 * given none. Errors are `StoreError`s with a `code`, or TypeErrors for wrong arguments. What is said
 * of codes below is of files: docs/redis.md has those over Redis. Each method except `close` fails
 * with `STORE_CLOSED` after `close`, and with the error of `ready` if the collection cannot be opened.
 * Each fails with `WORKER_EXITED` if the worker thread dies of the call or cannot be replaced, and
 * `get` and `touch` with `STORE_OVERLOADED` if 100,000 of them have no answer yet.
 *
 * An error that nobody waits for, such as that of a compaction in the background or of a promise
 * that nobody looks at, is emitted as an `error` event; without a listener it becomes a process
 * warning, once an hour for each code.
 */
export interface SessionStore extends Store {
  /**
   * Resolves when the collection is open. Calls need not wait for it.
   *
   * Rejects with `STORE_LOCKED`, `STORE_MIGRATED`, `STORE_KEY_MISMATCH`, `STORE_CORRUPT`,
   * `STORE_FULL`, `STORE_IO` or `WORKER_EXITED` if the first attempt to open the collection fails,
   * over Redis also with `STORE_UNREACHABLE`, `STORE_DENIED`, `STORE_NOT_DURABLE` or
   * `DRIVER_MISSING`. It stays rejected, and calls fail with the same error. After `STORE_LOCKED`,
   * `STORE_IO` and `STORE_UNREACHABLE` a call that is made ten seconds later tries again.
   */
  readonly ready: Promise<void>;

  /**
   * The session, or null if it is unknown, expired or unreadable. Its `cookie.expires` is a Date, if
   * it was one; with the option `serializer` the session is what that returns.
   *
   * An unreadable session is reported as `STORE_CORRUPT`.
   */
  get(sid: string): Promise<SessionData | null>;
  /** The same, with a callback. */
  get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void;

  /**
   * Stores a session. Settles when it is on the disk, as the option `durable` says. A session that
   * has already expired is deleted instead. One that is stored again as it is, but for its cookie, is
   * touched; that is so where the cookie comes first in its JSON, as express-session has it.
   *
   * The session of a request that had loaded or stored it is not stored, and this is no error, if it
   * was destroyed, has expired, or has made room (option `maxBytes`) since. `refused` in `stats()`
   * counts these. A plain object is stored in any case, and so is a session under another id.
   *
   * Fails with `NOT_SERIALIZABLE`, `STORE_FULL`, `STORE_OVERLOADED` or `STORE_IO`, in which case the
   * previous value is kept; with `STORE_UNCERTAIN` if the disk does not answer, in which case only a
   * crash before it does may bring the write back, or if an owner in another process went without an
   * answer; or with `STORE_LOCKED` if no owner is found, or, with `share: false`, the lock is lost.
   * After `WORKER_EXITED` the session may have been stored or not.
   */
  set(sid: string, session: Partial<SessionData>): Promise<void>;
  /** The same, with a callback. */
  set(sid: string, session: Partial<SessionData>, callback: (error?: unknown) => void): void;

  /**
   * Updates the cookie and the expiry of a session, and nothing else. `"EXPIRED"` if there is no
   * live session. Over files it is acknowledged from memory: a power cut may undo the touches of the
   * last second. Over Redis it is acknowledged as a write.
   *
   * Fails with `NOT_SERIALIZABLE` if the cookie cannot be turned into text.
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
   * Fails with `STORE_OVERLOADED`, `STORE_IO`, `STORE_UNCERTAIN` or `STORE_LOCKED`, as
   * {@link SessionStore.set} does.
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
   * The live sessions of a user, the newest first. A number is the same user as its digits.
   *
   * Fails with a TypeError without the option `userOf`.
   */
  sessionsOf(user: string | number | bigint): Promise<UserSession[]>;
  /** The same, with a callback. */
  sessionsOf(
    user: string | number | bigint,
    callback: (error: unknown, sessions?: UserSession[]) => void,
  ): void;

  /**
   * Deletes the sessions of a user, but for the one with the id `except`. The result is the number of
   * sessions deleted. What requests that are under way had loaded is not stored again.
   *
   * Fails with a TypeError without the option `userOf`, and otherwise as {@link SessionStore.destroy}.
   */
  destroyAllOf(user: string | number | bigint, options?: { except?: string }): Promise<number>;
  /** The same, with a callback. */
  destroyAllOf(
    user: string | number | bigint,
    callback: (error?: unknown, deleted?: number) => void,
  ): void;
  /** The same, with a callback. */
  destroyAllOf(
    user: string | number | bigint,
    options: { except?: string },
    callback: (error?: unknown, deleted?: number) => void,
  ): void;

  /**
   * Deletes all sessions. The result is the number of sessions deleted.
   *
   * Fails as {@link SessionStore.destroy} does; some sessions may have been deleted.
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
   * Rewrites the snapshot and empties the journal, which also happens automatically. Does nothing over
   * Redis, where there is neither.
   *
   * Fails with `STORE_IO` or `STORE_LOCKED`; no session is lost.
   */
  compact(): Promise<void>;
  /** The same, with a callback. */
  compact(callback: (error?: unknown) => void): void;

  /** Counters and sizes, of files or of Redis. */
  stats(): Promise<StoreStats>;
  /** The same, with a callback. */
  stats(callback: (error: unknown, stats?: StoreStats) => void): void;

  /**
   * The collection, as express-lite-nosql-session has it.
   * @deprecated Use {@link SessionStore.compact}.
   */
  readonly _col: { compactar(): Promise<void> };

  /**
   * A session was deleted because it had expired: at most once for each, and not when its time came,
   * but when the store came across it. None of the sessions that were destroyed. Never emitted over
   * Redis, where the server deletes what has expired and tells nobody.
   */
  on(event: "expired", listener: (session: ExpiredSession) => void): this;
  /** The errors that nobody waits for. */
  on(event: "error", listener: (error: Error) => void): this;
  on(event: string | symbol, listener: (...args: never[]) => void): this;

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
