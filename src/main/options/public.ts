/* The options as an application gives them, with what each of them does. */
import type { SessionData } from "express-session";

/** Turns a session into text and back, at once. Runs on the calling thread. */
export interface Serializer {
  stringify(session: object): string;
  parse(text: string): object;
}

/** Lifetime in seconds of a session whose cookie sets none. */
export type Ttl = number | ((session: SessionData) => number);

/** Options in English. */
export interface EnglishOptions {
  /** Where the files live; made if missing, for the owner alone (0700). Required. */
  directory: string;
  /** Stem of the file names: letters, digits, `.`, `_`, `-`, not starting with a dot. `"sessions"`. */
  collection?: string;
  /** Whether a write is fsynced before it is acknowledged. `true`. */
  durable?: boolean;
  /** Size of the journal, in bytes, from which compaction may start. `1048576`. */
  walLimit?: number;
  /** Lifetime in ms where the cookie sets none; not together with `ttl`. */
  ttlMs?: number;
  /** Time in ms between collections of expired sessions. `300000`. */
  gcInterval?: number;
  /** Whether to compact after each collection of expired sessions. `false`. */
  compactAfterGc?: boolean;
  /**
   * Encrypts journal and snapshot: a password of at least 8 characters, or a list of them of which
   * the first encrypts and all decrypt. None.
   */
  encryptionKey?: string | readonly string[];
}

/** The same options under the names of express-lite-nosql-session. */
export interface PortugueseOptions {
  /** `directory` */
  pasta: string;
  /** `collection` */
  colecao?: string;
  /** `durable` */
  modoDuravel?: boolean;
  /** `walLimit` */
  limiteWAL?: number;
  /** `ttlMs` */
  ttlPadraoMs?: number;
  /** `gcInterval` */
  intervaloLimpezaMs?: number;
  /** `compactAfterGc` */
  compactarAposLimpeza?: boolean;
  /** `encryptionKey` */
  chaveEncriptacao?: string | readonly string[];
}

/** Options that have one name. */
export interface CommonOptions {
  /** Lifetime in seconds, or a function of the session, where the cookie sets none. `86400`. */
  ttl?: Ttl;
  /** Log what the store does to stderr, without secrets or session bodies. `false`. */
  debug?: boolean;
  /** Run the engine in a worker thread; `false` runs it on the calling thread. `true`. */
  isolate?: boolean;
  /** Ignore touches: only `set` extends a session. `false`. */
  disableTouch?: boolean;
  /** Sessions never expire; touches are ignored. `false`. */
  disableTTL?: boolean;
  /** `JSON`. */
  serializer?: Serializer;
  /**
   * Bytes of writes that may wait for the disk; past it writes fail at once with
   * `STORE_OVERLOADED`. `67108864`.
   */
  maxPendingBytes?: number;
}

type OneOf<A, B> = { [K in keyof (A & B)]?: (A & B)[K] };

/** Options of the store. Each may be given under either of its names, not under both. */
export type StoreOptions = CommonOptions &
  OneOf<EnglishOptions, PortugueseOptions> &
  (Pick<EnglishOptions, "directory"> | Pick<PortugueseOptions, "pasta">);
