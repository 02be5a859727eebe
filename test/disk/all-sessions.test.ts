/**
 * Owns the calls that concern all sessions, where there are many: other calls are answered meanwhile,
 * and what they see is right.
 */
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Engine, Write } from "../../src/protocol/contract.js";
import { type BareEngine, FAR_MS, openBare } from "../support/bare-engine.js";
import { until } from "../support/until.js";
import { on } from "../support/watched-files.js";

const COUNT = 20_000;
const LATER = Date.UTC(2030, 0, 1) + FAR_MS;

function put(sid: string, text = "{}"): Write {
  return [sid, text, LATER];
}

async function filled(options = {}): Promise<BareEngine> {
  const subject = await openBare(options);
  await subject.engine.write(Array.from({ length: COUNT }, (_, n) => put(`sid ${n}`)));
  return subject;
}

/** How many turns of the event loop a call takes in which gets are answered. */
async function turnsDuring(engine: Engine, call: Promise<unknown>): Promise<number> {
  let turns = 0;
  const counting = new AbortController();
  void call.finally(() => {
    counting.abort();
  });
  while (!counting.signal.aborted) {
    await engine.get(["sid 1"]);
    turns++;
    await turn();
  }
  return turns;
}

async function reopened({ engine, directory }: BareEngine): Promise<string[]> {
  await engine.close();
  const next = await openBare({ directory });
  return (await next.engine.ids()).sort();
}

describe("ids", () => {
  it("lets calls in between", async () => {
    const { engine } = await filled();
    const listing = engine.ids();
    expect(await turnsDuring(engine, listing)).toBeGreaterThanOrEqual(4);
    expect(await listing).toHaveLength(COUNT);
  });

  it("has what was stored before it, and each id once, whatever is written meanwhile", async () => {
    const { engine, disk } = await filled();
    const fsync = disk.hold(on("sync", "wal.log"));
    const before = engine.write([put("before"), put("sid 5"), ["sid 6"]]);
    await until(() => fsync.waiting === 1);
    const listing = engine.ids();
    fsync.release();
    await before;
    await engine.write([["sid 0"], ["sid 7"], ["sid 15000"]]);
    await engine.write([put("sid 0"), put("sid 15000"), put("before")]);
    const ids = await listing;
    expect(new Set(ids).size).toBe(ids.length);
    const listed = new Set(ids);
    for (let n = 0; n < COUNT; n++) {
      if (![0, 6, 7, 15_000].includes(n)) expect(listed.has(`sid ${n}`), `sid ${n}`).toBe(true);
    }
    expect(listed.has("before")).toBe(true);
    expect(listed.has("sid 6")).toBe(false);
  });
});

it("a listing is finished before the engine closes", async () => {
  const { engine } = await filled();
  const order: string[] = [];
  const listing = engine.ids().then((ids) => order.push(`${ids.length} ids`));
  await Promise.all([listing, engine.close().then(() => order.push("closed"))]);
  expect(order).toEqual([`${COUNT} ids`, "closed"]);
});

describe("clear", () => {
  it.each([{}, { encryptionKey: "a key of the test's own" }])(
    "lets calls in between, %o",
    async (options) => {
      const subject = await filled(options);
      const clearing = subject.engine.clear();
      expect(await turnsDuring(subject.engine, clearing)).toBeGreaterThanOrEqual(10);
      expect(await clearing).toBe(COUNT);
      expect(await subject.engine.length()).toBe(0);
    },
  );

  it("hides all at once, and spares what is stored after it", async () => {
    const subject = await filled();
    const { engine, disk } = subject;
    const fsync = disk.hold(on("sync", "wal.log"));
    const before = engine.write([put("before"), put("sid 2", "[1]")]);
    await until(() => fsync.waiting === 1);
    const clearing = engine.clear();
    expect(await engine.get(["before", "sid 1", "sid 2"])).toEqual([null, null, null]);
    expect(await engine.touch([["sid 1", null, LATER]])).toEqual([false]);
    expect([await engine.length(), await engine.ids()]).toEqual([0, []]);
    const after = engine.write([put("sid 2", "[2]"), put("before", "[3]"), ["sid 3"]]);
    expect(await engine.get(["sid 2", "before"])).toEqual(["[2]", "[3]"]);
    expect(await engine.length()).toBe(2);
    fsync.release();
    expect(await Promise.all([before, clearing, after])).toEqual([[0, 1], COUNT + 1, [0, 0, 0]]);
    expect((await engine.ids()).sort()).toEqual(["before", "sid 2"]);
    expect(await reopened(subject)).toEqual(["before", "sid 2"]);
  });

  it("that fails midway leaves the rest, and what came after it takes effect", async () => {
    const subject = await filled();
    const { engine, disk } = subject;
    let appends = 0;
    let mend = (): void => undefined;
    disk.onOperation = ({ kind, path }) => {
      if (kind !== "write" || !path.endsWith("wal.log")) return;
      if (++appends === 3) mend = disk.fail(on("write", "wal.log"), "ENOSPC");
      else mend();
    };
    const clearing = engine.clear();
    const after = engine.write([["sid 19999"], put("sid 0", "[1]")]);
    await expect(clearing).rejects.toMatchObject({ code: "STORE_IO" });
    expect(await after).toEqual([0, 0]);
    const left = await engine.length();
    expect(left).toBeGreaterThan(10_000);
    expect(left).toBeLessThan(COUNT - 1);
    expect(await engine.get(["sid 0", "sid 1", "sid 19998", "sid 19999"])).toEqual([
      "[1]",
      null,
      "{}",
      null,
    ]);
    expect(await reopened(subject)).toHaveLength(left);
  });

  it("may be called again before it has ended", async () => {
    const subject = await filled();
    const { engine } = subject;
    const first = engine.clear();
    const between = engine.write([put("between")]);
    const second = engine.clear();
    const after = engine.write([put("after")]);
    expect(await engine.ids()).toEqual(["after"]);
    expect(await Promise.all([first, between, second, after])).toEqual([COUNT, [0], 1, [0]]);
    expect(await reopened(subject)).toEqual(["after"]);
  });
});
