/**
 * Owns compaction as calls see it: when it starts by itself, that reads and writes go on and
 * survive it, and what it leaves. `compaction-failure.test.ts` has those that fail.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FAR_MS, openBare } from "../support/bare-engine.js";
import { fill, JOURNAL, reopened, session, settleDown, SNAPSHOT } from "../support/compactable.js";
import { diskStats } from "../support/engine-world.js";
import { until } from "../support/until.js";
import { type FileOperation, type Matcher, on } from "../support/watched-files.js";

const KEY = { encryptionKey: "a key of the test's own" };

describe.each([{}, KEY])("compact, with %o", (key) => {
  it("rewrites the snapshot and empties the journal", async () => {
    const bare = await openBare(key);
    const { engine, directory } = bare;
    await fill(engine, 20);
    await fill(engine, 20);
    await engine.write([["sid 3"]]);
    await engine.compact();
    const { walBytes, snapshotBytes } = await diskStats(engine);
    expect(walBytes).toBe(0);
    expect(statSync(join(directory, JOURNAL)).size).toBe(0);
    expect(statSync(join(directory, SNAPSHOT)).size).toBe(snapshotBytes);
    expect(readdirSync(directory).filter((name) => name.includes("tmp"))).toEqual([]);
    await engine.write([session("new")]);
    await engine.close();
    const files = await reopened(bare, key);
    expect(files.size).toBe(20);
    expect([files.has("sid 3"), files.has("new")]).toEqual([false, true]);
  });

  // While it writes, calls go on; in the few moments of the switch, writes wait and reads go on.
  it.each<[step: string, matches: Matcher, writesGoOn: boolean]>([
    ["the snapshot is opened", on("open", `${SNAPSHOT}.tmp`), true],
    ["the snapshot is written", on("write", `${SNAPSHOT}.tmp`), true],
    ["the snapshot is fsynced", on("sync", `${SNAPSHOT}.tmp`), true],
    ["the new journal is opened", on("open", `${JOURNAL}.tmp`), true],
    ["the new journal is fsynced", on("sync", `${JOURNAL}.tmp`), false],
    ["the snapshot is renamed", on("rename", SNAPSHOT), false],
    ["the directory is fsynced", on("syncDirectory"), false],
    ["the new journal is renamed", on("rename", JOURNAL), false],
    // Which frees their content, and takes long if there is much of it.
    ["the old journal is closed", on("close", JOURNAL), true],
    ["the old snapshot is closed", on("close", SNAPSHOT), true],
  ])("lets calls go on while %s, and keeps what they did", async (_, matches, writesGoOn) => {
    const bare = await openBare(key);
    const { engine, disk } = bare;
    await fill(engine, 20);
    await engine.compact();
    const step = disk.hold(matches);
    let compacted = false;
    const compaction = engine.compact().then(() => (compacted = true));
    await until(() => step.waiting === 1);

    expect(await engine.get(["sid 1"])).toEqual([session("sid 1", "x".repeat(1000))[1]]);
    expect(await engine.touch([["sid 1", '{"path":"/touched"}', Date.now() + FAR_MS]])).toEqual([
      true,
    ]);
    const writes = engine.write([session("sid 2", "changed"), ["sid 3"], session("new")]);
    expect(await engine.get(["sid 2", "sid 3"])).toEqual([session("", "changed")[1], null]);
    if (writesGoOn) expect(await writes).toEqual([1, 1, 0]);
    await settleDown();
    expect(compacted).toBe(false);

    step.release();
    await compaction;
    expect(await writes).toEqual([1, 1, 0]);
    await engine.write([["sid 4"]]);
    await engine.close();
    const files = await reopened(bare, key);
    expect(files.size).toBe(19);
    expect(files.get("sid 2")).toBe(session("", "changed")[1]);
    expect(String(files.get("sid 1"))).toContain("/touched");
    expect([files.has("sid 3"), files.has("sid 4"), files.has("new")]).toEqual([
      false,
      false,
      true,
    ]);
  });
});

it("a compaction keeps what is written while it copies the end of the journal", async () => {
  const bare = await openBare();
  const { engine, disk } = bare;
  await fill(engine, 20);
  const snapshot = disk.hold(on("sync", `${SNAPSHOT}.tmp`));
  const compaction = engine.compact();
  await until(() => snapshot.waiting === 1);
  await engine.write([session("to be copied")]);
  const copying = disk.hold(on("write", `${JOURNAL}.tmp`));
  snapshot.release();
  await until(() => copying.waiting === 1);
  await engine.write([session("after that"), ["sid 3"]]);
  copying.release();
  await compaction;
  await engine.close();
  const files = await reopened(bare);
  expect(files.size).toBe(21);
  expect(files.has("to be copied")).toBe(true);
  expect(files.has("after that")).toBe(true);
});

describe("a compaction that is asked for while another runs", () => {
  it("covers what was acknowledged before it was asked for", async () => {
    const bare = await openBare();
    const { engine, disk, directory } = bare;
    await engine.write([session("secret"), session("b")]);
    const first = disk.hold(on("sync", `${SNAPSHOT}.tmp`));
    const running = engine.compact();
    await until(() => first.waiting === 1);
    await engine.write([["secret"]]);
    const asked = engine.compact();
    first.release();
    await Promise.all([running, asked]);
    expect((await diskStats(engine)).walBytes).toBe(0);
    expect(readFileSync(join(directory, SNAPSHOT), "utf8")).not.toContain("secret");
  });
});

describe("a compaction that nobody asked for", () => {
  it("starts when the journal exceeds both its limit and the snapshot", async () => {
    const walLimit = 20_000;
    const { engine, disk } = await openBare({ walLimit });
    let compactions = 0;
    disk.onOperation = ({ kind, path }) => {
      if (kind === "rename" && path.endsWith(SNAPSHOT)) compactions++;
    };
    const recordBytes = 1200;
    for (let step = 0; step < 400; step++) {
      const before = await diskStats(engine);
      const seen = compactions;
      await engine.write([session(`sid ${step % 100}`, "x".repeat(1000))]);
      const outgrown = before.walBytes + recordBytes > Math.max(walLimit, before.snapshotBytes);
      const { walBytes, snapshotBytes } = await diskStats(engine);
      if (walBytes > Math.max(walLimit, snapshotBytes)) {
        await until(async () => (await diskStats(engine)).walBytes < walBytes);
      }
      if (compactions > seen) expect(outgrown).toBe(true);
    }
    // 100 records outgrow 20,000 bytes, then the snapshot as it grows; 300 more, that of 100.
    expect(compactions).toBeGreaterThanOrEqual(4);
    expect(compactions).toBeLessThanOrEqual(9);
    expect((await diskStats(engine)).snapshotBytes).toBeGreaterThan(walLimit);
  });

  it("is not under way when close has returned, nor starts later", async () => {
    const bare = await openBare({ walLimit: 1000 });
    const { engine, disk } = bare;
    const writes = fill(engine, 50);
    await engine.close();
    const late: FileOperation[] = [];
    disk.onOperation = (operation) => late.push(operation);
    await writes;
    await settleDown();
    expect(late).toEqual([]);
    expect((await reopened(bare)).size).toBe(50);
  });

  it("is given up by close, at once, and loses nothing", async () => {
    const bare = await openBare({ walLimit: 1000 });
    const { engine, disk, directory, reports } = bare;
    const text = "x".repeat(1_000_000);
    const step = disk.hold(on("write", `${SNAPSHOT}.tmp`));
    await engine.write([session("a", text), session("b", text), session("c", text)]);
    await until(() => step.waiting === 1);
    let writes = 0;
    disk.onOperation = ({ kind }) => {
      if (kind === "write" || kind === "rename") writes++;
    };
    const closed = engine.close();
    await settleDown();
    step.release();
    await closed;
    expect(writes).toBe(0);
    expect(reports).toEqual([]);
    expect(readdirSync(directory)).toEqual([JOURNAL]);
    expect((await reopened(bare)).size).toBe(3);
  });

  it("that was asked for is waited for by close", async () => {
    const bare = await openBare();
    const { engine, disk } = bare;
    const step = disk.hold(on("write", `${SNAPSHOT}.tmp`));
    await fill(engine, 50);
    const compacted = engine.compact();
    await until(() => step.waiting === 1);
    let isClosed = false;
    const closed = engine.close().then(() => (isClosed = true));
    await settleDown();
    expect(isClosed).toBe(false);
    step.release();
    await compacted;
    await closed;
    expect((await reopened(bare)).size).toBe(50);
  });
});
