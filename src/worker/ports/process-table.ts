/**
 * Which processes are alive: shows whether the owner of a lock has died. A pid alone is not enough,
 * since pids are reused, and mean nothing in another container or on another machine.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

import { isErrno } from "./failure.js";

export interface ProcessTable {
  readonly pid: number;
  readonly host: string;
  /** Identifies the running kernel and pid namespace, where a pid is valid; null if unknown. */
  readonly space: string | null;
  /** Whether a process is running. A zombie without other threads is not. */
  isAlive(pid: number): Promise<boolean>;
  /** When a process started, in the system's own format; null if unknown or not running. */
  startOf(pid: number): Promise<string | null>;
}

/** The processes of this machine. Without /proc (macOS, Windows) spaces and starts are unknown. */
export function systemProcesses(): ProcessTable {
  const boot = fromProc(() => readFileSync("/proc/sys/kernel/random/boot_id", "latin1"));
  const namespace = fromProc(() => readlinkSync("/proc/self/ns/pid"));
  return {
    pid: process.pid,
    // The expression that lite-nosql uses, so that each recognizes the other's local locks.
    host: (process.env["HOSTNAME"] ?? hostname()).slice(0, 64),
    space: boot === null || namespace === null ? null : `${boot.trim()} ${namespace}`,
    isAlive: (pid) => Promise.resolve(isAlive(pid)),
    startOf: (pid) => Promise.resolve(readStat(pid)?.started ?? null),
  };
}

/** Reads from /proc, which is memory: faster than a wait for libuv's pool, however long that is. */
function fromProc(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process exists, but belongs to another user.
    if (!isErrno(error, "EPERM")) return false;
  }
  const stat = readStat(pid);
  if (stat === null) return true;
  const { state, threads } = stat;
  // A zombie's other threads may still be in the middle of a write.
  return !((state === "Z" || state === "X") && Number(threads) <= 1);
}

/** Fields of `/proc/<pid>/stat`, numbered as in proc_pid_stat(5); null if unavailable. */
function readStat(pid: number): { state: string; threads: string; started: string } | null {
  const stat = fromProc(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  // The second field, the command in parentheses, may itself contain spaces and `)`.
  const fromThird = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const field = (number: number): string | undefined => fromThird?.[number - 3];
  const [state, threads, started] = [field(3), field(20), field(22)];
  if (state === undefined || threads === undefined || started === undefined) return null;
  return { state, threads, started };
}
