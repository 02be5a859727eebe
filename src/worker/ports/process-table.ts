/**
 * Which processes live: how a lock tells an owner that died from one that is there. A pid alone does
 * not say, since pids are used again, and mean nothing in another container or on another machine.
 */
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";

import { isErrno } from "./failure.js";

export interface ProcessTable {
  readonly pid: number;
  readonly host: string;
  /** Names the running kernel and pid namespace, in which pids mean something; null if unknown. */
  readonly space: string | null;
  /** Whether a process runs. One that was killed and that nobody has waited for yet does not. */
  isAlive(pid: number): Promise<boolean>;
  /** When a process started, in the system's own terms; null if unknown or there is none. */
  startOf(pid: number): Promise<string | null>;
}

/** The processes of this machine. What /proc does not tell (macOS, Windows) stays unknown. */
export async function systemProcesses(): Promise<ProcessTable> {
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "latin1").catch(() => null);
  const namespace = await readlink("/proc/self/ns/pid").catch(() => null);
  return {
    pid: process.pid,
    // lite-nosql's own expression, so that each knows the other's locks for local ones.
    host: (process.env["HOSTNAME"] ?? hostname()).slice(0, 64),
    space: boot === null || namespace === null ? null : `${boot.trim()} ${namespace}`,
    isAlive,
    startOf,
  };
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: there is one, and it belongs to somebody else.
    if (!isErrno(error, "EPERM")) return false;
  }
  const stat = await readStat(pid);
  if (stat === null) return true;
  const { state, threads } = stat;
  // A zombie's other threads may still be in the middle of a write.
  return !((state === "Z" || state === "X") && Number(threads) <= 1);
}

async function startOf(pid: number): Promise<string | null> {
  return (await readStat(pid))?.started ?? null;
}

/** Fields of `/proc/<pid>/stat`, by their numbers in proc_pid_stat(5); null where it does not tell. */
async function readStat(
  pid: number,
): Promise<{ state: string; threads: string; started: string } | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => null);
  // The second field is the command in parentheses, and may hold anything.
  const fromThird = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const field = (number: number): string | undefined => fromThird?.[number - 3];
  const [state, threads, started] = [field(3), field(20), field(22)];
  if (state === undefined || threads === undefined || started === undefined) return null;
  return { state, threads, started };
}
