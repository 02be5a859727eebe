/**
 * Owns what an engine does whose files another program deletes, moves, replaces or empties while
 * they are open, as cleaners of logs and of old files do: it writes them anew from memory, or says
 * that it cannot.
 */
import {
  cpSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Engine, WriteOutcome } from "../../src/protocol/contract.js";
import type { StoreError } from "../../src/protocol/errors.js";
import type { Files } from "../../src/worker/ports/files.js";
import { nodeFiles } from "../../src/worker/ports/node-files.js";
import { openWorld, servedBy, withEngine } from "../support/engine-world.js";
import { ManualClock } from "../support/manual-clock.js";
import { tempDirectory } from "../support/temp-dir.js";

const EXPIRES_AT = Date.UTC(2040, 0, 1);
/** After so long nothing is acknowledged any more that is not in the files. */
const NOTICED_MS = 5_000;

async function scene(files: Files = nodeFiles) {
  const directory = join(tempDirectory(), "data");
  const clock = new ManualClock();
  const reports: StoreError[] = [];
  const engine = await openWorld(directory, { files, clock, reports });
  onTestFinished(() => engine.close().catch(() => undefined));
  const put = (sid: string): Promise<WriteOutcome[]> =>
    engine.write([[sid, `{"is":"${sid}"}`, EXPIRES_AT]]);
  await put("in the snapshot");
  await engine.compact();
  await put("before");
  const path = (name: string): string => join(directory, `sessions.${name}`);
  return { directory, clock, reports, engine, put, path };
}

/** The sessions that the files have, as a crash would leave them now. */
async function stored(directory: string): Promise<string[]> {
  const copy = tempDirectory();
  for (const name of readdirSync(directory)) {
    if (!name.endsWith(".lock")) cpSync(join(directory, name), join(copy, name));
  }
  const engine: Engine = await openWorld(copy);
  const sids = [...(await servedBy(engine)).keys()].sort();
  await engine.close();
  return sids;
}

type Scene = Awaited<ReturnType<typeof scene>>;

const JOURNAL = "wal.log";
const SNAPSHOT = "snapshot.json";
const LOCK = "lock";

describe.each<[string, (scene: Scene) => void]>([
  ["deletes the journal", ({ path }) => rmSync(path(JOURNAL))],
  ["moves the journal away", ({ path }) => renameSync(path(JOURNAL), path("wal.log.1"))],
  [
    "puts an empty journal in place of the old one",
    ({ path }) => {
      renameSync(path(JOURNAL), path("wal.log.1"));
      writeFileSync(path(JOURNAL), "");
    },
  ],
  ["empties the journal", ({ path }) => truncateSync(path(JOURNAL))],
  ["deletes the snapshot", ({ path }) => rmSync(path(SNAPSHOT))],
  ["deletes lock and journal", ({ path }) => [LOCK, JOURNAL].forEach((name) => rmSync(path(name)))],
  [
    "deletes all files",
    ({ directory }) => readdirSync(directory).forEach((name) => rmSync(join(directory, name))),
  ],
])("where another program %s", (_, harm) => {
  it("everything is written anew, with what was acknowledged meanwhile", async () => {
    const lost = await scene();
    harm(lost);
    expect(await lost.put("meanwhile")).toEqual([0]);
    await lost.clock.advance(NOTICED_MS);
    expect(await lost.put("after")).toEqual([0]);
    const all = ["after", "before", "in the snapshot", "meanwhile"];
    expect(await stored(lost.directory)).toEqual(all);
    expect(lost.reports).toMatchObject([{ code: "STORE_IO" }]);
    await lost.clock.advance(60_000);
    expect(lost.reports).toHaveLength(1);
  });

  it("nothing is lost where nothing is written meanwhile", async () => {
    const lost = await scene();
    harm(lost);
    await lost.clock.advance(NOTICED_MS);
    expect(await stored(lost.directory)).toEqual(["before", "in the snapshot"]);
  });

  it("closing at once loses nothing either", async () => {
    const lost = await scene();
    harm(lost);
    await lost.put("meanwhile");
    await lost.engine.close();
    expect(await stored(lost.directory)).toEqual(["before", "in the snapshot", "meanwhile"]);
  });
});

it("where the journal is no longer open, everything is written anew", async () => {
  let threads = 0;
  const files: Files = {
    ...nodeFiles,
    async open(path, mode) {
      const file = await nodeFiles.open(path, mode);
      const identity = file.identity.bind(file);
      const opener = threads;
      file.identity = () =>
        opener === threads ? identity() : Promise.reject(new Error("its thread has died"));
      return file;
    },
  };
  const lost = await scene(files);
  threads++;
  await lost.clock.advance(NOTICED_MS);
  expect(lost.reports).toMatchObject([{ code: "STORE_IO" }]);
  expect(await lost.put("after")).toEqual([0]);
  expect(await stored(lost.directory)).toEqual(["after", "before", "in the snapshot"]);
});

describe("where another program deletes the salt", () => {
  const KEYED = { encryptionKeys: ["a key of the test's own"] };

  async function salted() {
    const directory = tempDirectory();
    const clock = new ManualClock();
    const engine = await openWorld(directory, { clock, config: KEYED });
    onTestFinished(() => engine.close().catch(() => undefined));
    await engine.write([["a", "{}", EXPIRES_AT]]);
    rmSync(join(directory, ".db.salt"));
    return { directory, clock, engine };
  }

  it("it is written again", async () => {
    const { directory, clock, engine } = await salted();
    await clock.advance(NOTICED_MS);
    await engine.close();
    await withEngine(directory, { config: KEYED }, async (later) => {
      expect(await later.get(["a"])).toEqual(["{}"]);
    });
  });

  it("and puts another there, nothing is acknowledged that could not be read", async () => {
    const { directory, clock, engine } = await salted();
    rmSync(join(directory, "sessions.wal.log"));
    writeFileSync(join(directory, ".db.salt"), "ab".repeat(32));
    await clock.advance(NOTICED_MS);
    expect(await engine.write([["b", "{}", EXPIRES_AT]])).toMatchObject([{ code: "STORE_IO" }]);
  });
});

describe("where another program deletes the directory", () => {
  it("writes are refused, reads go on, and no directory is made", async () => {
    const { directory, clock, engine, put, reports } = await scene();
    rmSync(directory, { recursive: true });
    await clock.advance(NOTICED_MS);
    expect(await put("after")).toMatchObject([{ code: "STORE_IO" }]);
    expect([...(await servedBy(engine)).keys()]).toEqual(["in the snapshot", "before"]);
    expect(reports).toMatchObject([{ code: "STORE_IO" }]);
    mkdirSync(directory);
    await clock.advance(60_000);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("closing says so", async () => {
    const { directory, engine, put } = await scene();
    rmSync(directory, { recursive: true });
    await put("after");
    await expect(engine.close()).rejects.toMatchObject({ code: "STORE_IO" });
  });
});
