/**
 * Owns that no death of the worker becomes a loop: when one is replaced, when it is given up, and
 * how it is tried again after a rest.
 */
import { rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { until } from "../support/until.js";
import {
  beginAnew,
  fixture,
  HEALTHY,
  host,
  MAX_SPAWNS,
  passTime,
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

beforeEach(beginAnew);

afterEach(() => {
  vi.restoreAllMocks();
});

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
