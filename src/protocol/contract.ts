/**
 * What the engine does, in wire values only: both halves compile against this file, the worker
 * implements it and the RPC carries it. Sessions travel as JSON text, times as epoch milliseconds,
 * absent as null. Nothing here is executable but the list of method names.
 */
import type { WireError } from "./errors.js";

/** Everything the engine needs to open a collection. Complete and checked; structured-cloneable. */
export interface EngineConfig {
  /** Absolute path of the directory that holds the files. */
  readonly directory: string;
  /** File name stem of the collection. */
  readonly collection: string;
  /** Whether a write is fsynced before it is acknowledged. */
  readonly durable: boolean;
  /** Size of the journal, in bytes, from which compaction may start. */
  readonly walLimitBytes: number;
  /** Time between collections of expired sessions. */
  readonly gcIntervalMs: number;
  /** Whether each collection of expired sessions is followed by a compaction. */
  readonly compactAfterGc: boolean;
  /** Lifetime of a stored document that says nothing about its own. */
  readonly ttlMs: number;
  /** Log to stderr. */
  readonly debug: boolean;
  /** Passwords: the first encrypts, all decrypt. Empty: plaintext. */
  readonly encryptionKeys: readonly string[];
  /** Names the store that owns the collection, the same for each of its workers in turn. */
  readonly owner: string;
  /** Stores of this process whose worker is dead for good: their locks are void. */
  readonly abandoned?: readonly string[];
}

/**
 * A live session: the text that `set` was given, or that text and the newer cookie of a touch, as
 * JSON text.
 */
export type FoundSession = string | readonly [json: string, cookie: string];

/** Moves the expiry of a live session and replaces its cookie, unless `cookie` is null. */
export type Touch = readonly [sid: string, cookie: string | null, expiresAt: number];

/** Stores a session (JSON text) until `expiresAt`, or, with the id alone, deletes it. */
export type Write =
  readonly [sid: string, json: string, expiresAt: number] | readonly [sid: string];

/** How many live sessions a write replaced or deleted (0 or 1), or why it failed. */
export type WriteOutcome = number | WireError;

/** What the engine has and has done. All times are epoch milliseconds, all durations milliseconds. */
export interface EngineStats {
  /** Live sessions. */
  readonly sessions: number;
  /** Bytes of the journal. */
  readonly walBytes: number;
  /** Bytes of the snapshot. */
  readonly snapshotBytes: number;
  /** Commits: each writes the records that waited together, with one fsync when durable. */
  readonly commits: {
    readonly count: number;
    readonly records: number;
    readonly failed: number;
    readonly lastMs: number;
    readonly meanMs: number;
    readonly maxMs: number;
  };
  /** The last collection of expired sessions, or null before the first. */
  readonly gc: {
    readonly at: number;
    readonly durationMs: number;
    readonly removed: number;
  } | null;
  /** The last compaction, or null before the first. */
  readonly compaction: { readonly at: number; readonly durationMs: number } | null;
  /** Records read back when the collection was opened. */
  readonly recovered: number;
  /** Damaged stretches, of one record or several in a row, that were set aside in the quarantine file when the collection was opened. */
  readonly quarantined: number;
}

/**
 * The engine. Calls take effect in the order in which they are made. Every method rejects with a
 * `StoreError`.
 */
export interface Engine {
  /** The live sessions of these ids, in their order; null for one that is unknown or expired. */
  get(sids: readonly string[]): Promise<(FoundSession | null)[]>;
  /** Acknowledged from memory; false where there was no live session. */
  touch(touches: readonly Touch[]): Promise<boolean[]>;
  /** Settles when each write is on disk (as `durable` says) or has failed. */
  write(writes: readonly Write[]): Promise<WriteOutcome[]>;
  /** How many sessions are live. */
  length(): Promise<number>;
  /** The ids of the live sessions. */
  ids(): Promise<string[]>;
  /** Deletes all sessions; answers how many live ones that were. */
  clear(): Promise<number>;
  /** Rewrites the snapshot and empties the journal. */
  compact(): Promise<void>;
  stats(): Promise<EngineStats>;
  /** Journals what is only in memory, releases the files and the lock. */
  close(): Promise<void>;
}

/** The methods of {@link Engine}: what the worker exposes, and nothing else. */
export const ENGINE_METHODS = [
  "get",
  "touch",
  "write",
  "length",
  "ids",
  "clear",
  "compact",
  "stats",
  "close",
] as const satisfies readonly (keyof Engine)[];

/** What the worker says on its own account, over the channel that every worker has. */
export type WorkerMessage =
  | { readonly type: "ready" }
  | { readonly type: "fatal"; readonly error: WireError }
  | { readonly type: "report"; readonly error: WireError };
