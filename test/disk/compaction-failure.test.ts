/** Owns what becomes of a compaction that fails, at each of its steps, or that may not be made. */
import { cpSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openBare } from "../support/bare-engine.js";
import { fill, JOURNAL, reopened, session, SNAPSHOT } from "../support/compactable.js";
import { diskStats } from "../support/engine-world.js";
import { ManualClock } from "../support/manual-clock.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { type FileOperation, type Matcher, on } from "../support/watched-files.js";

describe("an engine that has lost its lock", () => {
  it("compacts nothing, and goes on to refuse writes", async () => {
    const clock = new ManualClock();
    const { engine, disk, directory, reports } = await openBare({ clock });
    await engine.write([session("a")]);
    const lock = { pid: 1, ts: clock.now(), host: "elsewhere", owner: "another" };
    rmSync(join(directory, "sessions.lock"));
    writeFileSync(join(directory, "sessions.lock"), JSON.stringify(lock));
    await clock.advance(5_000);
    expect(reports).toMatchObject([{ code: "STORE_LOCKED" }]);

    const changes: FileOperation[] = [];
    disk.onOperation = (operation) => {
      if (["write", "rename", "truncate", "link"].includes(operation.kind)) changes.push(operation);
    };
    await expect(engine.compact()).rejects.toMatchObject({ code: "STORE_LOCKED" });
    expect(await engine.write([session("b")])).toMatchObject([{ code: "STORE_LOCKED" }]);
    await engine.close();
    expect(changes).toEqual([]);
  });
});

const STEPS: [step: string, matches: Matcher][] = [
  ["the opening of the snapshot", on("open", `${SNAPSHOT}.tmp`)],
  ["the writing of the snapshot", on("write", `${SNAPSHOT}.tmp`)],
  ["the fsync of the snapshot", on("sync", `${SNAPSHOT}.tmp`)],
  ["the opening of the new journal", on("open", `${JOURNAL}.tmp`)],
  ["the fsync of the new journal", on("sync", `${JOURNAL}.tmp`)],
  ["the rename of the snapshot", on("rename", SNAPSHOT)],
  ["the fsync of the directory", on("syncDirectory")],
  ["the rename of the new journal", on("rename", JOURNAL)],
];

describe("a compaction that fails", () => {
  it.each(STEPS)("at %s loses nothing, and the next succeeds", async (_, matches) => {
    const bare = await openBare();
    const { engine, disk } = bare;
    await fill(engine, 20);
    // What was written before is in no journal then.
    await engine.compact();
    const mend = disk.fail(matches, "ENOSPC");
    await expect(engine.compact()).rejects.toMatchObject({ code: "STORE_IO" });
    expect(await engine.get(["sid 1"])).toEqual([expect.any(String)]);
    mend();
    await until(async () => {
      const outcome = await engine.write([session("meanwhile")]);
      return typeof outcome[0] === "number";
    });
    await engine.compact();
    await engine.write([session("afterwards")]);
    await engine.close();
    const files = await reopened(bare);
    expect(files.size).toBe(22);
    expect(readdirSync(bare.directory).filter((name) => name.includes("tmp"))).toEqual([]);
  });

  it.each(STEPS)("at %s leaves files that open", async (_, matches) => {
    const bare = await openBare();
    const { engine, disk } = bare;
    await fill(engine, 20);
    await engine.compact();
    disk.fail(matches, "ENOSPC");
    await expect(engine.compact()).rejects.toMatchObject({ code: "STORE_IO" });
    await engine.close();
    expect((await reopened(bare)).size).toBe(20);
  });

  it("by itself, is reported and tried again, after longer and longer waits", async () => {
    const clock = new ManualClock();
    const bare = await openBare({ walLimit: 1000, clock });
    const { engine, disk, reports } = bare;
    const mend = disk.fail(on("write", `${SNAPSHOT}.tmp`), "ENOSPC");
    const attempts: number[] = [];
    disk.onOperation = ({ kind, path }) => {
      if (kind === "open" && path.endsWith(`${SNAPSHOT}.tmp`)) attempts.push(clock.now());
    };
    await fill(engine, 20);
    await until(() => reports.length === 1);
    expect(reports).toMatchObject([{ code: "STORE_IO" }]);
    // Writes go on meanwhile, and none of them starts it anew.
    for (let index = 0; index < 10; index++) await engine.write([session(`sid ${index}`)]);
    expect(attempts).toHaveLength(1);
    while (attempts.length < 8) await clock.advance(10);
    const waits = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits.at(-1)).toBeGreaterThan(10 * (waits[0] ?? 0));

    mend();
    await clock.advance(60_000);
    expect(await diskStats(engine)).toMatchObject({ walBytes: 0 });
    await engine.close();
    expect((await reopened(bare)).size).toBe(20);
  });
});

describe("a compaction that is cut off behind its snapshot", () => {
  it("lets no older touch come after a newer one", async () => {
    const clock = new ManualClock();
    const { engine, disk, directory } = await openBare({ clock });
    const soon = clock.now() + 60_000;
    await engine.write([session("a")]);
    const begun = disk.hold(on("open", `${SNAPSHOT}.tmp`));
    const compaction = engine.compact();
    await until(() => begun.waiting === 1);
    const { walBytes } = await diskStats(engine);
    await engine.touch([["a", null, soon]]);
    clock.tick(1000);
    await until(async () => (await diskStats(engine)).walBytes > walBytes);
    // The snapshot has this touch; the journal would in a second.
    await engine.touch([["a", '{"path":"/newer"}', soon + 60_000]]);
    const cut = disk.hold(on("rename", JOURNAL));
    begun.release();
    await until(() => cut.waiting === 1);
    const copy = tempDirectory();
    for (const name of [SNAPSHOT, JOURNAL]) cpSync(join(directory, name), join(copy, name));
    cut.release();
    await compaction;
    clock.pass(60_000);
    const { engine: next } = await openBare({ clock, directory: copy });
    expect(String((await next.get(["a"]))[0])).toContain("/newer");
  });
});
