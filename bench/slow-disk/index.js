/** The disk as it is, and made slow: a preloaded library that delays every fsync of a process. */
import { spawnSync } from "node:child_process";
import { closeSync, fdatasyncSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";

export const SLOW_MS = 5;

/** Milliseconds in which a few hundred bytes are appended and fsynced. @param {string} directory */
export function fsyncMs(directory, times = 100) {
  const fd = openSync(join(directory, "fsync"), "w");
  const start = performance.now();
  for (let i = 0; i < times; i++) {
    writeSync(fd, "x".repeat(780));
    fdatasyncSync(fd);
  }
  const tookMs = performance.now() - start;
  closeSync(fd);
  return tookMs / times;
}

/** Delays each fsync of this process from now on, if it was started to be slowed down. */
export function setFsyncDelay(/** @type {number} */ ms) {
  const file = process.env["SLOW_DISK_FILE"];
  if (file) writeFileSync(file, new Uint32Array([ms * 1e3]), { flag: "r+" });
}

/**
 * Compiles the library and tries it: the environment of a process to slow down, or why not.
 * @param {string} directory @returns {{ env: Record<string, string>, missing?: string }}
 */
export function slowDisk(directory) {
  const [library, file] = [join(directory, "slow-disk.so"), join(directory, "slow-disk")];
  const source = fileURLToPath(new URL("slow-disk.c", import.meta.url));
  const { status } = spawnSync("cc", ["-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"]);
  if (status !== 0) return { env: {}, missing: "no C compiler (cc) that compiles it for Linux" };
  writeFileSync(file, new Uint32Array([SLOW_MS * 1e3]));
  const env = { LD_PRELOAD: library, SLOW_DISK_FILE: file };
  const attempt = `import { fsyncMs } from ${JSON.stringify(import.meta.url)};
    console.log(fsyncMs(${JSON.stringify(directory)}, 10));`;
  const args = ["--input-type=module", "-e", attempt];
  const { stdout } = spawnSync(process.execPath, args, { env: { ...process.env, ...env } });
  if (Number(stdout) >= SLOW_MS) return { env };
  return { env: {}, missing: "the preloaded library delays nothing here" };
}
