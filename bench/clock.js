/** Time: one clock for all threads and processes of the machine, and the CPU of this thread. */
import { readFileSync } from "node:fs";

/** Milliseconds on the system's monotonic clock, the same in every thread and process. */
export function now() {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/**
 * Milliseconds of CPU that the calling thread has used: from Node where it can tell, else from
 * Linux, which counts nanoseconds for each thread. NaN where neither knows.
 */
export function threadCpuMs() {
  if (process.threadCpuUsage) {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1e3;
  }
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ", 1)[0]) / 1e6;
  } catch (error) {
    if (error.code === "ENOENT") return NaN;
    throw error;
  }
}
