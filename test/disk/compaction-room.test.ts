/**
 * Owns compaction on a disk that is small: no write fails for its sake, and where it cannot be made
 * that is said early.
 */
import { describe, expect, it } from "vitest";
import type { Engine, WriteOutcome } from "../../src/protocol/contract.js";
import { openBare } from "../support/bare-engine.js";
import { fill, JOURNAL, session, settleDown, SNAPSHOT } from "../support/compactable.js";
import { diskStats } from "../support/engine-world.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryFiles } from "../support/memory-files.js";
import { until } from "../support/until.js";
import { on } from "../support/watched-files.js";

const KEY = { encryptionKey: "a key of the test's own" };
const MEBIBYTE = 1024 * 1024;
/** So that only want of room starts a compaction. */
const NEVER = 1024 * MEBIBYTE;

async function open(capacity: number, options = {}) {
  const memory = new MemoryFiles();
  memory.capacity = capacity;
  const clock = new ManualClock();
  const bare = await openBare({
    files: memory,
    clock,
    walLimit: NEVER,
    directory: "/d",
    ...options,
  });
  const names = (): string[] => [...memory.contents().keys()].map((path) => path.slice(3));
  return { ...bare, memory, clock, names };
}

/** Four clients rewrite so many sessions of 10 KB, many times over. */
async function rewrite(engine: Engine, sessions: number, rounds: number): Promise<WriteOutcome[]> {
  const outcomes: WriteOutcome[] = [];
  let made = 0;
  const client = async (): Promise<void> => {
    while (made < rounds * sessions) {
      const batch = Array.from({ length: 2 }, () =>
        session(`sid ${made++ % sessions}`, "x".repeat(10_000)),
      );
      outcomes.push(...(await engine.write(batch)));
    }
  };
  await Promise.all([client(), client(), client(), client()]);
  return outcomes;
}

describe.each([{}, KEY])("sessions that are rewritten for ever, with %o", (key) => {
  it.each([NEVER, MEBIBYTE])(
    "fit on a disk that holds three times as much, with a walLimit of %i",
    async (walLimit) => {
      const sessions = 300;
      const bytes = sessions * 10_100 * (key === KEY ? 4 / 3 : 1);
      const { engine, memory, reports } = await open(3 * bytes, { walLimit, ...key });
      const outcomes = await rewrite(engine, sessions, 10);
      expect(outcomes.find((outcome) => typeof outcome !== "number")).toBeUndefined();
      expect(reports).toEqual([]);
      await engine.compact();
      expect(memory.used).toBeLessThan(1.1 * bytes);
    },
  );
});

describe("a disk without room for a compaction", () => {
  it("is reported once, long before it is full, and writes go on", async () => {
    const { engine, memory, clock, reports, names } = await open(6 * MEBIBYTE);
    const text = "x".repeat(10_000);
    for (let n = 0; reports.length === 0; n++) {
      expect(await engine.write([session(`sid ${n}`, text)])).toEqual([0]);
      await settleDown();
    }
    expect(reports).toMatchObject([{ code: "STORE_IO", cause: { code: "ENOSPC" } }]);
    expect(memory.capacity - memory.used).toBeGreaterThan(2 * MEBIBYTE);
    expect(names()).not.toContain(`${SNAPSHOT}.tmp`);
    await clock.advance(120_000);
    await fill(engine, 100);
    expect(reports).toHaveLength(1);

    memory.capacity = 100 * MEBIBYTE;
    await clock.advance(60_000);
    expect(reports).toHaveLength(1);
    expect((await diskStats(engine)).walBytes).toBe(0);
  });

  it("fails a compaction that was asked for, which touches nothing", async () => {
    const { engine, memory, disk } = await open(3 * MEBIBYTE, KEY);
    await fill(engine, 2, MEBIBYTE / 2);
    memory.capacity = memory.used + MEBIBYTE;
    const kinds: string[] = [];
    disk.onOperation = ({ kind }) => kinds.push(kind);
    const refused = { code: "STORE_IO", cause: { code: "ENOSPC" } };
    await expect(engine.compact()).rejects.toMatchObject(refused);
    expect(kinds).toEqual(["freeSpace"]);
  });

  it("has it again when what expired is left out, though not a byte can be written", async () => {
    const { engine, memory, clock, disk } = await open(NEVER);
    const soon = clock.now() + 1000;
    const text = JSON.stringify({ text: "x".repeat(MEBIBYTE) });
    await engine.write([session("live"), ["a", text, soon], ["b", text, soon]]);
    disk.fail(on("write", JOURNAL), "ENOSPC");
    memory.capacity = memory.used + 10_000;
    await expect(engine.compact()).rejects.toMatchObject({ code: "STORE_IO" });
    await clock.advance(1000);
    await engine.compact();
    expect(memory.used).toBeLessThan(10_000);
    disk.recover();
    expect(await engine.ids()).toEqual(["live"]);
  });
});

describe("a disk that becomes full while a compaction runs", () => {
  it.each([
    ["the snapshot", on("write", `${SNAPSHOT}.tmp`)],
    ["the end of the snapshot", on("sync", `${SNAPSHOT}.tmp`)],
    ["the journal", on("write", `${JOURNAL}.tmp`)],
  ])("fails no write: it gives way, while it writes %s", async (_, matches) => {
    const { engine, memory, disk, clock, names } = await open(NEVER);
    await fill(engine, 4, MEBIBYTE);
    const halfway = (): boolean => memory.content(`/d/${SNAPSHOT}.tmp`).length > 2 * MEBIBYTE;
    const start = disk.hold(on("write", `${SNAPSHOT}.tmp`));
    const compaction = engine.compact();
    await until(() => start.waiting === 1);
    await engine.write([session("meanwhile")]);
    const step = disk.hold((operation) => matches(operation) && halfway());
    start.release();
    const failure = expect(compaction).rejects.toMatchObject({ cause: { code: "ENOSPC" } });
    await until(() => step.waiting === 1);
    memory.capacity = memory.used + 1000;
    expect(await engine.write([session("new", "x".repeat(MEBIBYTE))])).toEqual([0]);
    step.release();
    await failure;
    expect(names().filter((name) => name.includes("tmp"))).toEqual([]);

    memory.capacity = NEVER;
    await clock.advance(1000);
    expect((await diskStats(engine)).walBytes).toBe(0);
    await engine.close();
    const { engine: next } = await openBare({ files: memory, clock, directory: "/d" });
    expect((await next.ids()).sort()).toEqual([
      "meanwhile",
      "new",
      "sid 0",
      "sid 1",
      "sid 2",
      "sid 3",
    ]);
  });

  it("fails no write that meets it while the new files are removed", async () => {
    const { engine, memory, disk } = await open(NEVER);
    await fill(engine, 4, MEBIBYTE);
    const step = disk.hold(on("truncate", `${SNAPSHOT}.tmp`));
    disk.onOperation = ({ kind, path }) => {
      if (kind === "open" && path.endsWith(`${SNAPSHOT}.tmp`)) memory.capacity = memory.used + 2e6;
    };
    const compaction = engine.compact();
    const failure = expect(compaction).rejects.toMatchObject({ cause: { code: "ENOSPC" } });
    await until(() => step.waiting === 1);
    const write = engine.write([session("new", "x".repeat(MEBIBYTE))]);
    await settleDown();
    step.release();
    await failure;
    expect(await write).toEqual([0]);
  });
});
