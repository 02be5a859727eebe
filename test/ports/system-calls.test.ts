/** Owns what the calls of the disk thread wait for: the disk, but not for files to be freed. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

import { blockingCalls } from "../../src/worker/ports/system-calls.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const POOL_THREADS = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4);

/**
 * Occupies the thread pool: opening a pipe waits for its other end.
 * @returns lets it go on. The other end stays open until every thread has come that far: on a busy
 * machine some have not yet begun, and would find it gone.
 */
function blockPool(directory: string): () => void {
  const pipe = join(directory, "pipe");
  execFileSync("mkfifo", [pipe]);
  let waiting = POOL_THREADS;
  let otherEnd: number | undefined;
  for (let thread = 0; thread < POOL_THREADS; thread++) {
    fs.open(pipe, "r", (_, fd) => {
      fs.closeSync(fd);
      waiting--;
      if (waiting === 0 && otherEnd !== undefined) fs.closeSync(otherEnd);
    });
  }
  return () => {
    otherEnd = fs.openSync(pipe, "r+");
  };
}

/** @returns whether `fd` is open, and still the file with this inode: numbers are given again */
function isOpen(fd: number, inode: number): boolean {
  try {
    return fs.fstatSync(fd).ino === inode;
  } catch {
    return false;
  }
}

it.skipIf(process.platform === "win32")(
  "closing a file, which may free much, is left to the thread pool",
  async () => {
    const directory = tempDirectory();
    const fd = await blockingCalls.open(join(directory, "file"), fs.constants.O_CREAT, 0o600);
    const { ino } = fs.fstatSync(fd);
    const release = blockPool(directory);
    try {
      expect(blockingCalls.close(fd)).toBeUndefined();
      expect(isOpen(fd, ino)).toBe(true);
    } finally {
      release();
    }
    await until(() => !isOpen(fd, ino));
  },
);
