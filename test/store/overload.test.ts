/**
 * Owns what a store does while its disk stands still: what waits is bounded, what does not need the
 * disk goes on, and when the disk works again so does all of it.
 */
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { Batcher } from "../../src/main/batch.js";
import { resolveOptions } from "../../src/main/options/resolve.js";
import type { Touch, Write } from "../../src/protocol/contract.js";
import { type BareEngine, FAR_MS, openBare } from "../support/bare-engine.js";
import { until } from "../support/until.js";
import { type Hold, type Matcher, on } from "../support/watched-files.js";

const LIMIT_BYTES = 100_000;
/** Of the text of one write: with its id and overhead ten go into the limit, and eleven do not. */
const TEXT_BYTES = 9_500;
const FITTING = 10;

const OVERLOADED = { code: "STORE_OVERLOADED" };

interface Subject extends BareEngine {
  readonly batch: Batcher;
  readonly stopped: Hold;
}

/** A store whose disk stands still; `old` is stored already, and one write is on its way. */
async function overload(standsStill: Matcher = on("sync", "wal.log")): Promise<Subject> {
  const bare = await openBare();
  const batch = new Batcher(bare.engine, LIMIT_BYTES);
  await batch.write(session("old"));
  return { ...bare, batch, stopped: bare.disk.hold(standsStill) };
}

function session(sid: string, bytes = TEXT_BYTES): Write {
  return [sid, JSON.stringify("x".repeat(bytes - 2)), Date.now() + FAR_MS];
}

function touch(sid: string): Touch {
  return [sid, '{"path":"/"}', Date.now() + FAR_MS];
}

/** Fills what may wait. */
function fill(batch: Batcher): Promise<number[]> {
  return Promise.all(
    Array.from({ length: FITTING }, (_, index) => batch.write(session(`${index}`))),
  );
}

/** What has become of a promise by now: within the microtasks of this turn. */
async function now(promise: Promise<unknown>): Promise<unknown> {
  let outcome: unknown = "nothing yet";
  promise.then(
    (value) => (outcome = value),
    (error: unknown) => (outcome = error),
  );
  await new Promise((resolve) => process.nextTick(resolve));
  return outcome;
}

describe.each<[string, Matcher]>([
  ["fsync", on("sync", "wal.log")],
  ["write", on("write", "wal.log")],
])("a disk whose %s does not return", (_, standsStill) => {
  it("makes writes past the limit fail in the same turn", async () => {
    const { batch, stopped } = await overload(standsStill);
    const waiting = fill(batch);
    expect(await now(batch.write(session("one more")))).toMatchObject(OVERLOADED);
    expect(await now(batch.write(session("old")))).toMatchObject(OVERLOADED);
    await until(() => stopped.waiting === 1);
    expect(await now(batch.write(session("one more")))).toMatchObject(OVERLOADED);
    expect(await now(waiting)).toBe("nothing yet");
    stopped.release();
    expect(await waiting).toEqual(Array(FITTING).fill(0));
  });

  it("does not stop deletions, which have a limit of their own", async () => {
    const { batch, stopped } = await overload(standsStill);
    const waiting = fill(batch);
    expect(await now(batch.write(session("one more")))).toMatchObject(OVERLOADED);
    const deleted = Promise.all([batch.write(["old"]), batch.write(["0"])]);
    expect(await now(deleted)).toBe("nothing yet");
    expect(await batch.get("old")).toBeNull();
    let more = 0;
    while (
      !((await now(batch.write([`${more}`]).catch((error: unknown) => error))) instanceof Error)
    ) {
      expect(++more).toBeLessThan(LIMIT_BYTES / 100);
    }
    expect(more).toBeGreaterThan(LIMIT_BYTES / 200);
    stopped.release();
    expect(await waiting).toEqual(Array(FITTING).fill(0));
    expect(await deleted).toEqual([1, 1]);
  });

  it("does not stop reads and touches", async () => {
    const { batch, engine, stopped } = await overload(standsStill);
    const waiting = fill(batch);
    await until(() => stopped.waiting === 1);
    expect(await now(batch.write(session("one more")))).toMatchObject(OVERLOADED);

    expect(await batch.get("old")).toHaveLength(TEXT_BYTES);
    expect(await batch.get("0")).toHaveLength(TEXT_BYTES);
    expect(await batch.get("one more")).toBeNull();
    expect(await batch.touch(touch("old"))).toBe(true);
    expect(await batch.get("old")).toEqual([expect.any(String), '{"path":"/"}']);
    expect(await engine.length()).toBe(1 + FITTING);
    for (let index = 0; index < 1000; index++) void batch.touch(touch("old"));
    expect(await batch.touch(touch("old"))).toBe(true);
    stopped.release();
    await waiting;
  });

  it("is forgotten when it works again", async () => {
    const { batch, engine, stopped, directory, reports } = await overload(standsStill);
    const waiting = fill(batch);
    const refused = batch.write(session("refused"));
    await expect(refused).rejects.toMatchObject(OVERLOADED);
    await until(() => stopped.waiting === 1);
    stopped.release();
    await waiting;
    for (let round = 0; round < 3; round++) await fill(batch);
    expect(await batch.write(session("refused"))).toBe(0);
    expect(reports).toEqual([]);
    await engine.close();
    const { engine: next } = await openBare({ directory });
    expect(await next.length()).toBe(2 + FITTING);
  });
});

describe("an engine that answers nothing", () => {
  const LIMIT_CALLS = 100_000;

  it.each<[string, (batch: Batcher, sid: string) => Promise<unknown>]>([
    ["gets", (batch, sid) => batch.get(sid)],
    ["touches", (batch, sid) => batch.touch(touch(sid))],
  ])("is asked for no more than so many %s, which fail or are answered", async (_, call) => {
    const answers: (() => void)[] = [];
    const engine = { get: answerLater(null), touch: answerLater(true), write: answerLater(0) };
    function answerLater<T>(answer: T) {
      return (items: readonly unknown[]): Promise<T[]> =>
        new Promise((resolve) => answers.push(() => resolve(items.map(() => answer))));
    }
    const batch = new Batcher(engine, 1e9);
    const waiting: Promise<unknown>[] = [];
    while (waiting.length < LIMIT_CALLS) {
      waiting.push(call(batch, `sid ${waiting.length}`));
      if (waiting.length % 10_000 === 0) await turn();
    }
    expect(await now(call(batch, "one more"))).toMatchObject(OVERLOADED);
    expect(await now(batch.write(session("a")))).toBe("nothing yet");
    for (const answer of answers.splice(0)) answer();
    await Promise.all(waiting);
    const next = call(batch, "one more");
    await until(() => answers.length > 0);
    for (const answer of answers) answer();
    await next;
  });
});

describe("what counts", () => {
  it("a single write larger than the limit passes when nothing waits, and then alone", async () => {
    const { batch, stopped } = await overload();
    const large = batch.write(session("large", 3 * LIMIT_BYTES));
    expect(await now(large)).toBe("nothing yet");
    expect(await now(batch.write(session("small", 10)))).toMatchObject(OVERLOADED);
    stopped.release();
    expect(await large).toBe(0);
    expect(await batch.write(session("small", 10))).toBe(0);
  });

  it("a large one does not pass when something waits", async () => {
    const { batch, stopped } = await overload();
    const small = batch.write(session("small", 10));
    expect(await now(batch.write(session("large", 3 * LIMIT_BYTES)))).toMatchObject(OVERLOADED);
    stopped.release();
    expect(await small).toBe(0);
  });

  it("bytes, not characters, of text and id, and something for a delete", async () => {
    const { batch, stopped } = await overload();
    const wide: Write = ["wide", JSON.stringify("\u{1F36A}".repeat(LIMIT_BYTES / 5)), FAR_MS * 2];
    const waiting: Promise<unknown>[] = [batch.write(wide)];
    expect(await now(batch.write(session("x".repeat(LIMIT_BYTES / 4), 10)))).toMatchObject(
      OVERLOADED,
    );
    let deletes = 0;
    for (;;) {
      const deleted = batch.write([`missing ${deletes}`]);
      if ((await now(deleted)) instanceof Error) break;
      waiting.push(deleted);
      expect(++deletes).toBeLessThan(LIMIT_BYTES);
    }
    stopped.release();
    await Promise.all(waiting);
  });

  it("a write that fails makes room too", async () => {
    const { batch, disk, stopped } = await overload();
    const waiting = fill(batch);
    await until(() => stopped.waiting === 1);
    const mend = disk.fail(on("sync", "wal.log"), "EIO");
    onTestFinished(mend);
    stopped.release();
    await expect(waiting).rejects.toMatchObject({ code: "STORE_IO" });
    mend();
    // The engine makes new files by itself, and then takes writes again.
    await until(async () => {
      const outcome = await batch.write(session("next")).catch((error: unknown) => error);
      await turn();
      return outcome === 0;
    });
    await fill(batch);
  });

  it("the defaults are sensible", () => {
    const { maxPendingBytes, engine } = resolveOptions({ directory: "." });
    expect(engine.maxPendingMs).toBe(10_000);
    expect(maxPendingBytes).toBeGreaterThanOrEqual(16 * 1024 * 1024);
    expect(maxPendingBytes).toBeLessThanOrEqual(256 * 1024 * 1024);
  });
});
