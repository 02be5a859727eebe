/**
 * What a lock file says, and whether what it says still holds: lite-nosql's three fields, and three
 * of this store's own.
 */
import type { Clock } from "../../ports/clock.js";
import type { ProcessTable } from "../../ports/process-table.js";

/** lite-nosql's `TTL_LOCK_MS`. */
export const STALE_MS = 10_000;

/** A store that wants a lock, or has it. */
export interface Contender {
  readonly processes: ProcessTable;
  readonly clock: Clock;
  /** Names the store that owns the collection, the same for each of its workers in turn. */
  readonly owner: string;
  /** Owners in this process whose thread is dead. */
  readonly abandoned: readonly string[];
}

/** What a lock file says. `space`, `started` and `owner` are this store's own. */
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

/** `unsure`: the owner can be seen only by its heartbeat. */
export type Verdict = "held" | "stale" | "unsure";

export async function judge(record: LockRecord | null, contender: Contender): Promise<Verdict> {
  // lite-nosql creates its lock empty and fills it at once; nobody else leaves such a thing.
  if (record === null) return "unsure";
  const { processes, clock, owner, abandoned } = contender;
  if (record.owner === owner || abandoned.includes(record.owner ?? "")) return "stale";
  const silent = clock.now() - record.ts > STALE_MS;
  const sameHost = record.host === processes.host;
  // lite-nosql's locks name no space, and where there is no /proc ours do not: then it is the host.
  const local = record.space === null ? sameHost : record.space === processes.space;
  if (!local) {
    // Another boot of this machine, or another container on it, has the same clock. Another
    // machine has not: only watching shows whether the owner lives there.
    return silent && (sameHost || record.owner === null) ? "stale" : "unsure";
  }
  if (!(await processes.isAlive(record.pid))) return "stale";
  const started = await processes.startOf(record.pid);
  if (record.started !== null && started !== null && record.started !== started) return "stale";
  // A live process may have lost the thread that owned the collection, and lite-nosql's own rule
  // is that a silent lock is stale.
  if (silent && (record.pid === processes.pid || record.owner === null)) return "stale";
  // Where starts are unknown (macOS, Windows), the pid may be another process's by now.
  const identified = record.started !== null && started !== null;
  return silent && !identified ? "unsure" : "held";
}
