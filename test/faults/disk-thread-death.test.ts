/**
 * Owns what an engine does whose disk thread dies: like a failed fsync, it refuses the writes under
 * way, writes the files anew through another thread, and goes on. The lock is held all the time.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { WriteOutcome } from "../../src/protocol/contract.js";
import type { StoreError } from "../../src/protocol/errors.js";
import { type Clock, systemClock } from "../../src/worker/ports/clock.js";
import { threadFiles } from "../../src/worker/ports/thread-files.js";
import { DISK_THREAD } from "../support/disk-thread.js";
import { openWorld, servedBy, withEngine } from "../support/engine-world.js";
import { ManualClock } from "../support/manual-clock.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const EXPIRES_AT = Date.UTC(2040, 0, 1);
const HEARTBEAT_MS = 2_500;

/** A thread that dies once, at the next of these calls, when there is a file at `trigger`. */
function mortal(trigger: string, call: string): string {
  return `
    {
      const fs = require("node:fs");
      const real = fs.${call};
      fs.${call} = (...args) => {
        if (!fs.existsSync(${JSON.stringify(trigger)})) return real(...args);
        fs.rmSync(${JSON.stringify(trigger)});
        process.exit(7);
      };
    }
    ${DISK_THREAD}`;
}

async function scene<T extends Clock>(call: string, clock: T) {
  const root = tempDirectory();
  const directory = join(root, "data");
  const trigger = join(root, "trigger");
  const reports: StoreError[] = [];
  const files = threadFiles(mortal(trigger, call));
  const engine = await openWorld(directory, { files, clock, reports });
  onTestFinished(() => engine.close().catch(() => undefined));
  const put = (sid: string): Promise<WriteOutcome[]> =>
    engine.write([[sid, `{"is":"${sid}"}`, EXPIRES_AT]]);
  /** Has the thread die at its next call of that kind. */
  const kill = (): void => {
    writeFileSync(trigger, "");
  };
  const isDead = (): boolean => !existsSync(trigger);
  const lock = (): string => readFileSync(join(directory, "sessions.lock"), "utf8");
  /** The sessions that the next owner finds, when this one is gone. */
  const left = async (): Promise<string[]> => {
    await engine.close();
    return withEngine(directory, {}, async (next) => [...(await servedBy(next)).keys()].sort());
  };
  return { engine, clock, reports, put, kill, isDead, lock, left };
}

/** Writes until one is accepted again. */
function accepted(write: () => Promise<WriteOutcome[]>): Promise<boolean> {
  return until(async () => (await write())[0] === 0);
}

describe.each(["writeSync", "fdatasyncSync"])("a disk thread that dies at a %s", (call) => {
  it("costs the write under way, and no other", async () => {
    const { engine, put, kill, left } = await scene(call, systemClock);
    await put("before");
    kill();
    expect(await put("meanwhile")).toMatchObject([{ code: "STORE_IO" }]);
    expect([...(await servedBy(engine)).keys()]).toEqual(["before"]);
    await accepted(() => put("after"));
    expect(await left()).toEqual(["after", "before"]);
  });

  it("does not cost a compaction that is under way when it is tried again", async () => {
    const { engine, put, kill, left } = await scene(call, systemClock);
    await put("before");
    kill();
    await expect(engine.compact()).rejects.toMatchObject({ code: "STORE_IO" });
    await accepted(() => put("after"));
    await engine.compact();
    expect(await left()).toEqual(["after", "before"]);
  });
});

describe("a disk thread that dies while nobody waits", () => {
  it("costs no write: the files are written anew when that is noticed", async () => {
    const { clock, reports, put, kill, isDead, left } = await scene("statSync", new ManualClock());
    await put("before");
    kill();
    clock.tick(HEARTBEAT_MS);
    await until(isDead);
    await until(() => {
      clock.tick(HEARTBEAT_MS);
      return reports.length > 0;
    });
    expect(reports).toMatchObject([{ code: "STORE_IO" }]);
    await accepted(() => put("after"));
    expect(await left()).toEqual(["after", "before"]);
  });

  it("does not end the heartbeat", async () => {
    const { clock, reports, kill, isDead, lock } = await scene("statSync", new ManualClock());
    kill();
    clock.tick(HEARTBEAT_MS);
    await until(isDead);
    const text = lock();
    await until(() => {
      clock.tick(HEARTBEAT_MS);
      return lock() !== text;
    });
    for (const { code } of reports) expect(code).toBe("STORE_IO");
  });
});
