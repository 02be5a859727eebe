/** The settings of an engine: complete, checked and structured-cloneable; and their bounds. */

/** What every engine needs. */
export interface EngineConfig {
  /** Whether a write is acknowledged only when it will survive a power cut. */
  readonly durable: boolean;
  /** Passwords: the first encrypts, all decrypt. Without any, data is stored as plaintext. */
  readonly encryptionKeys: readonly string[];
  /** Lifetime of a stored session without an expiry of its own. */
  readonly ttlMs: number;
  /** Whether to log to stderr. */
  readonly debug: boolean;
  /** Unique name of the store, shared by its successive workers. */
  readonly owner: string;
  /** Owners in this process whose worker is dead and will not be replaced: their locks are void. */
  readonly abandoned?: readonly string[];
  /** Settings of the engine over files. */
  readonly disk: DiskConfig;
}

/** The settings that only the engine over files has. */
export interface DiskConfig {
  /** Absolute path of the directory that holds the files. */
  readonly directory: string;
  /** File name stem of the collection. */
  readonly collection: string;
  /** Size of the journal, in bytes, from which compaction may start. */
  readonly walLimitBytes: number;
  /** Time between garbage collections, which delete expired sessions. */
  readonly gcIntervalMs: number;
  /** Whether a garbage collection that deleted sessions is followed by a compaction. */
  readonly compactAfterGc: boolean;
}

/** The latest expiry in epoch milliseconds: the last time that a JavaScript date can hold. */
export const MAX_TIME = 8.64e15;
