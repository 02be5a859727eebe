/**
 * Owns what becomes of calls while a disk stands still: each ends within its time, reads go on, and
 * when the disk answers again the files have what the calls were told.
 */
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Engine, Write, WriteOutcome } from "../../src/protocol/contract.js";
import type { StoreError } from "../../src/protocol/errors.js";
import { FAR_MS } from "../support/bare-engine.js";
import { openWorld, servedBy, withEngine } from "../support/engine-world.js";
import { ManualClock } from "../support/manual-clock.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { type Hold, type Matcher, on, WatchedFiles } from "../support/watched-files.js";

const LIMIT_MS = 10_000;
const HEARTBEAT_MS = 2_500;
const UNCERTAIN = [{ code: "STORE_UNCERTAIN" }];
const OVERLOADED = [{ code: "STORE_OVERLOADED" }];
const EVERYTHING: Matcher = () => true;

interface Scene {
  readonly engine: Engine;
  readonly disk: WatchedFiles;
  readonly directory: string;
  readonly reports: StoreError[];
  readonly clock: ManualClock;
  readonly put: (sid: string, text?: string) => Promise<WriteOutcome[]>;
}

/** A store with a session `old`. */
async function scene(): Promise<Scene> {
  const clock = new ManualClock();
  const directory = tempDirectory();
  const disk = new WatchedFiles();
  const reports: StoreError[] = [];
  const config = { maxPendingMs: LIMIT_MS };
  const engine = await openWorld(directory, { files: disk.files, clock, reports, config });
  onTestFinished(async () => {
    disk.recover();
    await engine.close().catch(() => undefined);
  });
  const put = (sid: string, text = sid): Promise<WriteOutcome[]> => {
    const write: Write = [sid, JSON.stringify({ text }), clock.now() + FAR_MS];
    return engine.write([write]);
  };
  await put("old");
  return { engine, disk, directory, reports, clock, put };
}

/** What has become of a promise by now. */
function watch(promise: Promise<unknown>): { outcome: unknown } {
  const state: { outcome: unknown } = { outcome: "nothing yet" };
  promise.then(
    (value) => (state.outcome = value),
    (error: unknown) => (state.outcome = error),
  );
  return state;
}

async function texts(engine: Engine): Promise<Record<string, unknown>> {
  const served = await servedBy(engine);
  return Object.fromEntries(
    [...served].map(([sid, session]) => [sid, (session as { text: string }).text]),
  );
}

/** The sessions that the files have, as a crash would leave them now. */
async function stored(directory: string): Promise<Record<string, unknown>> {
  const copy = tempDirectory();
  for (const name of readdirSync(directory)) {
    if (!name.endsWith(".lock")) cpSync(join(directory, name), join(copy, name));
  }
  return withEngine(copy, {}, texts);
}

/** The disk answers again, and what has been waiting for that comes to rest. */
async function release(hold: Hold, { clock }: Scene): Promise<void> {
  hold.release();
  await clock.advance(0);
}

describe.each<[string, Matcher]>([
  ["fsync", on("sync", "wal.log")],
  ["write", on("write", "wal.log")],
])("while a %s of the journal is not answered", (_, standsStill) => {
  it("a write that the disk was given is uncertain, and those behind it have waited", async () => {
    const store = await scene();
    const { engine, clock, disk, put, reports } = store;
    const hold = disk.hold(standsStill);
    const given = watch(put("old", "given"));
    await until(() => hold.waiting === 1);
    await clock.advance(4_000);
    const behind = watch(put("old", "behind"));
    const destroyed = watch(engine.write([["old"]]));
    expect(await engine.get(["old"])).toEqual([null]);
    await clock.advance(5_999);
    expect(given.outcome).toBe("nothing yet");
    await clock.advance(1);
    expect(given.outcome).toMatchObject(UNCERTAIN);
    expect(await engine.get(["old"])).toEqual([null]);
    expect(behind.outcome).toBe("nothing yet");
    await clock.advance(4_000);
    expect(behind.outcome).toMatchObject(OVERLOADED);
    expect(destroyed.outcome).toMatchObject(OVERLOADED);
    expect(await texts(engine)).toEqual({ old: "old" });
    expect(await engine.touch([["old", null, clock.now() + FAR_MS]])).toEqual([true]);

    const later = watch(put("later"));
    await clock.advance(LIMIT_MS - 1);
    expect(later.outcome).toBe("nothing yet");
    await clock.advance(1);
    expect(later.outcome).toMatchObject(OVERLOADED);
    await clock.advance(60_000);
    expect(reports).toMatchObject([{ code: "STORE_IO" }]);
    await release(hold, store);
  });

  it("nothing that was refused is stored when it is, and all works again", async () => {
    const store = await scene();
    const { engine, clock, disk, put, directory, reports } = store;
    const hold = disk.hold(standsStill);
    const given = watch(put("old", "given"));
    const other = watch(put("other"));
    await clock.advance(LIMIT_MS);
    expect([given.outcome, other.outcome]).toMatchObject([UNCERTAIN, OVERLOADED]);
    await clock.advance(50_000);
    await release(hold, store);
    expect(await stored(directory)).toEqual({ old: "old" });
    expect(await put("after")).toEqual([0]);
    expect(await stored(directory)).toEqual({ old: "old", after: "after" });
    expect(await texts(engine)).toEqual({ old: "old", after: "after" });
    expect(reports).toHaveLength(1);
  });

  it("a write that has not waited for too long when it is succeeds", async () => {
    const store = await scene();
    const { engine, clock, disk, put, directory } = store;
    const hold = disk.hold(standsStill);
    const given = watch(put("old", "given"));
    await clock.advance(LIMIT_MS);
    expect(given.outcome).toMatchObject(UNCERTAIN);
    const patient = watch(put("patient"));
    const destroyed = watch(engine.write([["old"]]));
    await clock.advance(LIMIT_MS - 1000);
    await release(hold, store);
    expect([patient.outcome, destroyed.outcome]).toEqual([[0], [1]]);
    expect(await stored(directory)).toEqual({ patient: "patient" });
  });

  it("a slow disk that answers before the time is up is only slow", async () => {
    const store = await scene();
    const { clock, disk, put, reports } = store;
    const hold = disk.hold(standsStill);
    const given = watch(put("given"));
    const behind = watch(put("behind"));
    await clock.advance(LIMIT_MS - 1);
    await release(hold, store);
    expect([given.outcome, behind.outcome]).toEqual([[0], [0]]);
    expect(reports).toEqual([]);
  });
});

describe("while a disk answers nothing", () => {
  it("every call ends within its time, and is told once", async () => {
    const store = await scene();
    const { engine, clock, disk, put, reports } = store;
    const hold = disk.hold(EVERYTHING);
    const calls = [put("a"), engine.clear(), engine.compact(), put("b")].map((call) => watch(call));
    await clock.advance(2 * LIMIT_MS);
    expect(calls.map(({ outcome }) => outcome)).toMatchObject([
      UNCERTAIN,
      { code: "STORE_OVERLOADED" },
      { code: "STORE_IO" },
      OVERLOADED,
    ]);
    expect(await texts(engine)).toEqual({ old: "old" });
    const more = [engine.compact(), engine.clear(), put("c")].map((call) => watch(call));
    await clock.advance(LIMIT_MS);
    expect(more.map(({ outcome }) => outcome)).toMatchObject([
      { code: "STORE_IO" },
      { code: "STORE_OVERLOADED" },
      OVERLOADED,
    ]);
    await clock.advance(60_000);
    expect(reports).toMatchObject([{ code: "STORE_IO" }]);
    await release(hold, store);
    expect(await put("after")).toEqual([0]);
    await engine.compact();
    expect(await texts(engine)).toEqual({ old: "old", after: "after" });
  });

  it.each([
    ["nothing else waits", 0],
    ["a write has been waiting", 3_000],
    ["that has been known for long", 60_000],
  ])("closing ends in an error, in time, where %s", async (_, ms) => {
    const store = await scene();
    const { engine, clock, disk, put } = store;
    const hold = disk.hold(EVERYTHING);
    const write = watch(ms > 0 ? put("a") : Promise.resolve());
    await clock.advance(ms);
    const behind = watch(ms > 0 ? put("behind") : Promise.resolve());
    const closed = watch(engine.close());
    // A heartbeat may have begun after that, and has as long.
    await clock.advance(LIMIT_MS + HEARTBEAT_MS);
    expect(closed.outcome).toMatchObject({ code: "STORE_IO" });
    expect([write.outcome, behind.outcome]).not.toContain("nothing yet");
    expect(clock.pending).toBe(0);
    hold.release();
    for (let turns = 0; turns < 50; turns++) await turn();
    expect(clock.pending).toBe(0);
  });

  it("a heartbeat that hangs does not make closing hang when all else works", async () => {
    const store = await scene();
    const { engine, clock, disk } = store;
    const hold = disk.hold(on("write", "sessions.lock"));
    await clock.advance(HEARTBEAT_MS);
    await until(() => hold.waiting === 1);
    const closed = watch(engine.close());
    await clock.advance(LIMIT_MS);
    expect(closed.outcome).not.toBe("nothing yet");
    hold.release();
  });
});

describe("while a collection is opened", () => {
  it.each(["lock", "snapshot.json", "wal.log"])(
    "a disk that stands still at its %s makes that fail in time",
    async (name) => {
      const { directory, engine } = await scene();
      await engine.close();
      const clock = new ManualClock();
      const disk = new WatchedFiles();
      const world = { files: disk.files, clock, config: { maxPendingMs: LIMIT_MS } };
      const hold = disk.hold(({ path }) => path.includes(name));
      const opening = watch(openWorld(directory, world));
      await until(() => hold.waiting > 0);
      await clock.advance(LIMIT_MS - 1);
      expect(opening.outcome).toBe("nothing yet");
      await clock.advance(2);
      expect(opening.outcome).toMatchObject({ code: "STORE_IO" });
      hold.release();
      await until(() => clock.pending === 0);
      expect(await withEngine(directory, {}, texts)).toEqual({ old: "old" });
    },
  );

  it("makes further attempts fail at once, which would wait for it, too", async () => {
    const clock = new ManualClock();
    const disk = new WatchedFiles();
    const { files } = disk;
    const directory = tempDirectory();
    const world = { files, clock, config: { maxPendingMs: LIMIT_MS } };
    const hold = disk.hold(EVERYTHING);
    const first = watch(openWorld(directory, world));
    await until(() => hold.waiting === 1);
    await clock.advance(LIMIT_MS + 1);
    expect(first.outcome).toMatchObject({ code: "STORE_IO" });
    await expect(openWorld(directory, world)).rejects.toMatchObject({ code: "STORE_IO" });
    expect(hold.waiting).toBe(1);
    hold.release();
    await clock.advance(0);
    const engine = await openWorld(directory, world);
    expect(await engine.length()).toBe(0);
    await engine.close();
  });
});
