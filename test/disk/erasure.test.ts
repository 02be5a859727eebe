/** Owns when deleted sessions leave the files of a server on which little happens. */
import { describe, expect, it } from "vitest";
import type { Write } from "../../src/protocol/contract.js";
import { openBare } from "../support/bare-engine.js";
import { session, settleDown } from "../support/compactable.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryFiles } from "../support/memory-files.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface World {
  readonly clock: ManualClock;
  readonly memory: MemoryFiles;
}

async function open(world: World, options = {}) {
  const { clock, memory: files } = world;
  return openBare({ clock, files, directory: "/d", ...options });
}

function newWorld(): World {
  return { clock: new ManualClock(), memory: new MemoryFiles() };
}

/** Time goes by, and what was due comes to rest. */
async function pass({ clock }: World, ms: number): Promise<void> {
  clock.tick(ms);
  await settleDown();
}

function filesHave({ memory }: World, text: string): boolean {
  return [...memory.contents().values()].some((content) => content.includes(text));
}

/** How often the snapshot has been replaced. */
function countSnapshots({ disk }: Awaited<ReturnType<typeof open>>): () => number {
  let count = 0;
  disk.onOperation = ({ kind, path }) => {
    if (kind === "rename" && path.endsWith("snapshot.json")) count++;
  };
  return () => count;
}

describe("a session that was destroyed", () => {
  it("has left the files a day later, with one compaction", async () => {
    const world = newWorld();
    const bare = await open(world);
    const { engine } = bare;
    const snapshots = countSnapshots(bare);
    await engine.write([session("a", "a secret"), session("b", "kept")]);
    await engine.write([["a"]]);
    await pass(world, DAY_MS - 60_000);
    expect(snapshots()).toBe(0);
    await engine.write([session("c", "kept, too")]);
    await pass(world, 60_000);
    expect(filesHave(world, "a secret")).toBe(false);
    expect(filesHave(world, "kept, too")).toBe(true);
    await pass(world, 3 * DAY_MS);
    expect(snapshots()).toBe(1);
  });

  it("has left them a day later though the store was closed and opened meanwhile", async () => {
    const world = newWorld();
    let { engine } = await open(world);
    await engine.write([session("a", "a secret"), session("b", "kept")]);
    await engine.compact();
    await engine.write([["a"]]);
    for (let times = 0; times < 3; times++) {
      await pass(world, 7 * HOUR_MS);
      await engine.close();
      ({ engine } = await open(world));
    }
    await pass(world, 2 * HOUR_MS);
    expect(filesHave(world, "a secret")).toBe(true);
    await pass(world, HOUR_MS);
    expect(filesHave(world, "a secret")).toBe(false);
    expect(await engine.ids()).toEqual(["b"]);
  });

  it("has left them soon after an opening that comes later", async () => {
    const world = newWorld();
    const { engine } = await open(world);
    await engine.write([session("a", "a secret"), ["a"]]);
    await engine.write([session("a", "a secret")]);
    await engine.write([["a"]]);
    await engine.close();
    world.clock.pass(5 * DAY_MS);
    await open(world);
    await pass(world, 1000);
    expect(filesHave(world, "a secret")).toBe(false);
  });

  it("leaves them a day later, too, if that was while a compaction was under way", async () => {
    const world = newWorld();
    const bare = await open(world);
    const { engine, disk } = bare;
    await engine.write([session("a", "a secret"), session("b", "kept")]);
    const step = disk.hold(({ kind, path }) => kind === "sync" && path.includes("snapshot"));
    const compaction = engine.compact();
    while (step.waiting === 0) await settleDown();
    await engine.write([["a"]]);
    step.release();
    await compaction;
    expect(filesHave(world, "a secret")).toBe(true);
    await pass(world, DAY_MS);
    expect(filesHave(world, "a secret")).toBe(false);
  });

  it("keeps no timer alive once the store is closed", async () => {
    const world = newWorld();
    const { engine } = await open(world);
    await engine.write([session("a", "a secret")]);
    await engine.write([["a"]]);
    const deleting = engine.write([session("b"), ["b"]]);
    await engine.close();
    await deleting;
    expect(world.clock.pending).toBe(0);
  });
});

describe("a session that has expired", () => {
  it("has left the files a day after the pass that found it", async () => {
    const world = newWorld();
    const { engine } = await open(world, { gcInterval: HOUR_MS });
    const short: Write = ["a", '{"text":"a secret"}', world.clock.now() + 1000];
    await engine.write([short, session("b", "kept")]);
    await pass(world, HOUR_MS);
    expect(filesHave(world, "a secret")).toBe(true);
    for (let hours = 0; hours < 24; hours++) await pass(world, HOUR_MS);
    expect(filesHave(world, "a secret")).toBe(false);
    expect(await engine.ids()).toEqual(["b"]);
  });
});

describe("a collection of which nothing has been deleted", () => {
  it("is not rewritten, however long it is open", async () => {
    const world = newWorld();
    const bare = await open(world);
    const snapshots = countSnapshots(bare);
    await bare.engine.write([session("a"), session("b")]);
    await bare.engine.write([["none"]]);
    for (let days = 0; days < 5; days++) await pass(world, DAY_MS);
    expect(snapshots()).toBe(0);
  });
});
