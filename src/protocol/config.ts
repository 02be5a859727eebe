/** What the main thread tells an engine to open. Complete and checked; structured-cloneable. */

/** What every engine needs. */
export interface EngineConfig {
  /** Whether a write must survive a power cut before it is acknowledged. */
  readonly durable: boolean;
  /** Passwords: the first encrypts, all decrypt. Empty: plaintext. */
  readonly encryptionKeys: readonly string[];
  /** Lifetime of a stored session that does not say when it expires. */
  readonly ttlMs: number;
  /** Log to stderr. */
  readonly debug: boolean;
  /** Names the store, the same for each of its workers in turn. */
  readonly owner: string;
  /** Stores of this process whose worker is dead for good: what they locked is free. */
  readonly abandoned?: readonly string[];
  /** What the engine over files needs. */
  readonly disk: DiskConfig;
}

/** What the engine over files needs besides. */
export interface DiskConfig {
  /** Absolute path of the directory that holds the files. */
  readonly directory: string;
  /** File name stem of the collection. */
  readonly collection: string;
  /** Size of the journal, in bytes, from which compaction may start. */
  readonly walLimitBytes: number;
  /** Time between collections of expired sessions. */
  readonly gcIntervalMs: number;
  /** Whether each collection of expired sessions is followed by a compaction. */
  readonly compactAfterGc: boolean;
}
