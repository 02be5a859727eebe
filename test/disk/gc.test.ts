/**
 * Owns how expired sessions go: by themselves, in batches with one fsync, never a live one, and
 * without holding up calls.
 */
import { setImmediate as turn } from "node:timers/promises";
import LiteNoSQLStore from "express-session-isolate";
import { describe, expect, it, onTestFinished } from "vitest";
import type { DiskStats, Engine, Write } from "../../src/protocol/contract.js";
import { diskStats } from "../support/engine-world.js";
import { type BareEngine, type BareOptions, FAR_MS, openBare } from "../support/bare-engine.js";
import { ManualClock } from "../support/manual-clock.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { on } from "../support/watched-files.js";

const INTERVAL_MS = 60_000;
/** When what is to expire does: before the first collection. */
const LIFETIME_MS = 30_000;

interface Subject extends BareEngine {
  readonly clock: ManualClock;
}

async function open(options: BareOptions = {}): Promise<Subject> {
  const clock = new ManualClock();
  // Its time goes by in leaps, in which no disk answers.
  const leaps = { gcInterval: INTERVAL_MS, maxPendingMs: FAR_MS };
  return { clock, ...(await openBare({ ...leaps, clock, ...options })) };
}

/** Sessions `<name> 0`, `<name> 1`, …, as writes. */
function sessions(name: string, count: number, expiresAt: number): Write[] {
  return Array.from({ length: count }, (_, index) => [`${name} ${index}`, "{}", expiresAt]);
}

/** Stores sessions that have expired when the next collection comes, and some that have not. */
async function store({ engine, clock }: Subject, expired: number, live: number): Promise<void> {
  await engine.write(sessions("expired", expired, clock.now() + LIFETIME_MS));
  await engine.write(sessions("live", live, clock.now() + FAR_MS));
}

/** The collection that has ended since `clock` said so much. */
function collected(engine: Engine, since: number): Promise<NonNullable<DiskStats["gc"]>> {
  return until(async () => {
    const { gc } = await diskStats(engine);
    return gc !== null && gc.at >= since && gc;
  });
}

/** How many sessions the files hold, expired or not: an engine whose clock is far behind tells. */
async function inFiles({ engine, directory }: BareEngine): Promise<number> {
  await engine.close();
  const { engine: next } = await open({ directory });
  return next.length();
}

describe("a collection of expired sessions", () => {
  it("comes by itself, and its deletions share few fsyncs", async () => {
    const subject = await open();
    const { engine, clock, disk } = subject;
    await store(subject, 3000, 100);
    expect(await engine.length()).toBe(3100);
    let fsyncs = 0;
    disk.onOperation = ({ kind, path }) => {
      if (kind === "sync" && path.endsWith("wal.log")) fsyncs++;
    };
    clock.tick(INTERVAL_MS);
    const { walBytes } = await diskStats(engine);
    const { removed } = await collected(engine, clock.now());
    expect(removed).toBe(3000);
    expect(fsyncs).toBeGreaterThan(0);
    expect(fsyncs).toBeLessThan(30);
    expect((await diskStats(engine)).walBytes).toBeGreaterThan(walBytes);
    expect(await inFiles(subject)).toBe(100);
  });

  it("comes again at each interval, and finds what has expired since", async () => {
    const subject = await open();
    const { engine, clock } = subject;
    for (let round = 0; round < 3; round++) {
      await engine.write(sessions(`round ${round}`, 10, clock.now() + LIFETIME_MS));
      clock.tick(INTERVAL_MS);
      expect((await collected(engine, clock.now())).removed).toBe(10);
    }
    clock.tick(INTERVAL_MS);
    expect((await collected(engine, clock.now())).removed).toBe(0);
  });

  it("comes on opening too", async () => {
    const subject = await open();
    await store(subject, 5, 5);
    await subject.engine.close();
    const clock = new ManualClock();
    clock.tick(INTERVAL_MS);
    const next = await open({ directory: subject.directory, clock });
    expect((await collected(next.engine, 0)).removed).toBe(5);
    expect(await inFiles(next)).toBe(5);
  });

  it("spares what is written while it looks", async () => {
    const subject = await open();
    const { engine, clock, disk } = subject;
    await store(subject, 1000, 1);
    // The first batch is on its way; the second will be looked for when it has arrived.
    const fsync = disk.hold(on("sync", "wal.log"));
    clock.tick(INTERVAL_MS);
    await until(() => fsync.waiting === 1);
    const written = Array.from({ length: 50 }, (_, index) => `expired ${900 + index}`);
    const renewed = engine.write(written.map((sid) => [sid, "{}", clock.now() + FAR_MS]));
    fsync.release();
    await renewed;
    expect((await collected(engine, clock.now())).removed).toBe(950);
    expect(await engine.length()).toBe(51);
    expect(await inFiles(subject)).toBe(51);
  });

  it("spares what is written while its deletions are on their way to the disk", async () => {
    const subject = await open();
    const { engine, clock, disk } = subject;
    await store(subject, 100, 1);
    const fsync = disk.hold(on("sync", "wal.log"));
    clock.tick(INTERVAL_MS);
    await until(() => fsync.waiting === 1);
    expect(await engine.touch([["expired 0", null, clock.now() + FAR_MS]])).toEqual([false]);
    const renewed = engine.write(sessions("expired", 50, clock.now() + FAR_MS));
    expect(await engine.get(["expired 0", "expired 99"])).toEqual(["{}", null]);
    fsync.release();
    expect(await renewed).toEqual(Array(50).fill(0));
    expect(await engine.length()).toBe(51);
    expect(await inFiles(subject)).toBe(51);
  });

  it("spares what a touch renewed just before", async () => {
    const subject = await open();
    const { engine, clock } = subject;
    await store(subject, 10, 0);
    clock.tick(LIFETIME_MS - 1);
    expect(await engine.touch([["expired 3", null, clock.now() + FAR_MS]])).toEqual([true]);
    clock.tick(INTERVAL_MS);
    expect((await collected(engine, clock.now() - LIFETIME_MS)).removed).toBe(9);
    expect(await engine.get(["expired 3"])).toEqual(["{}"]);
    expect(await inFiles(subject)).toBe(1);
  });

  it("lets calls in between", async () => {
    const subject = await open();
    const { engine, clock } = subject;
    await store(subject, 20_000, 20_000);
    clock.tick(INTERVAL_MS);
    let turns = 0;
    let isOver = false as boolean;
    const ended = collected(engine, clock.now()).finally(() => (isOver = true));
    while (!isOver) {
      expect(await engine.get(["live 1"])).toEqual(["{}"]);
      turns++;
      await turn();
    }
    expect((await ended).removed).toBe(20_000);
    expect(turns).toBeGreaterThan(8);
  });

  it("goes on with calls while its deletions are on their way", async () => {
    const subject = await open();
    const { engine, clock, disk } = subject;
    await store(subject, 10, 1);
    const fsync = disk.hold(on("sync", "wal.log"));
    clock.tick(INTERVAL_MS);
    await until(() => fsync.waiting === 1);
    expect(await engine.get(["live 0", "expired 0"])).toEqual(["{}", null]);
    expect(await engine.touch([["live 0", null, clock.now() + FAR_MS]])).toEqual([true]);
    expect(await engine.length()).toBe(1);
    fsync.release();
  });

  it("is interrupted by close", async () => {
    const subject = await open();
    const { engine, clock, disk } = subject;
    await store(subject, 5000, 1);
    const fsync = disk.hold(on("sync", "wal.log"));
    clock.tick(INTERVAL_MS);
    await until(() => fsync.waiting === 1);
    const closed = engine.close();
    fsync.release();
    await closed;
    const left = await inFiles(subject);
    // Some batch was on its way, and most were not.
    expect(left).toBeLessThan(5001);
    expect(left).toBeGreaterThan(2500);
  });

  it("that fails is reported, brings nothing back, and is made up for by the next", async () => {
    const subject = await open();
    const { engine, clock, disk, reports } = subject;
    await store(subject, 10, 1);
    const mend = disk.fail(on("write", "wal.log"), "ENOSPC");
    clock.tick(INTERVAL_MS);
    expect((await collected(engine, clock.now())).removed).toBe(0);
    expect(reports).toMatchObject([{ code: "STORE_IO" }]);
    expect(await engine.get(["expired 1"])).toEqual([null]);
    mend();
    clock.tick(INTERVAL_MS);
    expect((await collected(engine, clock.now())).removed).toBe(10);
    expect(await inFiles(subject)).toBe(1);
  });
});

describe("compactAfterGc", () => {
  it.each([true, false])("%s", async (compactAfterGc) => {
    const subject = await open({ compactAfterGc });
    const { engine, clock } = subject;
    await store(subject, 10, 1);
    clock.tick(LIFETIME_MS / 2);
    clock.tick(INTERVAL_MS);
    await collected(engine, 0);
    if (compactAfterGc) {
      await until(async () => (await diskStats(engine)).compaction !== null);
      expect(await engine.stats()).toMatchObject({ sessions: 1, disk: { walBytes: 0 } });
    }
    for (let turns = 0; turns < 50; turns++) await turn();
    expect((await diskStats(engine)).compaction !== null).toBe(compactAfterGc);
    expect(await inFiles(subject)).toBe(1);
  });

  it("compacts nothing where nothing had expired", async () => {
    const subject = await open({ compactAfterGc: true });
    const { engine, clock } = subject;
    await store(subject, 0, 10);
    clock.tick(INTERVAL_MS);
    await collected(engine, clock.now());
    for (let turns = 0; turns < 50; turns++) await turn();
    expect(await diskStats(engine)).toMatchObject({ compaction: null });
  });
});

it.each([{ isolate: true }, { isolate: false }])("a store with %o collects", async (options) => {
  const store = new LiteNoSQLStore({ ...options, directory: tempDirectory(), gcInterval: 200 });
  onTestFinished(() => store.close());
  await store.set("a", { cookie: { originalMaxAge: 1, maxAge: 1 } });
  await store.set("b", { cookie: { originalMaxAge: FAR_MS, maxAge: FAR_MS } });
  await until(async () => (await store.stats()).gc?.removed === 1);
  expect(await store.ids()).toEqual(["b"]);
});
