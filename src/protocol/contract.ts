/**
 * What an engine does, in wire values only: both halves compile against this file, the worker
 * implements it and the RPC carries it. Sessions travel as JSON text, times as epoch milliseconds,
 * absent as null. Nothing here is executable except the list of method names.
 */
import type { WireError } from "./wire-error.js";

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

/** What every engine can tell. */
export interface EngineStats {
  /** Live sessions. */
  readonly sessions: number;
  /** What an engine over files adds. */
  readonly disk?: DiskStats;
}

/** Counters and sizes of the engine over files. Times are epoch ms, durations ms, sizes bytes. */
export interface DiskStats {
  /** Size of the journal. */
  readonly walBytes: number;
  /** Size of the snapshot. */
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
  /** Records read when the collection was opened. */
  readonly recovered: number;
  /** Damaged places that were found, and set aside, when the collection was opened. */
  readonly quarantined: number;
}

/**
 * An engine. Calls take effect in the order in which they are made. Every method rejects with a
 * `StoreError`.
 */
export interface Engine {
  /** The live sessions of these ids, in their order; null for one that is unknown or expired. */
  get(sids: readonly string[]): Promise<(FoundSession | null)[]>;
  /** Acknowledged from memory; false where there was no live session. */
  touch(touches: readonly Touch[]): Promise<boolean[]>;
  /** Settles when each write is as safe as `durable` asks, or has failed. */
  write(writes: readonly Write[]): Promise<WriteOutcome[]>;
  /** How many sessions are live. */
  length(): Promise<number>;
  /** The ids of the live sessions. */
  ids(): Promise<string[]>;
  /** Deletes all sessions; answers how many live ones that were. */
  clear(): Promise<number>;
  /** Rewrites what is stored without what is superseded. Does nothing where there is no such thing. */
  compact(): Promise<void>;
  stats(): Promise<EngineStats>;
  /** Stores what is only in memory, and releases everything. */
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

/** Messages that the worker sends unprompted, over `parentPort`. */
export type WorkerMessage =
  | { readonly type: "ready" }
  | { readonly type: "fatal"; readonly error: WireError }
  | { readonly type: "report"; readonly error: WireError };
