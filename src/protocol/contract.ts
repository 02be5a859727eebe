/*
 * What an engine does, in wire values only: both halves compile against this file, the worker
 * implements it and the RPC carries it. Sessions travel as JSON text, times as epoch milliseconds,
 * an absent value as null. Nothing here is executable except the list of method names.
 * docs/architecture.md, "Adding an engine", says how to write another.
 */
import type { WireError } from "./wire-error.js";

/**
 * A live session as JSON text: the text that was written, or that text and the newer cookie of a
 * later touch.
 */
export type FoundSession = string | readonly [json: string, cookie: string];

/** Moves the expiry of a live session and replaces its cookie, unless `cookie` is null. */
export type Touch = readonly [sid: string, cookie: string | null, expiresAt: number];

/**
 * A session is `put` in any case, and an `update` stores it only where a live session is: what was
 * destroyed while a request had it loaded stays destroyed. One that is `moved` here from another place
 * is put as it was there: created at the time that the write tells, and not unused.
 */
export type WriteMode = "put" | "update" | "moved";

/**
 * Stores a session (JSON text) until `expiresAt`, or, with the id alone, deletes it. By default it is
 * put, and has no user. Only what is moved tells when it was created.
 */
export type Write =
  | readonly [
      sid: string,
      json: string,
      expiresAt: number,
      mode?: WriteMode,
      user?: string | null,
      createdAt?: number | null,
    ]
  | readonly [sid: string];

/** How many live sessions a write replaced or deleted (0 or 1), or why it failed. */
export type WriteOutcome = number | WireError;

/** A session of a user. */
export type UserSession = readonly [
  sid: string,
  session: FoundSession,
  createdAt: number,
  expiresAt: number,
];

/** A session with all that is stored of it. What is not known of it is null. */
export type StoredSession = readonly [
  session: FoundSession,
  expiresAt: number,
  createdAt: number | null,
  user: string | null,
];

/** A session that was deleted because it had expired. */
export interface ExpiredSession {
  readonly id: string;
  /** Whose it was, as the option `userOf` says; null if nobody's. */
  readonly user: string | null;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** Counters that every engine has. */
export interface EngineStats {
  /** Live sessions. */
  readonly sessions: number;
  /**
   * How many sessions were not stored since the engine was opened, because they had been destroyed or
   * had expired while a request had them loaded.
   */
  readonly refused: number;
  /** Those of the engine that keeps its sessions in files. */
  readonly disk?: DiskStats;
  /** Those of the engine over Redis. */
  readonly redis?: RedisStats;
  /** Those of an engine that shares its collection with other stores. */
  readonly sharing?: SharingStats;
  /** How far the move of the option `migrateFrom` is. */
  readonly migration?: MigrationStats;
}

/** How far the move of sessions to Redis is. */
export interface MigrationStats {
  /** How many sessions are still in the old place. */
  readonly left: number;
  /** How many this process has moved since its store was opened. */
  readonly moved: number;
  /** Whether the old place is empty and done with, so that the option can be left out from now on. */
  readonly done: boolean;
}

/** Counters of the engine over Redis. */
export interface RedisStats {
  /** How many masters it is connected to. */
  readonly masters: number;
  /** How often a connection was opened again since the engine was opened. */
  readonly reconnects: number;
  /** How many writes have failed with `STORE_UNCERTAIN`. */
  readonly uncertain: number;
}

/** The part that a store has among those that share a collection. */
export interface SharingStats {
  /** The owner has the files open, and answers the calls of its guests. */
  readonly role: "owner" | "guest";
  /** The process that is the owner. */
  readonly owner: { readonly pid: number; readonly host: string };
  /** How many guests the owner has. */
  readonly guests: number;
  /** How often this store has taken part in the search for an owner; the first time is its opening. */
  readonly elections: number;
}

/**
 * Counters and sizes of the engine over files. Times in epoch ms, durations in ms, sizes in bytes.
 */
export interface DiskStats {
  /** Size of the journal. */
  readonly walBytes: number;
  /** Size of the snapshot. */
  readonly snapshotBytes: number;
  /** Memory that the sessions take, about. */
  readonly memory: {
    /** The expired ones that have not been deleted yet are included. */
    readonly bytes: number;
    /** What they may take: beyond it, sessions that were never used are deleted. */
    readonly maxBytes: number;
    /** How many have been deleted for that since the collection was opened. */
    readonly evicted: number;
  };
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
 * An engine. Calls take effect in the order in which they are made, and `write` and `clear` are
 * acknowledged in it: what is sent again after a death must not undo what was acknowledged. Every
 * method rejects with a `StoreError`.
 */
export interface Engine {
  /** The sessions with these ids, in the same order; null for each that is unknown or expired. */
  get(sids: readonly string[]): Promise<(FoundSession | null)[]>;
  /**
   * The same, with all that is stored of them, for whoever looks at the store from outside: it is no
   * use of a session.
   */
  inspect(sids: readonly string[]): Promise<(StoredSession | null)[]>;
  /**
   * Acknowledged from memory. False for each touch that found no live session.
   * @param onlyLonger whether those are left out that prolong no life: they may have been made before
   */
  touch(touches: readonly Touch[], onlyLonger?: boolean): Promise<boolean[]>;
  /** Resolves when each write is as safe as `durable` asks, or has failed. */
  write(writes: readonly Write[]): Promise<WriteOutcome[]>;
  /** The number of live sessions. */
  length(): Promise<number>;
  /** The ids of the live sessions. */
  ids(): Promise<string[]>;
  /** The live sessions of a user, the newest first. */
  sessionsOf(user: string): Promise<UserSession[]>;
  /** Deletes the sessions of a user, except one. Resolves to the number of live ones among them. */
  destroyAllOf(user: string, except: string | null): Promise<number>;
  /** Deletes all sessions. Resolves to the number of live ones among them. */
  clear(): Promise<number>;
  /**
   * Rewrites the stored data without superseded records. Does nothing in an engine that has none.
   */
  compact(): Promise<void>;
  /** From now on, tells of sessions that it deletes because they have expired. */
  watchExpired(): Promise<void>;
  stats(): Promise<EngineStats>;
  /** Stores what is only in memory, and releases all resources. */
  close(): Promise<void>;
}

/** The methods of {@link Engine}: what the worker exposes, and nothing else. */
export const ENGINE_METHODS = [
  "get",
  "inspect",
  "touch",
  "write",
  "length",
  "ids",
  "sessionsOf",
  "destroyAllOf",
  "clear",
  "compact",
  "watchExpired",
  "stats",
  "close",
] as const satisfies readonly (keyof Engine)[];

/** Whom an engine tells what no call is answered with. */
export interface EngineListener {
  readonly onError: (error: Error) => void;
  /** Of sessions that were deleted because they had expired: see {@link Engine.watchExpired}. */
  readonly onExpired: (sessions: readonly ExpiredSession[]) => void;
}

/** Messages that the worker sends unprompted, over `parentPort`. */
export type WorkerMessage =
  /** Whether nobody but this store can have changed anything since its last worker died. */
  | { readonly type: "ready"; readonly isSuccessor: boolean }
  | { readonly type: "fatal"; readonly error: WireError }
  | { readonly type: "report"; readonly error: WireError }
  | { readonly type: "expired"; readonly sessions: readonly ExpiredSession[] };
