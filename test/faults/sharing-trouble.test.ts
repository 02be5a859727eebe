/**
 * Owns what may befall processes that share a collection besides death: the owner is stopped, closed or
 * loses its lock, its socket or its journal, all under load. The others go on as if there were one memory.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Sharer, Sharers } from "../support/sharers.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const SIDS = 4;
/** Longer than an owner may be silent, and than that takes to be noticed. */
const LIMIT_MS = 45_000;

async function three() {
  const directory = tempDirectory();
  const sharers = new Sharers({ directory, share: true, walLimit: 20_000 }, SIDS);
  for (let count = 0; count < 3; count++) await sharers.add({ isolate: count !== 1 });
  const owner = await sharers.owner();
  const others = sharers.members.filter((member) => member !== owner);
  sharers.run();
  await progress(sharers.members);
  return { directory, sharers, owner, others };
}

/** Resolves when each of these has been answered some more. */
async function progress(members: readonly Sharer[]): Promise<void> {
  const before = members.map(({ answered }) => answered);
  await until(
    () => members.every(({ answered }, index) => answered > before[index]! + 50),
    LIMIT_MS,
  );
}

/** What a process finds that was stopped: its writes, and the disk, have taken longer than they may. */
const OF_THE_TIME = ["STORE_OVERLOADED", "STORE_IO"];

function without(violations: readonly string[], ...codes: readonly string[]): string[] {
  return violations.filter((what) => !codes.some((code) => what.includes(code)));
}

/** Removes the files with these endings, all at once: the owner removes its socket when it notices. */
function remove(directory: string, ...endings: string[]): void {
  const names = readdirSync(directory);
  const found = endings.map((ending) => names.filter((name) => name.endsWith(ending)));
  expect(found).not.toContainEqual([]);
  for (const name of found.flat()) rmSync(join(directory, name), { force: true });
}

describe("processes that share a collection are one memory", { timeout: 120_000 }, () => {
  it.each([".lock", ".sock", ".wal.log"])(
    "when the file %s is deleted, and deleted again",
    async (suffix) => {
      const { directory, sharers } = await three();
      for (let round = 0; round < 2; round++) {
        remove(directory, suffix);
        await progress(sharers.members);
        // What looks after it comes every 2.5 s.
        await until(() => readdirSync(directory).some((name) => name.endsWith(suffix)), LIMIT_MS);
        await progress(sharers.members);
      }
      await sharers.rest();
      // That the journal was gone is reported.
      const known = suffix === ".wal.log" ? ["STORE_IO"] : [];
      expect(without(await sharers.compare(), ...known)).toEqual([]);
      await sharers.add();
    },
  );

  it("when lock and socket are deleted at once", async () => {
    const { directory, sharers } = await three();
    remove(directory, ".lock", ".sock");
    const late = await sharers.add();
    late.send("run");
    await progress(sharers.members);
    await sharers.rest();
    expect(await sharers.compare()).toEqual([]);
  });

  it("when lock and journal are deleted at once, of which only the owner has the sessions", async () => {
    const { directory, sharers, owner, others } = await three();
    remove(directory, ".lock", ".wal.log");
    await progress(sharers.members);
    const isThere = (name: string): boolean => readdirSync(directory).includes(`sessions.${name}`);
    await until(() => isThere("lock") && isThere("wal.log"), LIMIT_MS);
    await sharers.rest();
    // What it held in memory is what the next one finds.
    await owner.kill("SIGKILL");
    for (const member of others) member.send("run");
    await progress(others);
    await sharers.rest();
    // Unless a compaction was quicker, the loss of the journal is reported.
    expect(without(await sharers.compare(), "STORE_IO was reported")).toEqual([]);
  });

  it.runIf(process.platform === "linux")(
    "when the owner is stopped for long, and goes on",
    async () => {
      const { sharers, owner, others } = await three();
      owner.process.kill("SIGSTOP");
      await progress(others);
      owner.process.kill("SIGCONT");
      await progress(sharers.members);
      await sharers.rest();
      expect(without(await sharers.compare(), ...OF_THE_TIME)).toEqual([]);
      expect(await owner.isOwner()).toBe(false);
    },
  );

  it.runIf(process.platform === "linux")(
    "when a guest is stopped for long, and goes on",
    async () => {
      const { sharers, owner, others } = await three();
      others[0]!.process.kill("SIGSTOP");
      await progress([owner, others[1]!]);
      await owner.kill("SIGKILL");
      await progress([others[1]!]);
      others[0]!.process.kill("SIGCONT");
      await progress(others);
      await sharers.rest();
      expect(await sharers.compare()).toEqual([]);
    },
  );

  it("when the event loop of the owner is blocked for good, which the others do not notice", async () => {
    const { sharers, owner, others } = await three();
    owner.send("block");
    await progress(others);
    // It has not been taken over.
    expect(await Promise.all(others.map((member) => member.isOwner()))).toEqual([false, false]);
    owner.process.kill("SIGKILL");
    await progress(others);
    await sharers.rest();
    expect(await sharers.compare()).toEqual([]);
  });

  it("when one after the other is closed, and others come", async () => {
    const { sharers } = await three();
    for (let round = 0; round < 4; round++) {
      const owner = await sharers.owner();
      owner.send("pause");
      await owner.says("idle");
      owner.send("close");
      await owner.says("closed");
      const fresh = await sharers.add({ isolate: round % 2 === 0 });
      fresh.send("run");
      sharers.retire(owner);
      await progress(sharers.members);
    }
    await sharers.rest();
    expect(await sharers.compare()).toEqual([]);
  });
});
