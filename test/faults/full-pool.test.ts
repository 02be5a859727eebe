/**
 * Owns that no call waits for libuv's pool, which the application fills as it likes: with passwords
 * to be hashed, at the moment at which sessions are written.
 */
import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { tempDirectory } from "../support/temp-dir.js";

const PROGRAM = fileURLToPath(new URL("../fixtures/full-pool.js", import.meta.url));
const POOL_THREADS = 4;
/** A program that has not ended by then waits for the pool, which is full for ever. */
const DEADLINE_MS = 40_000;

it.skipIf(process.platform === "win32")(
  "writes, heartbeats, compactions and the end go on while every thread of the pool is taken",
  async () => {
    const directory = tempDirectory();
    const fifos = Array.from({ length: POOL_THREADS }, (_, number) =>
      join(directory, `fifo ${number}`),
    );
    execFileSync("mkfifo", fifos);
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [PROGRAM, join(directory, "data"), ...fifos],
      {
        env: { ...process.env, UV_THREADPOOL_SIZE: String(POOL_THREADS) },
        timeout: DEADLINE_MS,
        killSignal: "SIGKILL",
      },
    );
    const all = ["set", "heartbeat", "compaction", "close", "the pool is full"];
    expect(JSON.parse(stdout)).toEqual(all);
  },
  DEADLINE_MS,
);
