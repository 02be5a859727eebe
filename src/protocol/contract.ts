/*
 * What an engine does, in wire values only: both halves compile against this file, the worker
 * implements it and the RPC carries it. Sessions travel as JSON text, times as epoch milliseconds,
 * an absent value as null. Nothing here is executable except the list of method names.
 */
import type { WireError } from "./wire-error.js";

/**
 * A live session as JSON text: the text that was written, or that text and the newer cookie of a
 * later touch.
 */
export type FoundSession = string | readonly [json: string, cookie: string];

/** Moves the expiry of a live session and replaces its cookie, unless `cookie` is null. */
export type Touch = readonly [sid: string, cookie: string | null, expiresAt: number];

/** Stores a session (JSON text) until `expiresAt`, or, with the id alone, deletes it. */
export type Write =
  readonly [sid: string, json: string, expiresAt: number] | readonly [sid: string];

/** How many live sessions a write replaced or deleted (0 or 1), or why it failed. */
export type WriteOutcome = number | WireError;

/** Counters that every engine has. */
export interface EngineStats {
  /** Live sessions. */
  readonly sessions: number;
  /** Those of the engine that keeps its sessions in files. */
  readonly disk?: DiskStats;
}

/**
 * Counters and sizes of the engine over files. Times in epoch ms, durations in ms, sizes in bytes.
 */
export interface DiskStats {
  /** Size of the journal. */
  readonly walBytes: number;
  /** Size of the snapshot. */
  readonly snapshotBytes: number;
  /** Commits: each writes the records that were waiting, with one fsync if `durable`. */
  readonly commits: {
    readonly count: number;
    readonly records: number;
    readonly failed: number;
    readonly lastMs: number;
    readonly meanMs: number;
    readonly maxMs: number;
  };
  /** The last garbage collection, which deletes expired sessions, or null before the first. */
  readonly gc: {
    readonly at: number;
    readonly durationMs: number;
    readonly removed: number;
  } | null;
  /** The last compaction, or null before the first. */
  readonly compaction: { readonly at: number; readonly durationMs: number } | null;
  /** How many records were read when the collection was opened. */
  readonly recovered: number;
  /** How many damaged ranges were found, and set aside, when the collection was opened. */
  readonly quarantined: number;
}

/**
 * An engine. Calls take effect in the order in which they are made. Every method rejects with a
 * `StoreError`.
 */
export interface Engine {
  /** The sessions with these ids, in the same order; null for each that is unknown or expired. */
  get(sids: readonly string[]): Promise<(FoundSession | null)[]>;
  /** Acknowledged from memory. False for each touch that found no live session. */
  touch(touches: readonly Touch[]): Promise<boolean[]>;
  /** Resolves when each write is as safe as `durable` asks, or has failed. */
  write(writes: readonly Write[]): Promise<WriteOutcome[]>;
  /** The number of live sessions. */
  length(): Promise<number>;
  /** The ids of the live sessions. */
  ids(): Promise<string[]>;
  /** Deletes all sessions. Resolves to the number of live ones among them. */
  clear(): Promise<number>;
  /**
   * Rewrites the stored data without superseded records. Does nothing in an engine that has none.
   */
  compact(): Promise<void>;
  stats(): Promise<EngineStats>;
  /** Stores what is only in memory, and releases all resources. */
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
