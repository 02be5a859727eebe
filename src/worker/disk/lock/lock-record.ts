/**
 * The content of a lock file, and whether it shows that the owner is alive: three fields of
 * lite-nosql, three that only this store writes, and two more if it shares its collection.
 */
import type { Clock } from "../../ports/clock.js";
import type { ProcessTable } from "../../ports/process-table.js";
import type { Address } from "./meeting.js";

/** lite-nosql's `TTL_LOCK_MS`. */
export const STALE_MS = 10_000;
/** Without a heartbeat for this long, another process may soon take the lock (after 10 s). */
export const LEASE_MS = 7000;

/** A store that wants or holds the lock. */
export interface Contender {
  readonly processes: ProcessTable;
  readonly clock: Clock;
  /** Unique name of the store, shared by its successive workers. */
  readonly owner: string;
  /** Owners in this process whose worker is dead. */
  readonly abandoned: readonly string[];
}

/** Only this store writes `space`, `started` and `owner`, and where it can be reached. */
export interface LockRecord {
  readonly pid: number;
  readonly ts: number;
  readonly host: string;
  readonly space: string | null;
  readonly started: string | null;
  readonly owner: string | null;
  /** Null for an owner that does not share. */
  readonly socket: string | null;
  readonly secret: string | null;
}

export function lockText(
  { processes, clock, owner, started }: Contender & { readonly started: string | null },
  address: Address | null,
): string {
  const { pid, host, space } = processes;
  return JSON.stringify({ pid, ts: clock.now(), host, space, started, owner, ...address });
}

/** Whether the owner says where it can be reached. */
export function isReachable(record: LockRecord | null): record is LockRecord & Address {
  return typeof record?.socket === "string" && typeof record.secret === "string";
}

export function parseLock(text: string): LockRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const fields = value as Partial<Record<string, unknown>>;
  const { pid, ts, host, space, started, owner, socket, secret } = fields;
  if (typeof pid !== "number" || typeof ts !== "number") return null;
  return {
    pid,
    ts,
    host: stringOrNull(host) ?? "",
    space: stringOrNull(space),
    started: stringOrNull(started),
    owner: stringOrNull(owner),
    socket: stringOrNull(socket),
    secret: stringOrNull(secret),
  };
}

/** How the locks of this store and of lite-nosql begin. */
const BEGINNING = '{"pid":';

/**
 * Whether this is no lock at all, nor what a crash left of one: nothing, the beginning of it, or
 * NULs.
 */
export function isForeign(text: string): boolean {
  if (parseLock(text) !== null) return false;
  return !BEGINNING.startsWith(text.replaceAll("\0", "").slice(0, BEGINNING.length));
}

function stringOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/**
 * `dead`: the owner is known to be. `stale`: nothing shows that it lives. `unsure`: only the heartbeat
 * can show whether it does.
 */
export type Verdict = "held" | "dead" | "stale" | "unsure";

export async function judge(record: LockRecord | null, contender: Contender): Promise<Verdict> {
  // lite-nosql creates its lock empty and fills it at once; nothing else leaves it unreadable.
  if (record === null) return "unsure";
  const { processes, clock, owner, abandoned } = contender;
  if (record.owner === owner || abandoned.includes(record.owner ?? "")) return "dead";
  const silent = clock.now() - record.ts > STALE_MS;
  const sameHost = record.host === processes.host;
  // Locks of lite-nosql, and ours without /proc, have no space: then the host decides.
  const local = record.space === null ? sameHost : record.space === processes.space;
  if (!local) {
    // Another boot of this machine or another container on it has the same clock, so that `ts` can
    // be compared. Another machine has not: only watching shows whether the owner is alive there.
    return silent && (sameHost || record.owner === null) ? "stale" : "unsure";
  }
  if (!(await processes.isAlive(record.pid))) return "dead";
  const started = await processes.startOf(record.pid);
  if (record.started !== null && started !== null && record.started !== started) return "dead";
  // Our process may have lost the thread that owned the collection, and lite-nosql itself takes a
  // silent lock for stale.
  if (silent && (record.pid === processes.pid || record.owner === null)) return "stale";
  // Without start times (macOS, Windows), the pid may have been reused.
  const identified = record.started !== null && started !== null;
  return silent && !identified ? "unsure" : "held";
}
