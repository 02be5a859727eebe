/** Owns the thread pool of libuv, as an application may have filled it. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";

const POOL_THREADS = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4);

/**
 * Occupies the thread pool: opening a pipe waits for its other end.
 * @returns lets it go on. The other end stays open until every thread has come that far: on a busy
 * machine some have not yet begun, and would find it gone.
 */
export function blockPool(directory: string): () => void {
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
