/** Owns what the calls of the disk thread wait for: the disk, but not for files to be freed. */
import * as fs from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

import { blockingCalls } from "../../src/worker/ports/system-calls.js";
import { blockPool } from "../support/full-pool.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

/** @returns whether `fd` is open, and still the file with this inode: numbers are given again */
function isOpen(fd: number, inode: number): boolean {
  try {
    return fs.fstatSync(fd).ino === inode;
  } catch {
    return false;
  }
}

const LARGE_BYTES = 16 * 1024 * 1024;

async function opened(path: string): Promise<{ fd: number; ino: number }> {
  const fd = await blockingCalls.open(path, fs.constants.O_CREAT | fs.constants.O_RDWR, 0o600);
  return { fd, ino: fs.fstatSync(fd).ino };
}

it.skipIf(process.platform === "win32")(
  "freeing a large file, by closing what has been deleted, is left to the thread pool",
  async () => {
    const directory = tempDirectory();
    const path = join(directory, "file");
    const { fd, ino } = await opened(path);
    fs.ftruncateSync(fd, LARGE_BYTES);
    fs.unlinkSync(path);
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

it.skipIf(process.platform === "win32")("any other file is closed at once", async () => {
  const directory = tempDirectory();
  const large = await opened(join(directory, "large"));
  fs.ftruncateSync(large.fd, LARGE_BYTES);
  const deleted = await opened(join(directory, "deleted"));
  fs.unlinkSync(join(directory, "deleted"));
  const release = blockPool(directory);
  try {
    for (const { fd, ino } of [large, deleted]) {
      void blockingCalls.close(fd);
      expect(isOpen(fd, ino)).toBe(false);
    }
  } finally {
    release();
  }
});
