/** The system calls on files, in the two ways in which Node makes them. */
import * as fs from "node:fs";
import { promisify } from "node:util";

/** What a system call returns, or a promise of it. */
type Result<T> = T | Promise<T>;

/** Each rejects, or throws, with an error of Node that has a `code` and a `syscall`. */
export interface SystemCalls {
  open(path: string, flags: number, mode: number): Result<number>;
  close(fd: number): Result<void>;
  read(fd: number, target: Uint8Array, length: number, position: number): Result<number>;
  write(
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Result<number>;
  ftruncate(fd: number, length: number): Result<void>;
  fsync(fd: number): Result<void>;
  fdatasync(fd: number): Result<void>;
  fstat(fd: number): Result<fs.BigIntStats>;
  stat(path: string): Result<fs.BigIntStats>;
  statfs(path: string): Result<fs.StatsFs>;
  mkdir(path: string, mode: number): Result<void>;
  readdir(path: string): Result<string[]>;
  rename(from: string, to: string): Result<void>;
  link(existing: string, path: string): Result<void>;
  unlink(path: string): Result<void>;
}

const pooledRead = promisify(fs.read);
const pooledWrite = promisify(fs.write);
const pooledFstat = promisify(fs.fstat);
const pooledStat = promisify(fs.stat);

/** In the thread pool of libuv: the calling thread goes on, but the whole process shares the pool. */
export const pooledCalls: SystemCalls = {
  open: promisify(fs.open),
  close: promisify(fs.close),
  read: async (fd, target, length, position) =>
    (await pooledRead(fd, target, 0, length, position)).bytesRead,
  write: async (...args) => (await pooledWrite(...args)).bytesWritten,
  ftruncate: promisify(fs.ftruncate),
  fsync: promisify(fs.fsync),
  fdatasync: promisify(fs.fdatasync),
  fstat: (fd) => pooledFstat(fd, { bigint: true }),
  stat: (path) => pooledStat(path, { bigint: true }),
  statfs: promisify(fs.statfs),
  mkdir: promisify(fs.mkdir),
  readdir: promisify(fs.readdir),
  rename: promisify(fs.rename),
  link: promisify(fs.link),
  unlink: promisify(fs.unlink),
};

/** On the calling thread, which waits. */
export const blockingCalls: SystemCalls = {
  open: fs.openSync,
  close: closeFreeing,
  read: (fd, target, length, position) => fs.readSync(fd, target, 0, length, position),
  write: fs.writeSync,
  ftruncate: fs.ftruncateSync,
  fsync: fs.fsyncSync,
  fdatasync: fs.fdatasyncSync,
  fstat: (fd) => fs.fstatSync(fd, { bigint: true }),
  stat: (path) => fs.statSync(path, { bigint: true }),
  statfs: fs.statfsSync,
  mkdir: fs.mkdirSync,
  readdir: (path) => fs.readdirSync(path),
  rename: fs.renameSync,
  link: fs.linkSync,
  unlink: fs.unlinkSync,
};

/** A deleted file that is smaller is freed in a few milliseconds. */
const LARGE_BYTES = 16 * 1024 * 1024;

/**
 * Closing the last descriptor of a large file that has been deleted frees its blocks, which may take
 * as long as a second. Nothing depends on that, so it is left to the pool; no other file is, as what
 * waits for the pool when the thread is ended stays open.
 */
function closeFreeing(fd: number): void {
  const { nlink, size } = fs.fstatSync(fd);
  if (nlink > 0 || size < LARGE_BYTES) fs.closeSync(fd);
  else fs.close(fd, () => undefined);
}
