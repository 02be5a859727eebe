/** Owns how long a session may live in all: to the millisecond, whatever prolongs it. */
import { describe, expect, it, onTestFinished } from "vitest";
import type { Engine, Touch, Write } from "../../src/protocol/contract.js";
import { diskStats, openWorld } from "../support/engine-world.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryFiles } from "../support/memory-files.js";
import { readDocuments } from "../support/lite-nosql-reader.js";
import { until } from "../support/until.js";

const LIMIT = 100_000;
const FAR = 10 * LIMIT;
const JOURNAL = "/data/sessions.wal.log";

function text(n: number, cookie = "/"): string {
  return JSON.stringify({ cookie: { path: cookie }, n });
}

function world() {
  const files = new MemoryFiles();
  const clock = new ManualClock();
  const begin = clock.now();
  let engine: Engine;
  onTestFinished(() => engine.close());
  return {
    files,
    clock,
    begin,

    async open(absoluteTtlMs: number | null = LIMIT): Promise<Engine> {
      engine = await openWorld("/data", { files, clock, config: { absoluteTtlMs } });
      return engine;
    },

    /** Opens the next engine when the one before is closed. */
    async reopen(absoluteTtlMs?: number | null): Promise<Engine> {
      await engine.close();
      return this.open(absoluteTtlMs);
    },

    /** Moves the clock on to this many milliseconds after the beginning. */
    at: (ms: number): Promise<void> => clock.advance(begin + ms - clock.now()),

    /** The documents as they are on the disk. */
    documents(): Record<string, unknown>[] {
      const content = (name: string): Buffer | null => files.contents().get(name) ?? null;
      const snapshot = content("/data/sessions.snapshot.json");
      const found = readDocuments({ snapshot, journal: content(JOURNAL), salt: null });
      return [...found.values()];
    },
  };
}

type World = ReturnType<typeof world>;

/** Checks that "a" lives until just before the limit. */
async function expectEnd({ at }: World, engine: Engine, end = LIMIT): Promise<void> {
  await at(end - 1);
  expect((await engine.get(["a"]))[0]).not.toBeNull();
  expect(await engine.length()).toBe(1);
  await at(end);
  expect(await engine.get(["a"])).toEqual([null]);
  expect(await engine.length()).toBe(0);
}

describe("a session lives no longer than its limit", () => {
  /** What prolongs a session that has been stored with `text(1)`, until `expiresAt`. */
  const PROLONGED: Record<string, (engine: Engine, expiresAt: number) => Promise<unknown>> = {
    "though its cookie says so": async () => undefined,
    "though it is touched": (engine, expiresAt) => {
      const touch: Touch = ["a", '{"path":"/new"}', expiresAt];
      return engine.touch([touch]);
    },
    "though it is stored again": (engine, expiresAt) =>
      engine.write([["a", text(2), expiresAt, "update"]]),
    "though it is stored again as it is": (engine, expiresAt) =>
      engine.write([["a", text(1, "/new"), expiresAt, "update"]]),
    "though it is put again, as plain objects are": (engine, expiresAt) =>
      engine.write([["a", text(2), expiresAt]]),
  };
  const cases = Object.entries(PROLONGED);

  it.each(cases)("%s", async (_, prolong) => {
    const scene = world();
    const engine = await scene.open();
    await engine.write([["a", text(1), scene.begin + FAR]]);
    await scene.at(LIMIT / 2);
    await prolong(engine, scene.begin + FAR);
    await expectEnd(scene, engine);
  });

  it.each(cases)("after a reopening, %s", async (_, prolong) => {
    const scene = world();
    const first = await scene.open();
    await first.write([["a", text(1), scene.begin + FAR]]);
    await scene.at(LIMIT / 4);
    await prolong(first, scene.begin + FAR);
    const second = await scene.reopen();
    await second.compact();
    await scene.at(LIMIT / 2);
    const third = await scene.reopen();
    await prolong(third, scene.begin + FAR);
    await expectEnd(scene, third);
  });

  it("and shorter, if its cookie says so", async () => {
    const scene = world();
    const engine = await scene.open();
    await engine.write([["a", text(1), scene.begin + 1000]]);
    await scene.at(500);
    await engine.touch([["a", null, scene.begin + 1500]]);
    await expectEnd(scene, engine, 1500);
  });

  it("and a request that still has it brings it no further", async () => {
    const scene = world();
    const engine = await scene.open();
    await engine.write([["a", text(1), scene.begin + FAR]]);
    await scene.at(LIMIT);
    expect(await engine.touch([["a", null, scene.begin + FAR]])).toEqual([false]);
    expect(await engine.write([["a", text(2), scene.begin + FAR, "update"]])).toEqual([0]);
    expect(await engine.get(["a"])).toEqual([null]);
  });
});

describe("a new life begins", () => {
  it.each<[string, readonly Write[]]>([
    ["under a new id", []],
    ["under an id that was destroyed", [["b", text(1), 0], ["b"]]],
  ])("%s", async (_, writes) => {
    const scene = world();
    const engine = await scene.open();
    const later = scene.begin + FAR;
    for (const [sid, json] of writes)
      await engine.write([json === undefined ? [sid] : [sid, json, later]]);
    await scene.at(LIMIT / 2);
    await engine.write([["b", text(2), later]]);
    await scene.at(LIMIT / 2 + LIMIT - 1);
    expect(await engine.get(["b"])).toEqual([text(2)]);
    await scene.at(LIMIT / 2 + LIMIT);
    expect(await engine.get(["b"])).toEqual([null]);
  });

  it("once for the sessions of files that do not say when they were stored", async () => {
    const scene = world();
    const before = await scene.open(null);
    await before.write([["a", text(1), scene.begin + FAR]]);
    await scene.at(1000);
    const first = await scene.reopen();
    await until(async () => (await diskStats(first)).compaction !== null);
    expect(scene.documents()).toMatchObject([{ _id: "a", createdAt: scene.begin + 1000 }]);
    await scene.at(2000);
    await expectEnd(scene, await scene.reopen(), 1000 + LIMIT);
  });

  it("where lite-nosql says that the session was stored, and that is kept", async () => {
    const scene = world();
    const createdAt = new Date(scene.begin - 7000).toISOString();
    const doc = { _id: "a", sess: { n: 1 }, expiresAt: scene.begin + FAR, createdAt };
    const entry = { ts: scene.begin, op: "insert", id: "a", doc };
    scene.files.put(JOURNAL, Buffer.from(`${JSON.stringify(entry)}\n`));
    const first = await scene.open(null);
    await first.compact();
    expect(scene.documents()).toMatchObject([{ _id: "a", createdAt: scene.begin - 7000 }]);
    await scene.at(10);
    await expectEnd(scene, await scene.reopen(), LIMIT - 7000);
  });
});

it("a limit that is lowered holds for what was stored before", async () => {
  const scene = world();
  const first = await scene.open();
  await first.write([["a", text(1), scene.begin + FAR]]);
  await expectEnd(scene, await scene.reopen(LIMIT / 2), LIMIT / 2);
});
