/**
 * Owns who gets the lock and who does not, and how long that takes to tell: over real files, with
 * processes and a clock that a test commands. `lock-held.test.ts` has what its holder notices.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { StoreError } from "../../../src/protocol/errors.js";
import { type Files } from "../../../src/worker/ports/files.js";
import { nodeFiles } from "../../../src/worker/ports/node-files.js";
import type { ProcessTable } from "../../../src/worker/ports/process-table.js";
import { type LockText, Scene } from "../../support/lock-scene.js";
import { type Random, SEED, seededRandom } from "../../support/random.js";

const ABANDONED = { pid: 1000, owner: "a store whose worker died" };
const ALL_ALIVE = { isAlive: () => Promise.resolve(true) };

/** The real file system, on which each operation takes a while, sometimes longer than another. */
function unsteady(random: Random): Files {
  const wait = async (): Promise<void> => {
    for (let turns = random.integer(3); turns > 0; turns--) await turn();
  };
  return {
    ...nodeFiles,
    open: (path, mode) => wait().then(() => nodeFiles.open(path, mode)),
    link: (existing, path) => wait().then(() => nodeFiles.link(existing, path)),
    rename: (from, to) => wait().then(() => nodeFiles.rename(from, to)),
    remove: (path) => wait().then(() => nodeFiles.remove(path)),
  };
}

describe("a lock", () => {
  it("is made, says whose it is, and goes when it is released", async () => {
    const scene = new Scene();
    const lock = await scene.acquire();
    expect(scene.read()).toEqual({
      pid: 1000,
      ts: scene.clock.now(),
      host: "here",
      space: "a boot, a namespace",
      started: "start of 1000",
      owner: "a store",
    });
    await lock.release();
    expect(readdirSync(scene.directory)).toEqual([]);
  });

  it("names the owner to whoever does not get it", async () => {
    const scene = new Scene();
    scene.put(scene.record(0));
    const refusal = await scene.acquire(ALL_ALIVE).catch((error: unknown) => error as StoreError);
    expect(refusal).toBeInstanceOf(StoreError);
    expect(refusal).toMatchObject({ code: "STORE_LOCKED" });
    expect((refusal as StoreError).message).toContain("2000");
    expect((refusal as StoreError).message).toContain("here");
    expect(scene.read()).toEqual(scene.record(0));
    expect(readdirSync(scene.directory)).toEqual(["sessions.lock"]);
  });

  it("of one collection leaves the others of the directory alone", async () => {
    const scene = new Scene();
    writeFileSync(join(scene.directory, "carts.lock"), JSON.stringify(scene.record(0)));
    await scene.acquire(ALL_ALIVE);
    expect(readdirSync(scene.directory).sort()).toEqual(["carts.lock", "sessions.lock"]);
  });

  it("goes to one of many that want it at once", async () => {
    const scene = new Scene();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, number) => scene.acquire({}, `store ${number}`)),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected")
        expect(outcome.reason).toMatchObject({ code: "STORE_LOCKED" });
    }
    expect(readdirSync(scene.directory)).toEqual(["sessions.lock"]);
  });

  it(`that is stale goes to one of many that want it at once (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 100; round++) {
      const scene = new Scene();
      scene.put(scene.record(0));
      const processes: Partial<ProcessTable> = { isAlive: (pid) => Promise.resolve(pid === 1000) };
      const contest = Promise.allSettled(
        Array.from({ length: 8 }, (_, number) =>
          scene.acquire(processes, `store ${number}`, unsteady(random)),
        ),
      );
      const outcomes = await scene.clock.advanceUntil(contest, 30_000);
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(readdirSync(scene.directory)).toEqual(["sessions.lock"]);
    }
  });
});

/** Somebody who can be seen only by the heartbeat. */
const ELSEWHERE: [string, Partial<LockText>][] = [
  ["on another host", { host: "there", space: "another boot" }],
  ["on another host, which is called the same", { space: "another boot" }],
  ["in another pid namespace", { space: "a boot, another namespace" }],
  ["on another host, by lite-nosql", { host: "there", space: null, started: null, owner: null }],
];

describe("an owner", () => {
  it.each<[string, number, Partial<LockText>]>([
    ["that lives", 0, {}],
    ["that lives and has been silent, its disk being slow", 60_000, {}],
    ["that lives, its start unknown, not silent for long", 9_000, { started: null }],
    ["that lives, its start unknown", 0, { started: null }],
    ["by lite-nosql, fresh", 5_000, { space: null, started: null, owner: null }],
    ["of this very process", 0, { pid: 1000, started: "start of 1000" }],
  ])("%s keeps the lock, which is told at once", async (_, ageMs, overrides) => {
    const scene = new Scene();
    scene.put(scene.record(ageMs, overrides));
    await expect(scene.acquire(ALL_ALIVE)).rejects.toMatchObject({ code: "STORE_LOCKED" });
  });

  it.each<[string, number, Partial<LockText>, Partial<ProcessTable>]>([
    ["that died", 0, {}, {}],
    ["whose pid is another process's now", 0, { started: "long ago" }, ALL_ALIVE],
    ["by lite-nosql that died", 0, { space: null, started: null, owner: null }, {}],
    ["by lite-nosql, silent", 10_001, { space: null, started: null, owner: null }, ALL_ALIVE],
    ["that is the same store, whose worker died", 0, { owner: "a store" }, ALL_ALIVE],
    ["of this process that fell silent", 10_001, { pid: 1000, started: null }, ALL_ALIVE],
    ["that is another store of this process, whose worker died", 0, ABANDONED, ALL_ALIVE],
    ["in another container, long silent", 10_001, { space: "another namespace" }, ALL_ALIVE],
    ["before the machine was booted again, long silent", 10_001, { space: "old boot" }, ALL_ALIVE],
  ])("%s is replaced at once", async (_, ageMs, overrides, processes) => {
    const scene = new Scene();
    scene.put(scene.record(ageMs, overrides));
    const from = scene.clock.now();
    await scene.acquire(processes);
    expect(scene.clock.now()).toBe(from);
    expect(scene.read()).toMatchObject({ pid: 1000, owner: "a store" });
    expect(readdirSync(scene.directory)).toEqual(["sessions.lock"]);
  });

  it.each(ELSEWHERE)("%s is watched, and keeps the lock when it shows life", async (_, other) => {
    const scene = new Scene();
    scene.put(scene.record(1_000, other));
    const acquiring = scene.acquire({});
    acquiring.catch(() => undefined);
    await scene.clock.advance(1_500);
    scene.put(scene.record(0, other));
    await expect(scene.clock.advanceUntil(acquiring, 1_000)).rejects.toMatchObject({
      code: "STORE_LOCKED",
    });
    expect(scene.read()).toMatchObject({ pid: 2000 });
  });

  it.each(ELSEWHERE)("%s that shows none is replaced within 10 s", async (_, other) => {
    const scene = new Scene();
    scene.put(scene.record(1_000, other));
    const { ms } = await scene.acquireInTime(11_000);
    expect(ms).toBeGreaterThan(5_000);
    expect(ms).toBeLessThanOrEqual(10_500);
    expect(scene.read()).toMatchObject({ pid: 1000 });
  });

  it("on another host is watched however long it seems silent: its clock is not ours", async () => {
    const scene = new Scene();
    const other = { host: "there", space: "another boot" };
    scene.put(scene.record(3_600_000, other));
    const acquiring = scene.acquire({});
    acquiring.catch(() => undefined);
    await scene.clock.advance(2_000);
    scene.put(scene.record(3_598_000, other));
    await expect(scene.clock.advanceUntil(acquiring, 1_000)).rejects.toMatchObject({
      code: "STORE_LOCKED",
    });
  });

  it("whose pid may be another process's by now is watched, where starts are unknown", async () => {
    const processes = { ...ALL_ALIVE, startOf: () => Promise.resolve(null) };
    const scene = new Scene();
    const other = { space: null, started: null };
    scene.put(scene.record(60_000, other));
    const { ms } = await scene.acquireInTime(11_000, processes);
    expect(ms).toBeGreaterThan(5_000);

    const alive = new Scene();
    alive.put(alive.record(60_000, other));
    const acquiring = alive.acquire(processes);
    acquiring.catch(() => undefined);
    await alive.clock.advance(2_000);
    alive.put(alive.record(0, other));
    await expect(alive.clock.advanceUntil(acquiring, 1_000)).rejects.toMatchObject({
      code: "STORE_LOCKED",
    });
  });

  it("with a clock ahead of ours is watched all the same", async () => {
    const scene = new Scene();
    scene.put(scene.record(-3_600_000, { host: "there", space: "another boot" }));
    const { ms } = await scene.acquireInTime(11_000);
    expect(ms).toBeLessThanOrEqual(10_500);
  });
});

describe("a lock file that cannot be read", () => {
  it.each(["", "{", '{"pid":"x","ts":1}', '{"pid":1}', "\0".repeat(47)])(
    "%j is replaced after a second look",
    async (text) => {
      const scene = new Scene();
      scene.put(text);
      const { ms } = await scene.acquireInTime(1_000);
      expect(ms).toBeGreaterThan(0);
      expect(scene.read()).toMatchObject({ pid: 1000 });
    },
  );

  it("since it is only being written is not taken away", async () => {
    const scene = new Scene();
    scene.put("");
    const acquiring = scene.acquire({});
    acquiring.catch(() => undefined);
    await scene.clock.advance(100);
    scene.put(scene.record(0, { pid: 1000, started: "start of 1000" }));
    await expect(scene.clock.advanceUntil(acquiring, 1_000)).rejects.toMatchObject({
      code: "STORE_LOCKED",
    });
  });
});
