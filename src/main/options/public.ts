/* The options as an application gives them, and what each of them does. */
import type { ResourceLimits } from "node:worker_threads";

import type { RedisStoreOptions } from "./public-redis.js";
import type { Serializer, Ttl, UserOption } from "./values.js";

/** The options that also have a Portuguese name, by their English one. */
export interface EnglishOptions {
  /**
   * Directory of the session files. Required, unless `redis` is given. Created if missing, accessible
   * to its owner only (0700); a relative path starts at the working directory.
   *
   * Opening fails with `STORE_LOCKED` if a store has the collection open that cannot be joined (see
   * {@link CommonOptions.share}), and with `STORE_IO` if the directory cannot be created or accessed.
   * @example new IsolatedStore({ directory: "./data" });
   */
  directory: string;

  /**
   * Stem of the file names. Letters, digits, `.`, `_` and `-`, not starting with a dot; anything
   * else is a RangeError. Stores with different collections may share a directory.
   * @defaultValue `"sessions"`
   * @example new IsolatedStore({ directory: "./data", collection: "admin" });
   */
  collection?: string;

  /**
   * Whether a write is fsynced before it is acknowledged. With `false` it is acknowledged when the
   * operating system has it: it survives the end of the process, but not a power cut. Over Redis
   * `true` asks that of the server: opening fails with `STORE_NOT_DURABLE` if it does not promise it.
   * @defaultValue `true`; over Redis `false`
   * @example new IsolatedStore({ directory: "./data", durable: false });
   */
  durable?: boolean;

  /**
   * Size of the journal, in bytes, above which it may be compacted: once it is also larger than the
   * snapshot. A whole number, 0 or more.
   * @defaultValue `1_048_576`
   * @example new IsolatedStore({ directory: "./data", walLimit: 16 * 1024 * 1024 });
   */
  walLimit?: number;

  /**
   * Lifetime, in milliseconds, of a session whose cookie sets none; at least 1. A TypeError
   * together with {@link CommonOptions.ttl}, which sets the same in seconds.
   * @defaultValue that of {@link CommonOptions.ttl}
   * @example new IsolatedStore({ directory: "./data", ttlMs: 30 * 60_000 }); // half an hour
   */
  ttlMs?: number;

  /**
   * Time between garbage collections, which delete expired sessions; in milliseconds, a whole
   * number from 1. An expired session is never served, deleted or not.
   * @defaultValue `300_000`
   * @example new IsolatedStore({ directory: "./data", gcInterval: 60_000 });
   */
  gcInterval?: number;

  /**
   * Whether to compact after each garbage collection that deleted a session, so that the files no
   * longer contain it.
   * @defaultValue `false`
   * @example new IsolatedStore({ directory: "./data", compactAfterGc: true });
   */
  compactAfterGc?: boolean;

  /**
   * Password that encrypts journal and snapshot, at least 8 characters; or a list of passwords, of
   * which the first encrypts and all decrypt. Without this option the files are plaintext; `undefined`
   * is a TypeError, so that a missing environment variable does not turn encryption off.
   *
   * Opening fails with `STORE_KEY_MISMATCH`, and changes no file, if none of the passwords opens
   * the files or if they are encrypted and there is no password.
   * @defaultValue none: no encryption
   * @example
   * ```ts
   * new IsolatedStore({ directory: "./data", encryptionKey: process.env.STORE_KEY });
   * new IsolatedStore({ directory: "./data", encryptionKey: [newKey, oldKey] }); // a new key
   * ```
   */
  encryptionKey?: string | readonly string[];
}

/**
 * The same options by their names in express-lite-nosql-session. An option given under both names
 * is a TypeError.
 */
export interface PortugueseOptions {
  /** Portuguese name of {@link EnglishOptions.directory}. */
  pasta: string;
  /** Portuguese name of {@link EnglishOptions.collection}. */
  colecao?: string;
  /** Portuguese name of {@link EnglishOptions.durable}. */
  modoDuravel?: boolean;
  /** Portuguese name of {@link EnglishOptions.walLimit}. */
  limiteWAL?: number;
  /** Portuguese name of {@link EnglishOptions.ttlMs}. */
  ttlPadraoMs?: number;
  /** Portuguese name of {@link EnglishOptions.gcInterval}. */
  intervaloLimpezaMs?: number;
  /** Portuguese name of {@link EnglishOptions.compactAfterGc}. */
  compactarAposLimpeza?: boolean;
  /** Portuguese name of {@link EnglishOptions.encryptionKey}. */
  chaveEncriptacao?: string | readonly string[];
}

/** The options that have only one name. */
export interface CommonOptions extends RedisStoreOptions {
  /**
   * Lifetime, in seconds, of a session whose cookie sets neither `expires` nor `maxAge`: a number
   * greater than 0, or a function of the session. If the function does not return a number, `set`
   * and `touch` fail with a TypeError.
   * @defaultValue `86_400`, a day
   * @example new IsolatedStore({ directory: "./data", ttl: ({ user }) => (user ? 3600 : 60) });
   */
  ttl?: Ttl;

  /**
   * How long a session may live in all, in seconds, however often it is touched or stored; a number
   * greater than 0. Counted from when it was first stored under its id, so that `regenerate` begins
   * a new life. For sessions that were stored before this option or `userOf` was ever given, it
   * begins when they are first opened with one of them.
   * @defaultValue none: a session lives as long as it is used
   * @example new IsolatedStore({ directory: "./data", absoluteTtl: 30 * 86_400 });
   */
  absoluteTtl?: number;

  /**
   * Whose a session is: a function of the session that returns a string, a number, or undefined or
   * null if it is nobody's; or the path of a field, such as `"passport.user"`. `sessionsOf` and
   * `destroyAllOf` need it. A session that was stored before is found when it has been stored again.
   *
   * If it returns anything else, `set` fails with a TypeError.
   * @defaultValue none: sessions are nobody's
   * @example new IsolatedStore({ directory: "./data", userOf: "passport.user" });
   */
  userOf?: UserOption;

  /**
   * Whether to log to stderr what the store does. The log contains no secrets, session bodies or
   * whole session ids.
   * @defaultValue `false`
   * @example new IsolatedStore({ directory: "./data", debug: true });
   */
  debug?: boolean;

  /**
   * Whether the engine runs in a worker thread. With `false` the same engine runs on the calling
   * thread, and `WORKER_EXITED` cannot occur; its file calls are then made in libuv's pool, where
   * they wait behind those of the application.
   * @defaultValue `true`
   * @example new IsolatedStore({ directory: "./data", isolate: false });
   */
  isolate?: boolean;

  /**
   * Whether to ignore touches, so that only `set` extends the life of a session; `touch` then
   * always returns `"OK"`.
   * @defaultValue `false`
   * @example new IsolatedStore({ directory: "./data", disableTouch: true });
   */
  disableTouch?: boolean;

  /**
   * Whether stored sessions never expire, except by {@link CommonOptions.absoluteTtl}. Touches are
   * ignored. A session that has already expired when it is set is still deleted.
   * @defaultValue `false`
   * @example new IsolatedStore({ directory: "./data", disableTTL: true });
   */
  disableTTL?: boolean;

  /**
   * Turns sessions into text and back, in place of `JSON`.
   * @defaultValue `JSON`
   * @example
   * ```ts
   * const parse = (text: string) => JSON.parse(text, reviver);
   * new IsolatedStore({ directory: "./data", serializer: { stringify: JSON.stringify, parse } });
   * ```
   */
  serializer?: Serializer;

  /**
   * Limit, in bytes, for writes that have not been acknowledged yet, over Redis too; a whole number
   * from 1. A write beyond it fails at once with `STORE_OVERLOADED`, unless it is the only one.
   * Deletions have the same limit for themselves, so that no logout is refused because many sessions
   * are stored.
   * @defaultValue `67_108_864`
   * @example new IsolatedStore({ directory: "./data", maxPendingBytes: 8 * 1024 * 1024 });
   */
  maxPendingBytes?: number;

  /**
   * Limit, in bytes, for the memory that sessions take; a whole number from 1. Where it is reached,
   * a new session takes the place of the oldest that was stored once and never used again, as those
   * of bots are. When all have been used, storing a session fails with `STORE_FULL`. An `error` event
   * with this code comes before, at seven eighths of the limit.
   *
   * A session takes about 250 bytes besides its texts: see `memory` in `stats()`.
   * @defaultValue half the heap of the thread that the engine runs in; no limit is higher
   * @example new IsolatedStore({ directory: "./data", maxBytes: 256 * 1024 * 1024 });
   */
  maxBytes?: number;

  /**
   * Limits of the worker thread, as `worker_threads` of Node takes them. A larger heap has room for
   * more sessions. Node's flag `--max-old-space-size` overrides `maxOldGenerationSizeMb`. With
   * `isolate: false`, where there is no thread, a TypeError.
   * @defaultValue those of Node, but 48 MB for young objects
   * @example
   * ```ts
   * new IsolatedStore({ directory: "./data", resourceLimits: { maxOldGenerationSizeMb: 8192 } });
   * ```
   */
  resourceLimits?: ResourceLimits;

  /**
   * How long a write may wait for the disk, in milliseconds; a whole number from 100. One that waits
   * for longer fails with `STORE_OVERLOADED`; one that the disk was given, and for which it has not
   * answered for so long, with `STORE_UNCERTAIN`. `close` and `compact` then fail with `STORE_IO`.
   * @defaultValue `10_000`
   * @example new IsolatedStore({ directory: "./data", maxPendingMs: 3_000 });
   */
  maxPendingMs?: number;

  /**
   * Whether other stores of this machine may have the same collection open: other processes, such as
   * the instances of PM2 or of a cluster, or this one after a hot reload. The first is the owner; the
   * others send it their calls, and when it goes one of them takes its place. All must have the same
   * `encryptionKey`. With `false` a second store is refused with `STORE_LOCKED`.
   * @defaultValue `true`
   * @example new IsolatedStore({ directory: "./data", share: false });
   */
  share?: boolean;
}

/**
 * Options of the store. Each may be given under either of its names, not under both.
 *
 * Unknown options and values of the wrong type are TypeErrors of the constructor, values out of
 * range are RangeErrors; the message names the option.
 */
export type StoreOptions = CommonOptions &
  Partial<EnglishOptions & PortugueseOptions> &
  (
    | Pick<EnglishOptions, "directory">
    | Pick<PortugueseOptions, "pasta">
    | Required<Pick<RedisStoreOptions, "redis">>
  );
