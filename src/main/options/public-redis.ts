/* The options of a store over a Redis or Valkey server. */

/** A server: `"host"`, `"host:port"`, or its parts. */
export type RedisNode = string | { readonly host: string; readonly port?: number };

/**
 * How to reach the servers. Give one of `url`, `path`, `sentinels` with `name`, and `nodes`; or
 * `module` alone.
 */
export interface RedisOptions {
  /** A single server: `redis://user:password@host:port/database`, or `rediss://` for TLS. */
  url?: string;
  /** A single server on this machine: the path of its Unix socket. */
  path?: string;
  /** The sentinels, by default on port 26379, which tell of the master. */
  sentinels?: readonly RedisNode[];
  /** The name by which the sentinels know the master. */
  name?: string;
  /** Some nodes of a cluster, by default on port 6379; the others are found. */
  nodes?: readonly RedisNode[];
  username?: string;
  password?: string;
  /** Of the sentinels, where these ask for one. */
  sentinelUsername?: string;
  sentinelPassword?: string;
  /**
   * `true`, or options of Node's `tls.connect`, such as `{ ca }`: plain values only, since they go to
   * the worker.
   */
  tls?: boolean | Readonly<Record<string, unknown>>;
  /**
   * The number of the database; in a cluster there is only 0.
   * @defaultValue `0`
   */
  database?: number;
  /**
   * What the names of all keys begin with. Applications that share a server need different ones.
   * @defaultValue `"esi:"`
   */
  prefix?: string;
  /**
   * URL or path of a module that makes the clients, for what cannot be sent to a thread, such as a
   * provider of credentials. Its default export is called with the options of node-redis for one
   * connection, and returns a client of node-redis that is not connected.
   * @example
   * ```js
   * import { createClient } from "@redis/client";
   * export default (options) => createClient({ ...options, credentialsProvider });
   * ```
   */
  module?: string | URL;
}

/** Sessions in files, as the options of the same names say. */
export interface MigrateFromFiles {
  /** Directory of the files, which must be there. */
  directory: string;
  /** @defaultValue `"sessions"` */
  collection?: string;
  /**
   * The password, or passwords, that the files are encrypted with. The new place has its own.
   * @defaultValue none: the files are not encrypted
   */
  encryptionKey?: string | readonly string[];
}

/** Sessions that connect-redis has stored. */
export interface MigrateFromConnectRedis {
  /** The server: a URL, or an object without a prefix. It may be the same as the new one. */
  redis: string | RedisOptions;
  layout: "connect-redis";
  /**
   * The option `prefix` of connect-redis. The new prefix must not begin with it.
   * @defaultValue `"sess:"`
   */
  prefix?: string;
}

/** The options that only a store over Redis has. */
export interface RedisStoreOptions {
  /**
   * Keeps the sessions in a Redis or Valkey server, from 6.2, instead of files: a URL, or an object.
   * Needs the package `@redis/client`, or `redis`, from 6.3. In place of `directory` and the other
   * options of the files.
   *
   * `compact` then does nothing, `expired` is never emitted, and `stats()` has the figures of `redis`
   * in place of those of the files.
   * @example new IsolatedStore({ redis: process.env.REDIS_URL });
   */
  redis?: string | RedisOptions;

  /**
   * How long a call may take, in milliseconds; a whole number from 100, less than 2^31. One that could
   * not be sent by then fails with `STORE_UNREACHABLE`, a write that was sent and not answered with
   * `STORE_UNCERTAIN`.
   * @defaultValue `2_000`
   * @example new IsolatedStore({ redis: "redis://localhost", failAfterMs: 500 });
   */
  failAfterMs?: number;

  /**
   * Moves sessions here, so that nobody is logged out: from files, or from connect-redis. Each is moved
   * when it is asked for, the others in the background; `migration` in `stats()` says how many are
   * left. Leave the option out when it says `done`. docs/migrating.md tells how to go about it.
   *
   * All processes must be restarted at once with this option: one that still uses the old place would
   * miss what was moved. What is moved is deleted in the old place once the new server has
   * acknowledged it, so give `durable: true` as well, or be told by an `error` event with the code
   * `STORE_NOT_DURABLE`. The files can then only be opened by a store with this option: any other gets
   * `STORE_MIGRATED`.
   * @defaultValue none: nothing is moved
   * @example
   * ```ts
   * const redis = "redis://localhost";
   * new IsolatedStore({ redis, durable: true, migrateFrom: { directory: "./data" } });
   * new IsolatedStore({ redis, durable: true, migrateFrom: { redis, layout: "connect-redis" } });
   * ```
   */
  migrateFrom?: MigrateFromFiles | MigrateFromConnectRedis;

  /**
   * How many replicas must have a write before it is acknowledged; a whole number from 0. A write that
   * too few have in time fails with `STORE_UNCERTAIN`.
   * @defaultValue `0`
   * @example new IsolatedStore({ redis: { sentinels: ["a", "b", "c"], name: "m" }, replicas: 1 });
   */
  replicas?: number;
}
