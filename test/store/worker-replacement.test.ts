/**
 * Owns that no death of the worker becomes a loop: when one is replaced, when it is given up, and
 * how it is tried again after a rest.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { EngineConfig } from "../../src/protocol/config.js";
import { passTime } from "../support/passing-time.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import {
  beginAnew,
  fixture,
  HEALTHY,
  host,
  MAX_SPAWNS,
  REST_MS,
  sessions,
  settleDown,
  type Subject,
  text,
  texts,
} from "../support/worker/mortal-host.js";
import { threads } from "../support/worker/watched-workers.js";

vi.mock("node:worker_threads", async (original) => {
  const { watchWorkers } = await import("../support/worker/watched-workers.js");
  return watchWorkers(await original());
});

vi.mock("../../src/protocol/timers.js", async (original) => {
  const { withPassingTime } = await import("../support/passing-time.js");
  return withPassingTime(await original());
});

beforeEach(beginAnew);

describe("a worker that cannot start", () => {
  it.each([
    ["does not parse", new URL("data:text/javascript,this is no program")],
    ["throws", new URL("data:text/javascript,throw new Error()")],
    ["exits", new URL("data:text/javascript,process.exit()")],
    ["is not there", fixture("no-such-file")],
  ])("because its file %s: every call fails, and it is not tried again", async (_, url) => {
    const { host: subject, engine } = host(url);
    const early = engine.get(["a"]);
    const failure = { code: "WORKER_EXITED" };
    await expect(early).rejects.toMatchObject(failure);
    await expect(subject.ready).rejects.toMatchObject(failure);
    passTime(REST_MS);
    await expect(engine.write([["a"]])).rejects.toMatchObject(failure);
    await settleDown();
    expect(threads.spawned).toHaveLength(1);
    await engine.close();
  });

  it("for a while: calls wait, and are answered when it can", async () => {
    const { engine, host: subject, file } = host(fixture("while-opening"));
    await subject.ready;
    await engine.write(sessions(["kept", "k"]));
    writeFileSync(file("broken"), "");
    await threads.spawned[0]?.terminate();
    const waiting = Promise.all([texts(engine, "kept"), engine.write(sessions(["new", "n"]))]);
    await until(() => threads.spawned.length === 3);
    rmSync(file("broken"));
    expect(await waiting).toEqual([[text("k")], [0]]);
  });

  it("because the files are away, and whose thread does not end by itself: is ended", async () => {
    const { engine, host: subject, config } = host(fixture("lingers"));
    await subject.ready;
    await engine.write(sessions(["kept", "k"]));
    const { directory } = config.disk;
    renameSync(directory, `${directory}.away`);
    writeFileSync(directory, "");
    await threads.spawned[0]?.terminate();
    const waiting = texts(engine, "kept");
    await until(() => threads.spawned.length === 3);
    rmSync(directory);
    renameSync(`${directory}.away`, directory);
    expect(await waiting).toEqual([text("k")]);
  });
});

/** Whether a thread of this process waits in the call of the kernel that opens a file. */
function isOneOpening(): boolean {
  const call = process.arch === "arm64" ? "56 " : "257 ";
  return readdirSync("/proc/self/task").some((thread) => {
    try {
      return readFileSync(`/proc/self/task/${thread}/syscall`, "latin1").startsWith(call);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}

describe.skipIf(process.platform !== "linux")("a worker that waits for a disk", () => {
  it("is given up, and no other is started beside it", async () => {
    const directory = tempDirectory();
    const pipe = join(directory, "standing");
    execFileSync("mkfifo", [pipe]);
    const { engine, host: subject } = host(fixture("stuck"), { directory });
    const failure = { code: "STORE_IO", message: "the disk does not answer" };
    await until(isOneOpening);
    const error = { name: "StoreError", ...failure };
    threads.spawned[0]!.emit("message", { type: "fatal", error });
    await expect(subject.ready).rejects.toMatchObject(failure);
    passTime(REST_MS);
    await expect(engine.get(["a"])).rejects.toMatchObject(failure);
    expect(threads.spawned).toHaveLength(1);
    const ended = once(threads.spawned[0]!, "exit");
    const otherEnd = openSync(pipe, "w");
    rmSync(pipe);
    closeSync(otherEnd);
    await ended;
    expect(await engine.write(sessions(["a", "a"]))).toEqual([0]);
    expect(threads.spawned).toHaveLength(2);
  });
});

describe("a worker that dies again and again", () => {
  /** A host that has given up. */
  async function giveUp(): Promise<Subject> {
    const subject = host(fixture("once-open"));
    await expect(subject.engine.length()).rejects.toMatchObject({ code: "WORKER_EXITED" });
    const last = await until(() => threads.spawned[MAX_SPAWNS - 1] ?? false);
    await new Promise((resolve) => last.once("exit", resolve));
    return subject;
  }

  it("ends in errors, not in a loop", async () => {
    const { engine, reports } = await giveUp();
    const failure = { code: "WORKER_EXITED" };
    await expect(engine.get(["a"])).rejects.toMatchObject(failure);
    await expect(engine.write([["a"]])).rejects.toMatchObject(failure);
    await settleDown();
    expect(threads.spawned).toHaveLength(MAX_SPAWNS);
    expect(new Set(reports)).toEqual(new Set(["WORKER_EXITED"]));
    await engine.close();
  });

  it("is tried again after a rest, once", async () => {
    const { engine } = await giveUp();
    passTime(REST_MS);
    await expect(engine.get(["poison here 9"])).rejects.toMatchObject({ code: "WORKER_EXITED" });
    await settleDown();
    expect(threads.spawned).toHaveLength(MAX_SPAWNS + 1);
    await expect(engine.get(["a"])).rejects.toMatchObject({ code: "WORKER_EXITED" });
    expect(threads.spawned).toHaveLength(MAX_SPAWNS + 1);
  });

  it("is as good as new when it lives after a rest", async () => {
    const { engine, file } = await giveUp();
    writeFileSync(file("healed"), "");
    passTime(REST_MS);
    expect(await engine.write(sessions(["a", "a"]))).toEqual([0]);
    expect(await texts(engine, "a")).toEqual([text("a")]);
  });

  it("and cannot be started after a rest: calls fail, and the next rest ends too", async () => {
    const { engine, file } = await giveUp();
    passTime(REST_MS);
    threads.refused = true;
    await expect(engine.get(["a"])).rejects.toMatchObject({ code: "WORKER_EXITED" });
    threads.refused = false;
    await expect(engine.get(["a"])).rejects.toMatchObject({ code: "WORKER_EXITED" });
    writeFileSync(file("healed"), "");
    passTime(REST_MS);
    expect(await texts(engine, "a")).toEqual([null]);
  });

  it("leaves no lock to a later store of the same process", async () => {
    const { engine, config } = await giveUp();
    await engine.close();
    const next = host(HEALTHY, { directory: config.disk.directory });
    await expect(next.host.ready).resolves.toBeUndefined();
  });

  it("is no longer named to others when it has been closed, nor is who never had the lock", async () => {
    const closed = host(HEALTHY);
    await closed.host.ready;
    const refused = host(HEALTHY, { directory: closed.config.disk.directory, share: false });
    await expect(refused.host.ready).rejects.toMatchObject({ code: "STORE_LOCKED" });
    await Promise.all([closed.engine.close(), refused.engine.close()]);
    const dead = await giveUp();
    await dead.engine.close();

    await host(HEALTHY).host.ready;
    const { config } = threads.given.at(-1) as { config: EngineConfig };
    expect(config.abandoned).toContain(dead.config.owner);
    expect(config.abandoned).not.toContain(closed.config.owner);
    expect(config.abandoned).not.toContain(refused.config.owner);
  });

  it("but lives long in between, is always replaced", async () => {
    const { engine } = host(fixture("exit"));
    for (let death = 1; death <= MAX_SPAWNS + 2; death++) {
      await engine.write(sessions([`poison death${death} 1`, "p"]));
      passTime(REST_MS);
    }
    expect(threads.spawned).toHaveLength(MAX_SPAWNS + 3);
    expect(await engine.length()).toBe(MAX_SPAWNS + 2);
  });
});
