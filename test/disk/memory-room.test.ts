/**
 * Owns what happens where the sessions have used up their memory: those that were stored once and
 * never used again make room, the oldest first, and no others; a write fails only where there is
 * nothing of the kind; and a restart changes nothing about it.
 */
import { describe, expect, it } from "vitest";
import type { Engine, Write } from "../../src/protocol/contract.js";
import { memoryOf } from "../../src/worker/disk/documents/document.js";
import { type BareEngine, type BareOptions, FAR_MS, openBare } from "../support/bare-engine.js";
import { diskStats } from "../support/engine-world.js";
import { ManualClock } from "../support/manual-clock.js";
import { SEED, seededRandom } from "../support/random.js";
import { until } from "../support/until.js";
import { on } from "../support/watched-files.js";

const LATER = Date.UTC(2030, 0, 1) + FAR_MS;
const TEXT = JSON.stringify({ text: "x".repeat(700) });
const ONE = memoryOf("bot 0000", { json: TEXT, cookie: null, expiresAt: LATER });
/** Room for so many sessions. */
const FIT = 100;

function put(sid: string, json = TEXT, expiresAt = LATER): Write {
  return [sid, json, expiresAt];
}

function bots(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, n) => `bot ${String(from + n).padStart(4, "0")}`);
}

function open(options: BareOptions = {}): Promise<BareEngine> {
  return openBare({ maxBytes: FIT * ONE, ...options });
}

/** One after the other, as requests come. */
async function store(engine: Engine, sids: readonly string[]): Promise<void> {
  for (const sid of sids) expect(await engine.write([put(sid)])).toEqual([0]);
}

async function sorted(engine: Engine): Promise<string[]> {
  return (await engine.ids()).sort();
}

const FULL = { code: "STORE_FULL" };

describe("where there is no room for a new session", () => {
  it("the oldest that was never used goes, on the disk too", async () => {
    const { engine, directory } = await open();
    await store(engine, bots(0, 250));
    expect(await sorted(engine)).toEqual(bots(150, 250));
    const { memory } = await diskStats(engine);
    expect(memory).toEqual({ bytes: FIT * ONE, maxBytes: FIT * ONE, evicted: 150 });
    await engine.close();
    expect(await sorted((await open({ directory })).engine)).toEqual(bots(150, 250));
  });

  it("those that were read, touched or stored again stay", async () => {
    const { engine } = await open();
    await store(engine, bots(0, 10));
    await engine.get(["bot 0001"]);
    await engine.touch([["bot 0003", null, LATER]]);
    await engine.write([put("bot 0005")]);
    await store(engine, bots(10, 300));
    expect((await sorted(engine)).slice(0, 4)).toEqual([
      ...["bot 0001", "bot 0003", "bot 0005"],
      "bot 0203",
    ]);
  });

  it("whoever logs in finds room, and stays", async () => {
    const { engine } = await open();
    const users: string[] = [];
    for (let n = 0; n < 20; n++) {
      await store(engine, bots(n * 50, n * 50 + 50));
      await store(engine, [`visitor ${n}`]);
      await engine.write([[`visitor ${n}`]]);
      await store(engine, [`user ${n}`]);
      expect(await engine.touch([[`user ${n}`, null, LATER]])).toEqual([true]);
      users.push(`user ${n}`);
    }
    expect(await engine.get(users)).toEqual(Array(20).fill(TEXT));
  });

  it("a batch finds as much room as calls of their own", async () => {
    const { engine } = await open();
    await store(engine, bots(0, FIT));
    // The first is used by the batch itself, so it must not be what makes room for the others.
    const batch = [
      put("bot 0000"),
      ["bot 0001"] as Write,
      ...bots(200, 250).map((sid) => put(sid)),
    ];
    expect(await engine.write(batch)).toEqual([1, 1, ...Array<number>(50).fill(0)]);
    expect(await sorted(engine)).toEqual(["bot 0000", ...bots(51, FIT), ...bots(200, 250)]);
  });

  it("what makes room is back if the commit fails, and makes room another time", async () => {
    const { engine, disk } = await open();
    await store(engine, bots(0, FIT));
    const mend = disk.fail(on("write", "wal.log"), "ENOSPC");
    expect(await engine.write([put("new")])).toMatchObject([{ code: "STORE_IO" }]);
    mend();
    expect(await sorted(engine)).toEqual(bots(0, FIT));
    await store(engine, bots(FIT, 2 * FIT));
    expect(await sorted(engine)).toEqual(bots(FIT, 2 * FIT));
  });

  it("a clear makes it at once", async () => {
    const { engine, disk } = await open();
    await store(engine, bots(0, FIT));
    await engine.get(bots(0, FIT));
    const fsync = disk.hold(on("sync", "wal.log"));
    const cleared = engine.clear();
    const written = engine.write([put("new")]);
    await until(() => fsync.waiting === 1);
    fsync.release();
    expect([await cleared, await written]).toEqual([FIT, [0]]);
  });
});

describe("where all sessions have been used", () => {
  async function full(options: BareOptions = {}): Promise<BareEngine> {
    const subject = await open(options);
    await store(subject.engine, bots(0, FIT));
    await subject.engine.get(bots(0, FIT));
    return subject;
  }

  it("a new one is refused until there is room, and nothing else changes", async () => {
    const { engine } = await full();
    expect(await engine.write([put("new"), ["bot 0000"]])).toMatchObject([FULL, 1]);
    expect(await sorted(engine)).toEqual(bots(1, FIT));
    await store(engine, ["new"]);
    await engine.get(["new"]);
    expect(await engine.write([put("another")])).toMatchObject([FULL]);
  });

  it("they may grow into a reserve, shrink and be touched", async () => {
    const { engine } = await full();
    const larger = JSON.stringify({ text: "x".repeat(700 + ONE) });
    const outcomes: unknown[] = [];
    for (const sid of bots(0, 50)) outcomes.push(...(await engine.write([put(sid, larger)])));
    const grown = outcomes.filter((outcome) => outcome === 1).length;
    expect(grown).toBeGreaterThan(5);
    expect(grown).toBeLessThan(25);
    expect(outcomes.slice(grown)).toMatchObject(Array(50 - grown).fill(FULL));
    expect(await engine.get(bots(grown - 1, grown + 1))).toEqual([larger, TEXT]);
    expect(await engine.touch([["bot 0000", "{}", LATER]])).toEqual([true]);
    expect(await engine.write([put("bot 0000", "{}")])).toEqual([1]);
  });

  it("the expired ones are deleted at once", async () => {
    const clock = new ManualClock();
    const { engine } = await full({ clock, gcInterval: 1e12 });
    await until(async () => (await diskStats(engine)).gc !== null);
    await engine.touch(bots(0, 10).map((sid) => [sid, null, clock.now() + 5000]));
    clock.tick(5000);
    expect(await engine.write([put("new")])).toMatchObject([FULL]);
    await until(async () => (await engine.write([put("new")]))[0] === 0);
    expect(await engine.length()).toBe(FIT - 9);
  });
});

describe("a restart while a flood goes on", () => {
  it.each([
    ["", false, {}],
    [", with a snapshot", true, {}],
    [", with a key", true, { encryptionKey: "a key of the test's own" }],
  ])("keeps users and lets new ones in%s", async (_, compacts, options) => {
    const { engine, directory } = await open(options);
    await store(engine, ["user 1", "user 2"]);
    await engine.touch([["user 1", "{}", LATER]]);
    await engine.write([put("user 2")]);
    await store(engine, bots(0, 200));
    if (compacts) await engine.compact();
    await engine.close();
    const { engine: next } = await open({ directory, ...options });
    await store(next, [...bots(200, 250), "user 3"]);
    await next.get(["user 3"]);
    await store(next, bots(250, 500));
    const ids = await sorted(next);
    expect(ids.slice(-3)).toEqual(["user 1", "user 2", "user 3"]);
    expect(ids.length).toBeGreaterThan(FIT - 3);
    expect(ids.slice(0, -3)).toEqual(bots(503 - ids.length, 500));
  });

  it("with a lower limit deletes little by little", async () => {
    const { engine, directory } = await open();
    await store(engine, bots(0, FIT));
    await engine.close();
    const { engine: next } = await open({ directory, maxBytes: (FIT / 2) * ONE });
    await store(next, ["new"]);
    expect(await next.length()).toBeGreaterThan(FIT - 10);
    await store(next, bots(200, 230));
    expect(await next.length()).toBe(FIT / 2);
  });
});

it("a warning comes once before anything is deleted, and again when it was over", async () => {
  const { engine, reports } = await open();
  await store(engine, bots(0, 80));
  expect(reports).toEqual([]);
  await store(engine, bots(80, FIT));
  expect(reports).toMatchObject([FULL]);
  expect(await diskStats(engine)).toMatchObject({ memory: { evicted: 0 } });
  await store(engine, bots(FIT, 200));
  expect(reports).toHaveLength(1);
  await engine.clear();
  await store(engine, bots(0, FIT));
  expect(reports).toHaveLength(2);
});

it("a text of wide characters counts twice", () => {
  const session = { cookie: null, expiresAt: LATER };
  const narrow = memoryOf("a", { ...session, json: "é".repeat(1000) });
  const wide = memoryOf("a", { ...session, json: "é".repeat(999) + "€" });
  expect(wide).toBe(narrow + 1000);
});

it(`the bytes are counted right, whatever is called (TEST_SEED=${SEED})`, async () => {
  const random = seededRandom(SEED);
  const { engine, disk } = await open();
  const calls: Promise<unknown>[] = [];
  let mend: (() => void) | null = null;
  for (let step = 0; step < 3000; step++) {
    const sids = Array.from({ length: 1 + random.integer(3) }, () => `s${random.integer(200)}`);
    const kind = random.integer(20);
    if (kind < 10) {
      const json = JSON.stringify("x".repeat(random.integer(2000)));
      calls.push(engine.write(sids.map((sid) => put(sid, json))));
    } else if (kind < 13) calls.push(engine.write(sids.map((sid) => [sid])));
    else if (kind < 16) calls.push(engine.get(sids));
    else if (kind < 19) {
      const cookie = random.pick([null, JSON.stringify("c".repeat(random.integer(200)))]);
      calls.push(engine.touch(sids.map((sid) => [sid, cookie, LATER])));
    } else if (random.integer(50) === 0) calls.push(engine.clear());
    if (random.integer(200) === 0) mend ??= disk.fail(on("write", "wal.log"), "ENOSPC");
    if (random.integer(10) > 0) continue;
    await Promise.allSettled(calls.splice(0));
    mend?.();
    mend = null;
  }
  mend?.();
  await Promise.allSettled(calls);
  const ids = await engine.ids();
  const found = await engine.get(ids);
  const bytes = ids.map((sid, index) => {
    const [json, cookie] = [found[index] ?? ""].flat();
    return memoryOf(sid, { json: json ?? "", cookie: cookie ?? null, expiresAt: LATER });
  });
  const { memory } = await diskStats(engine);
  expect(memory.bytes, `seed ${SEED}`).toBe(bytes.reduce((sum, size) => sum + size, 0));
  expect(memory.bytes, `seed ${SEED}`).toBeLessThanOrEqual(FIT * ONE * 1.25);
  expect(memory.evicted, `seed ${SEED}`).toBeGreaterThan(0);
});
