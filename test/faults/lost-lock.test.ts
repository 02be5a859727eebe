/**
 * Owns what an engine does that has lost its collection to another owner: it reads on and writes
 * nothing any more, whatever it was about to do.
 */
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Engine } from "../../src/protocol/contract.js";
import type { StoreError } from "../../src/protocol/errors.js";
import { type Files } from "../../src/worker/ports/files.js";
import { nodeFiles } from "../../src/worker/ports/node-files.js";
import { bytesIn } from "../support/directory.js";
import { openWorld } from "../support/engine-world.js";
import { ManualClock } from "../support/manual-clock.js";
import { tempDirectory } from "../support/temp-dir.js";

const EXPIRES_AT = Date.UTC(2040, 0, 1);
const THEIRS = { pid: 2000, ts: 1, host: "there", owner: "another store" };

async function scene(files: Files = nodeFiles) {
  const directory = tempDirectory();
  const clock = new ManualClock();
  const reports: StoreError[] = [];
  const engine = await openWorld(directory, { clock, reports, files });
  onTestFinished(() => engine.close().catch(() => undefined));
  await engine.write([["a", '{"n":1}', EXPIRES_AT]]);
  const steal = async (): Promise<void> => {
    steals(directory);
    await clock.advance(5_000);
  };
  return { directory, clock, reports, engine, steal };
}

/** Another process takes the lock, as one that was suspended for long finds it. */
function steals(directory: string): void {
  rmSync(join(directory, "sessions.lock"));
  writeFileSync(join(directory, "sessions.lock"), JSON.stringify(THEIRS));
}

async function expectRefused(engine: Engine): Promise<void> {
  const [outcome] = await engine.write([["a", '{"n":2}', EXPIRES_AT]]);
  expect(outcome).toMatchObject({ code: "STORE_LOCKED" });
  expect(await engine.get(["a"])).toEqual(['{"n":1}']);
}

describe("an engine that lost its lock", () => {
  it("says so once, refuses writes and serves reads", async () => {
    const { engine, steal, reports, clock } = await scene();
    await steal();
    await expectRefused(engine);
    await clock.advance(60_000);
    expect(reports.filter(({ code }) => code === "STORE_LOCKED")).toHaveLength(1);
    await expectRefused(engine);
  });

  it("does not compact, on demand or by itself, and takes no write after it either", async () => {
    const { engine, steal, directory, clock, reports } = await scene();
    await steal();
    const before = bytesIn(directory);
    await expect(engine.compact()).rejects.toMatchObject({ code: "STORE_LOCKED" });
    await clock.advance(120_000);
    await expectRefused(engine);
    expect(bytesIn(directory)).toEqual(before);
    expect(reports.filter(({ code }) => code === "STORE_LOCKED")).toHaveLength(1);
  });

  it("while it compacts does not put its files in place of the new owner's", async () => {
    let atRename: (() => Promise<void>) | null = null;
    const files: Files = {
      ...nodeFiles,
      async open(path, mode) {
        if (path.endsWith("wal.log.tmp")) await atRename?.();
        return nodeFiles.open(path, mode);
      },
    };
    const { engine, steal, directory } = await scene(files);
    let journal = "";
    atRename = async () => {
      atRename = null;
      await steal();
      writeFileSync(join(directory, "sessions.wal.log"), '{"op":"delete","ts":1,"id":"theirs"}\n');
      journal = readFileSync(join(directory, "sessions.wal.log"), "utf8");
    };
    await engine.compact().catch(() => undefined);
    expect(readFileSync(join(directory, "sessions.wal.log"), "utf8")).toBe(journal);
    expect(bytesIn(directory).has("sessions.snapshot.json")).toBe(false);
    await expectRefused(engine);
  });

  it("between the two renames of a compaction leaves the new owner's journal", async () => {
    let atRename: (() => void) | null = null;
    const files: Files = {
      ...nodeFiles,
      async rename(from, to) {
        await nodeFiles.rename(from, to);
        if (to.endsWith("snapshot.json")) atRename?.();
      },
    };
    const { engine, directory } = await scene(files);
    const journal = join(directory, "sessions.wal.log");
    let theirs = "";
    atRename = () => {
      steals(directory);
      appendFileSync(journal, '{"op":"delete","ts":1,"id":"theirs"}\n');
      theirs = readFileSync(journal, "utf8");
    };
    await expect(engine.compact()).rejects.toMatchObject({ code: "STORE_LOCKED" });
    expect(theirs).not.toBe("");
    expect(readFileSync(journal, "utf8")).toBe(theirs);
  });

  it("while it was opening damaged files sets nothing aside", async () => {
    const directory = tempDirectory();
    writeFileSync(join(directory, "sessions.wal.log"), "damaged\n");
    const files: Files = {
      ...nodeFiles,
      async open(path, mode) {
        if (path.endsWith("wal.log") && mode === "read") steals(directory);
        return nodeFiles.open(path, mode);
      },
    };
    await expect(openWorld(directory, { files })).rejects.toMatchObject({ code: "STORE_LOCKED" });
    expect([...bytesIn(directory).keys()].sort()).toEqual(["sessions.lock", "sessions.wal.log"]);
  });

  it("journals no touch, and closes without touching what is the new owner's", async () => {
    const { engine, steal, directory } = await scene();
    await engine.touch([["a", '{"p":1}', EXPIRES_AT + 1]]);
    const before = readFileSync(join(directory, "sessions.wal.log"), "utf8");
    steals(directory);
    await steal();
    await engine.close();
    const after = bytesIn(directory);
    expect(JSON.parse(after.get("sessions.lock")!)).toEqual(THEIRS);
    // Until the heartbeat comes nobody can know, so a touch may be journaled before it.
    expect(after.get("sessions.wal.log")!.startsWith(before)).toBe(true);
  });

  it("while it was stopped, and no heartbeat has told, looks before it writes", async () => {
    const { engine, directory, clock } = await scene();
    clock.jump(11_000);
    steals(directory);
    const journal = join(directory, "sessions.wal.log");
    appendFileSync(journal, '{"op":"delete","ts":1,"id":"theirs"}\n');
    const before = readFileSync(journal, "utf8");
    await expectRefused(engine);
    expect(readFileSync(journal, "utf8")).toBe(before);
  });

  it("while it was opening leaves the new owner's journal as it is", async () => {
    const directory = tempDirectory();
    const first = await openWorld(directory);
    await first.write([["a", '{"n":1}', EXPIRES_AT]]);
    await first.close();

    const journal = join(directory, "sessions.wal.log");
    let theirs = "";
    const files: Files = {
      ...nodeFiles,
      async open(path, mode) {
        if (path === journal && mode === "update") {
          steals(directory);
          appendFileSync(journal, '{"op":"delete","ts":1,"id":"theirs"}\n');
          theirs = readFileSync(journal, "utf8");
        }
        return nodeFiles.open(path, mode);
      },
    };
    await expect(openWorld(directory, { files })).rejects.toMatchObject({ code: "STORE_LOCKED" });
    expect(theirs).not.toBe("");
    expect(readFileSync(journal, "utf8")).toBe(theirs);
  });

  it("while it was opening never writes", async () => {
    const directory = tempDirectory();
    const first = await openWorld(directory);
    await first.write([["a", '{"n":1}', EXPIRES_AT]]);
    await first.close();

    const clock = new ManualClock();
    let stolen = false;
    const files: Files = {
      ...nodeFiles,
      async open(path, mode) {
        if (path.endsWith("snapshot.json") && !stolen) {
          stolen = true;
          steals(directory);
          await clock.advance(5_000);
        }
        return nodeFiles.open(path, mode);
      },
    };
    const opened = await openWorld(directory, { clock, files }).catch((error: unknown) => error);
    expect(stolen).toBe(true);
    if (opened instanceof Error) expect(opened).toMatchObject({ code: "STORE_LOCKED" });
    else {
      await expectRefused(opened as Engine);
      await (opened as Engine).close();
    }
    expect(JSON.parse(bytesIn(directory).get("sessions.lock")!)).toEqual(THEIRS);
  });
});
