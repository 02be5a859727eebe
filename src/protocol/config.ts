/** The settings of an engine: complete, checked and structured-cloneable; and their bounds. */

/** What every engine needs. */
interface CommonConfig {
  /** Whether a write is acknowledged only when it will survive a power cut. */
  readonly durable: boolean;
  /** Passwords: the first encrypts, all decrypt. Without any, data is stored as plaintext. */
  readonly encryptionKeys: readonly string[];
  /** Lifetime of a stored session without an expiry of its own. */
  readonly ttlMs: number;
  /** How long a session may live, whatever prolongs its life; null if for ever. */
  readonly absoluteTtlMs: number | null;
  /** Whether the store says whose a session is. */
  readonly hasUsers: boolean;
  /** Whether to tell of expired sessions from the start. */
  readonly watchExpired?: boolean;
  /** How long a write may wait, and an operation of the disk may take, in milliseconds. */
  readonly maxPendingMs: number;
  /** Whether to log to stderr. */
  readonly debug: boolean;
  /** Unique name of the store, shared by its successive workers. */
  readonly owner: string;
  /** Owners in this process whose worker is dead and will not be replaced: their locks are void. */
  readonly abandoned?: readonly string[];
  /** How many of the first calls its last worker may have made. */
  readonly repeats?: number;
}

/** Sessions in files, or those that connect-redis has stored under the prefix of its configuration. */
export type MigrationConfig =
  | { readonly disk: DiskConfig; readonly encryptionKeys: readonly string[] }
  | { readonly redis: RedisConfig; readonly ttlMs: number };

/** Of the engine over files. */
export interface DiskEngineConfig extends CommonConfig {
  readonly disk: DiskConfig;
  readonly redis?: undefined;
  readonly migrateFrom?: undefined;
}

/** Of the engine over a Redis or Valkey server. */
export interface RedisEngineConfig extends CommonConfig {
  readonly redis: RedisConfig;
  readonly disk?: undefined;
  /** Where the sessions come from that it moves over. */
  readonly migrateFrom?: MigrationConfig;
}

export interface MovingEngineConfig extends RedisEngineConfig {
  readonly migrateFrom: MigrationConfig;
}

/** Of one engine or the other. */
export type EngineConfig = DiskEngineConfig | RedisEngineConfig;

/** Whether sessions are to be moved into it from elsewhere. */
export function isMoving(config: RedisEngineConfig): config is MovingEngineConfig {
  return config.migrateFrom !== undefined;
}

/** The settings that only the engine over files has. */
export interface DiskConfig {
  /** Absolute path of the directory that holds the files. */
  readonly directory: string;
  /** File name stem of the collection. */
  readonly collection: string;
  /** Whether other stores of this machine may have the collection open, too. */
  readonly share?: boolean;
  /** How much memory the sessions may take, in bytes, if less than their share of the heap. */
  readonly maxBytes?: number | undefined;
  /** Size of the journal, in bytes, from which compaction may start. */
  readonly walLimitBytes: number;
  /** Time between garbage collections, which delete expired sessions. */
  readonly gcIntervalMs: number;
  /** Whether a garbage collection that deleted sessions is followed by a compaction. */
  readonly compactAfterGc: boolean;
  /** Whether the sessions are to be moved elsewhere: only then may it be opened again if some were. */
  readonly isDeparting?: boolean;
}

/** Where a server listens. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** The settings that only the engine over Redis has. */
export interface RedisConfig {
  readonly kind: "single" | "sentinel" | "cluster";
  /**
   * The server, the sentinels, or some nodes of the cluster. Empty if the server listens on a socket, or
   * the module knows better.
   */
  readonly addresses: readonly RedisAddress[];
  /** Path of the socket that the server listens on. */
  readonly path?: string | undefined;
  /** The name by which sentinels know the master. */
  readonly masterName?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  /** Options of `tls.connect`, all of them plain values; null for a connection without TLS. */
  readonly tls: Readonly<Record<string, unknown>> | null;
  readonly database: number;
  /** What the names of all keys begin with. */
  readonly prefix: string;
  /** URL of a module whose default export makes a client of given options. */
  readonly module?: string | undefined;
  /** How long a call may take before it fails. */
  readonly failAfterMs: number;
  /** How many replicas must have a write before it is acknowledged. */
  readonly replicas: number;
}

/** The latest expiry in epoch milliseconds: the last time that a JavaScript date can hold. */
export const MAX_TIME = 8.64e15;
