/**
 * Owns that a write of a guest is executed once, whatever lies between the two times it is sent: a
 * death of the owner, a compaction, a failure, another's write.
 */
import { closeSync, fstatSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Write, WriteOutcome } from "../../src/protocol/contract.js";
import { openOwned, type Sharing } from "../../src/worker/disk/engine.js";
import { Executed } from "../../src/worker/disk/executed.js";
import { nodeFiles } from "../../src/worker/ports/node-files.js";
import { randomNonce } from "../../src/worker/ports/nonce.js";
import type { Files } from "../../src/worker/ports/files.js";
import { ALONE } from "../support/alone.js";
import { engineConfig, processTable } from "../support/engine-world.js";
import { listenerTo } from "../support/listener.js";
import { ManualClock } from "../support/manual-clock.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { on, WatchedFiles } from "../support/watched-files.js";

const FAR = Date.UTC(2100, 0, 1);
const GUEST = "0123456789abcdef";
const COMMIT = on("sync", ".wal.log");

async function open(
  directory: string,
  files: Files = nodeFiles,
  key?: string,
  sharing: Partial<Sharing> = {},
  clock = new ManualClock(),
) {
  const environment = {
    files,
    clock,
    processes: processTable(),
    nonce: randomNonce,
  };
  const config = engineConfig(directory, { encryptionKeys: key === undefined ? [] : [key] });
  const owned = (await openOwned(
    config,
    listenerTo(() => undefined),
    environment,
    { ...ALONE, ...sharing },
  ))!;
  onTestFinished(() => owned.engine.close().catch(() => undefined));
  return owned.engine;
}

type Engine = Awaited<ReturnType<typeof open>>;

/** Sends the write with this number. */
function send(engine: Engine, number: number, ...write: [string, number?, "update"?]) {
  const [sid, n, mode] = write;
  const by = { guest: GUEST, first: number, floor: 1 };
  const stored = [sid, JSON.stringify({ n }), FAR, mode ?? "put"] as const;
  return engine.write([n === undefined ? [sid] : stored], by);
}

async function put(engine: Engine, sid: string, n: number): Promise<void> {
  await engine.write([[sid, JSON.stringify({ n }), FAR]]);
}

async function held(engine: Engine, sid: string): Promise<unknown> {
  const [found] = await engine.get([sid]);
  return found === null ? null : (JSON.parse(found as string) as { n: number }).n;
}

const BETWEEN: Readonly<Record<string, (engine: Engine, directory: string) => Promise<Engine>>> = {
  nothing: (engine) => Promise.resolve(engine),
  "a compaction": async (engine) => {
    await engine.compact();
    return engine;
  },
  "a new owner": async (engine, directory) => {
    await engine.close();
    return open(directory);
  },
  "a compaction and a new owner": async (engine, directory) => {
    await engine.compact();
    await engine.close();
    return open(directory);
  },
  "two compactions, and two new owners": async (engine, directory) => {
    await engine.compact();
    await engine.close();
    const next = await open(directory);
    await next.compact();
    await next.close();
    return open(directory);
  },
};

describe("an owner that takes over", () => {
  async function takeOver(leftovers: number) {
    const directory = tempDirectory();
    const first = await open(directory);
    await put(first, "a", 1);
    await first.close();
    const journal = join(directory, "sessions.wal.log");
    const late = openSync(journal, "r+");
    onTestFinished(() => closeSync(late));
    const clock = new ManualClock();
    const hasLeftover = () => Promise.resolve(leftovers-- > 0);
    const opening = open(directory, nodeFiles, undefined, { hasLeftover }, clock);
    const engine = await clock.advanceUntil(opening);
    await put(engine, "b", 1);
    return { directory, engine, late, isSame: fstatSync(late).ino === statSync(journal).ino };
  }

  it("from one that may live puts the journal under another inode: late writes reach nobody", async () => {
    const { directory, engine, late, isSame } = await takeOver(1);
    expect(isSame).toBe(false);
    writeSync(late, Buffer.alloc(400, "x"), 0, 400, 0);
    await engine.close();
    const again = await open(directory);
    expect([await held(again, "a"), await held(again, "b")]).toEqual([1, 1]);
  });

  it("from one that is gone copies nothing", async () => {
    expect((await takeOver(0)).isSame).toBe(true);
  });
});

describe.each(Object.entries(BETWEEN))("with %s in between,", (_, between) => {
  it.each<[string, number | undefined, WriteOutcome]>([
    ["set", 1, 1],
    ["destroy", undefined, 1],
  ])("a %s is executed once, and answered the same", async (_, n, outcome) => {
    const directory = tempDirectory();
    const first = await open(directory);
    await put(first, "a", 0);
    expect(await send(first, 7, "a", n)).toEqual([outcome]);
    await put(first, "a", 2);
    const engine = await between(first, directory);
    expect(await send(engine, 7, "a", n)).toEqual([outcome]);
    expect(await held(engine, "a")).toBe(2);
    expect(await send(engine, 8, "a", n)).toEqual([1]);
    expect(await held(engine, "a")).toBe(n ?? null);
  });

  it("what changed nothing then changes nothing later, once somebody has written", async () => {
    const directory = tempDirectory();
    const first = await open(directory);
    await put(first, "same", 1);
    expect(await send(first, 1, "gone", 1, "update")).toEqual([0]);
    expect(await send(first, 2, "none")).toEqual([0]);
    expect(await send(first, 3, "same", 1)).toEqual([1]);
    for (const sid of ["gone", "none", "same"]) await put(first, sid, 2);
    const engine = await between(first, directory);
    expect(await send(engine, 1, "gone", 1, "update")).toEqual([0]);
    expect(await send(engine, 2, "none")).toEqual([0]);
    expect(await send(engine, 3, "same", 1)).toEqual([1]);
    for (const sid of ["gone", "none", "same"]) expect(await held(engine, sid)).toBe(2);
  });
});

it("a write that was overtaken in its own commit is not executed later", async () => {
  const directory = tempDirectory();
  const first = await open(directory);
  await Promise.all([send(first, 1, "a", 1), put(first, "a", 2)]);
  await first.close();
  const engine = await open(directory);
  expect(await send(engine, 1, "a", 1)).toEqual([0]);
  expect(await held(engine, "a")).toBe(2);
});

it("a set that repeats what has failed has not been executed", async () => {
  const directory = tempDirectory();
  const watched = new WatchedFiles();
  const first = await open(directory, watched.files);
  const appends = on("write", ".wal.log");
  const hold = watched.hold(appends);
  const recover = watched.fail(appends, "EIO");
  const failed = first.write([["a", '{"n":0}', FAR]]);
  await until(() => hold.waiting > 0);
  // Both fail with that one, though there is nothing to be written for them, and so nothing that fails.
  const json = '{"cookie":{},"n":1}';
  const update = first.write([["a", json, FAR, "update"]]);
  const repeat = (engine: Engine) =>
    engine.write([["a", json, FAR]], { guest: GUEST, first: 1, floor: 1 });
  const repeated = repeat(first);
  hold.release();
  const error = { code: "STORE_IO" };
  expect(await Promise.all([failed, update, repeated])).toMatchObject([[error], [error], [error]]);
  recover();
  await put(first, "b", 1);
  await first.close();
  const engine = await open(directory);
  expect(await repeat(engine)).toEqual([0]);
  expect(await held(engine, "a")).toBe(1);
});

it("one that is sent again while it is under way is executed once", async () => {
  const engine = await open(tempDirectory());
  const both = Promise.all([send(engine, 1, "a", 1), send(engine, 1, "a", 1)]);
  expect(await both).toEqual([[0], [0]]);
  expect((await engine.stats()).disk?.commits.records).toBe(1);
});

it("a call of which some have been executed executes the others", async () => {
  const engine = await open(tempDirectory());
  await send(engine, 1, "a", 1);
  await put(engine, "a", 2);
  const again = await engine.write(
    [
      ["a", '{"n":1}', FAR],
      ["b", '{"n":1}', FAR],
    ],
    { guest: GUEST, first: 1, floor: 1 },
  );
  expect(again).toEqual([0, 0]);
  expect([await held(engine, "a"), await held(engine, "b")]).toEqual([2, 1]);
});

it("what has been answered is forgotten, and written by no compaction", async () => {
  const directory = tempDirectory();
  const engine = await open(directory);
  for (let number = 1; number <= 3; number++) await send(engine, number, "a", number);
  await engine.write([["a", '{"n":4}', FAR]], { guest: GUEST, first: 4, floor: 4 });
  await engine.compact();
  const journal = readFileSync(join(directory, "sessions.wal.log"), "utf8");
  expect(journal).toContain(`${GUEST}.4.1`);
  expect(journal).not.toContain(`${GUEST}.3`);
});

it("encrypted, marks are as well", async () => {
  const directory = tempDirectory();
  const first = await open(directory, nodeFiles, "a key of the test's own");
  await send(first, 1, "a", 1);
  await put(first, "a", 2);
  await first.compact();
  await first.close();
  expect(readFileSync(join(directory, "sessions.wal.log"), "utf8")).not.toContain(GUEST);
  const engine = await open(directory, nodeFiles, "a key of the test's own");
  expect(await send(engine, 1, "a", 1)).toEqual([0]);
  expect(await held(engine, "a")).toBe(2);
});

it("marks of what changes nothing do not pile up where nothing is committed", async () => {
  const executed = new Executed(new ManualClock());
  const numbers = Array.from({ length: 5000 }, (_, index) => index + 1);
  for (const number of numbers) {
    const by = { guest: GUEST, first: number, floor: number };
    await executed.once(by, [["unknown"]], (_, [token]) => {
      executed.add([{ ...token!, outcome: 0 }]);
      return Promise.resolve([0]);
    });
  }
  const due = executed.take();
  expect(due.length).toBeLessThan(numbers.length / 2);
  expect(due.at(-1)).toEqual({ guest: GUEST, number: 5000, outcome: 0 });
});

/** An engine whose commits wait until the test lets them through. */
async function openHeld() {
  const watched = new WatchedFiles();
  const engine = await open(tempDirectory(), watched.files);
  return { engine, watched, commits: watched.hold(COMMIT) };
}

describe("a read of what somebody else has written", () => {
  it("waits until it is committed", async () => {
    const { engine, commits } = await openHeld();
    const events: string[] = [];
    const write = send(engine, 1, "a", 1).then(() => events.push("committed"));
    await expect(engine.get(["a"], GUEST)).resolves.toEqual(['{"n":1}']);
    const read = engine.get(["a"], "another").then(([found]) => events.push(String(found)));
    for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
    expect(events).toEqual([]);
    commits.release();
    await Promise.all([write, read]);
    expect(events.sort()).toEqual(["committed", '{"n":1}'].sort());
  });

  it("does not find it if it fails, whatever else is read with it", async () => {
    const { engine, watched, commits } = await openHeld();
    const both = ["a", "b"].map((sid): Write => [sid, '{"n":1}', FAR]);
    const writes = engine.write(both, { guest: GUEST, first: 1, floor: 1 });
    const read = engine.get(["a", "b"], "another");
    for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
    watched.fail(COMMIT, "EIO");
    commits.release();
    await writes;
    await expect(read).resolves.toEqual([null, null]);
  });
});
