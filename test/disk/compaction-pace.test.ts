/**
 * Owns how a compaction and what goes on meanwhile share the disk: it keeps up with any amount of
 * writes, and no fsync of it has much to do.
 */
import { describe, expect, it } from "vitest";
import { openBare } from "../support/bare-engine.js";
import { fill, JOURNAL, session, settleDown, SNAPSHOT } from "../support/compactable.js";
import { diskStats } from "../support/engine-world.js";
import { MemoryFiles } from "../support/memory-files.js";
import { until } from "../support/until.js";
import { on } from "../support/watched-files.js";

const KEY = { encryptionKey: "a key of the test's own" };
const MEBIBYTE = 1024 * 1024;

describe("a compaction during which more is written than it writes itself", () => {
  it.each([
    ["its snapshot", on("write", `${SNAPSHOT}.tmp`)],
    ["its journal", on("write", `${JOURNAL}.tmp`)],
  ])("ends, and its journal stays small: while it writes %s", async (_, matches) => {
    const { engine, disk } = await openBare({ files: new MemoryFiles() });
    await fill(engine, 12, MEBIBYTE);
    let writes = 0;
    let isWriting = false;
    disk.onOperation = async (operation) => {
      if (!matches(operation) || isWriting) return;
      isWriting = true;
      const write = engine
        .write([session(`new ${writes++ % 4}`, "y".repeat(2 * MEBIBYTE))])
        .finally(() => (isWriting = false));
      // Made whole before the compaction goes on, unless the write has to wait for that.
      await Promise.race([write, settleDown()]);
    };
    const step = disk.hold(on("sync", `${SNAPSHOT}.tmp`));
    const compaction = engine.compact();
    await until(() => step.waiting === 1);
    await fill(engine, 2, MEBIBYTE);
    step.release();
    await compaction;
    disk.onOperation = () => undefined;
    expect(writes).toBeGreaterThan(1);
    const { walBytes, snapshotBytes } = await diskStats(engine);
    // A third of the snapshot, a head start, and the write that was on its way.
    expect(walBytes).toBeLessThan(snapshotBytes / 3 + 4 * MEBIBYTE);
  });
});

describe.each([{}, KEY])("an fsync of a compaction, with %o", (key) => {
  it("has a few megabytes to write, however many there are in all", async () => {
    const { engine, disk } = await openBare(key);
    const unsynced = new Map<string, number>();
    let most = 0;
    await fill(engine, 20, MEBIBYTE);
    disk.onOperation = ({ kind, path, bytes }) => {
      if (kind === "sync") unsynced.delete(path);
      if (kind !== "write") return;
      const sum = (unsynced.get(path) ?? 0) + bytes;
      unsynced.set(path, sum);
      most = Math.max(most, sum);
    };
    await engine.compact();
    expect((await diskStats(engine)).snapshotBytes).toBeGreaterThan(20 * MEBIBYTE);
    expect(most).toBeLessThan(12 * MEBIBYTE);
  });

  it("has a few megabytes to write, however much was written meanwhile", async () => {
    const { engine, disk } = await openBare(key);
    await fill(engine, 20);
    const snapshot = disk.hold(on("sync", `${SNAPSHOT}.tmp`));
    const compaction = engine.compact();
    await until(() => snapshot.waiting === 1);
    await fill(engine, 20, MEBIBYTE);
    let unsynced = 0;
    let most = 0;
    disk.onOperation = ({ kind, path, bytes }) => {
      if (!path.endsWith(`${JOURNAL}.tmp`)) return;
      if (kind === "sync") unsynced = 0;
      if (kind === "write") most = Math.max(most, (unsynced += bytes));
    };
    snapshot.release();
    await compaction;
    expect((await diskStats(engine)).walBytes).toBeGreaterThan(20 * MEBIBYTE);
    expect(most).toBeLessThan(12 * MEBIBYTE);
  });
});
