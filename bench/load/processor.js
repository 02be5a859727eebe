/** Processor time. */
import { readFileSync } from "node:fs";

/**
 * What this thread has had so far, in µs, without what it waited for a core; NaN where the system does
 * not tell. Of Linux: https://docs.kernel.org/scheduler/sched-stats.html
 */
export function threadUs() {
  try {
    const [ns] = readFileSync("/proc/thread-self/schedstat", "utf8").split(" ");
    return Number(ns) / 1e3;
  } catch {
    return NaN;
  }
}
