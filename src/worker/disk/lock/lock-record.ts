/**
 * The content of a lock file, and whether it shows that the owner is alive: three fields of
 * lite-nosql and three that only this store writes.
 */
import type { Clock } from "../../ports/clock.js";
import type { ProcessTable } from "../../ports/process-table.js";

/** lite-nosql's `TTL_LOCK_MS`. */
export const STALE_MS = 10_000;

/** A store that wants or holds the lock. */
export interface Contender {
  readonly processes: ProcessTable;
  readonly clock: Clock;
  /** Unique name of the store, shared by its successive workers. */
  readonly owner: string;
  /** Owners in this process whose worker is dead. */
  readonly abandoned: readonly string[];
}

/** Only this store writes `space`, `started` and `owner`. */
export interface LockRecord {
  readonly pid: number;
  readonly ts: number;
  readonly host: string;
  readonly space: string | null;
  readonly started: string | null;
  readonly owner: string | null;
}

export function lockText({ processes, clock, owner }: Contender, started: string | null): string {
  const { pid, host, space } = processes;
  return JSON.stringify({ pid, ts: clock.now(), host, space, started, owner });
}

export function parseLock(text: string): LockRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { pid, ts, host, space, started, owner } = value as Partial<Record<string, unknown>>;
  if (typeof pid !== "number" || typeof ts !== "number") return null;
  return {
    pid,
    ts,
    host: stringOrNull(host) ?? "",
    space: stringOrNull(space),
    started: stringOrNull(started),
    owner: stringOrNull(owner),
  };
}

function stringOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** `unsure`: only the heartbeat can show whether the owner is alive. */
export type Verdict = "held" | "stale" | "unsure";

export async function judge(record: LockRecord | null, contender: Contender): Promise<Verdict> {
  // lite-nosql creates its lock empty and fills it at once; nothing else leaves it unreadable.
  if (record === null) return "unsure";
  const { processes, clock, owner, abandoned } = contender;
  if (record.owner === owner || abandoned.includes(record.owner ?? "")) return "stale";
  const silent = clock.now() - record.ts > STALE_MS;
  const sameHost = record.host === processes.host;
  // Locks of lite-nosql, and ours without /proc, have no space: then the host decides.
  const local = record.space === null ? sameHost : record.space === processes.space;
  if (!local) {
    // Another boot of this machine or another container on it has the same clock, so that `ts` can
    // be compared. Another machine has not: only watching shows whether the owner is alive there.
    return silent && (sameHost || record.owner === null) ? "stale" : "unsure";
  }
  if (!(await processes.isAlive(record.pid))) return "stale";
  const started = await processes.startOf(record.pid);
  if (record.started !== null && started !== null && record.started !== started) return "stale";
  // Our process may have lost the thread that owned the collection, and lite-nosql itself takes a
  // silent lock for stale.
  if (silent && (record.pid === processes.pid || record.owner === null)) return "stale";
  // Without start times (macOS, Windows), the pid may have been reused.
  const identified = record.started !== null && started !== null;
  return silent && !identified ? "unsure" : "held";
}
