/** The disk as it is, and made slow: a shim that delays every fsync of a process. */
import { spawnSync } from "node:child_process";
import { closeSync, fdatasyncSync, openSync, statfsSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { spread } from "./samples.js";
import { SESSION_BYTES } from "./sessions.js";

export const SLOW_FSYNC_US = 5000;

const TMPFS_MAGIC = 0x01021994;

/** Median milliseconds to append a session and to bring them to the disk. */
export function fsyncMs(directory, times = 200) {
  const fd = openSync(join(directory, "fsync"), "w");
  const bytes = Buffer.alloc(SESSION_BYTES, "x");
  const took = Array.from({ length: times }, () => {
    const start = performance.now();
    writeSync(fd, bytes);
    fdatasyncSync(fd);
    return performance.now() - start;
  });
  closeSync(fd);
  return spread(took).median;
}

/** Whether the directory is in memory, where an fsync does nothing. */
export function inMemory(directory) {
  return process.platform === "linux" && statfsSync(directory).type === TMPFS_MAGIC;
}

/**
 * Compiles the shim and tries it. Answers the environment for the processes to slow down and
 * `set(microseconds)`, at first 0; or why there is none, as `missing`.
 */
export function slowDisk(directory) {
  if (process.platform !== "linux") return { missing: "only on Linux" };
  const library = join(directory, "slow-disk.so");
  const source = fileURLToPath(new URL("./slow-disk.c", import.meta.url));
  const compiled = spawnSync("cc", ["-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"]);
  if (compiled.status !== 0) return { missing: "there is no C compiler (cc) that compiles it" };

  const file = join(directory, "slow-disk");
  const set = (microseconds) =>
    writeFileSync(file, new Uint32Array([microseconds]), { flag: "r+" });
  writeFileSync(file, new Uint32Array([SLOW_FSYNC_US]));
  const env = { LD_PRELOAD: library, SLOW_DISK_FILE: file };
  const script = `import(${JSON.stringify(import.meta.url)}).then(({ fsyncMs }) => {
    process.stdout.write(String(fsyncMs(${JSON.stringify(directory)}, 20)));
  });`;
  const tried = spawnSync(process.execPath, ["-e", script], { env: { ...process.env, ...env } });
  const tookMs = Number(tried.stdout.toString() || NaN);
  set(0);
  if (!(tookMs >= SLOW_FSYNC_US / 1e3))
    return { missing: "the preloaded shim delays nothing here" };
  return { env, set, tookMs };
}
