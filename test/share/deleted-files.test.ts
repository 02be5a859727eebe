/**
 * Owns what becomes of the sessions of an owner that shares when its files are deleted together with
 * its lock: as long as no other owner has come, they are written anew from memory.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { StoreError } from "../../src/protocol/errors.js";
import { openWorld } from "../support/engine-world.js";
import { fasterClock } from "../support/faster-clock.js";
import { ManualClock } from "../support/manual-clock.js";
import { openMember, sharingOf } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { on, WatchedFiles } from "../support/watched-files.js";

const FAR = Date.UTC(2100, 0, 1);
const ONE = '{"n":1}';

async function opened(encryptionKeys: readonly string[] = []) {
  const directory = join(tempDirectory(), "sessions");
  const reports: StoreError[] = [];
  const watched = new WatchedFiles();
  // What looks after the files comes every 2.5 s.
  const environment = { files: watched.files, clock: fasterClock() };
  const owner = await openMember(directory, { reports, environment, config: { encryptionKeys } });
  await owner.write([["a", ONE, FAR]]);
  return { directory, owner, reports, watched };
}

function remove(directory: string, isMeant: (name: string) => boolean): void {
  for (const name of readdirSync(directory)) if (isMeant(name)) rmSync(join(directory, name));
}

const removeBoth = (directory: string): void => {
  remove(directory, (name) => ["sessions.lock", "sessions.wal.log"].includes(name));
};
const removeAll = (directory: string): void => {
  remove(directory, () => true);
};
const removeDirectory = (directory: string): void => {
  rmSync(directory, { recursive: true });
};

describe.each<[string, (directory: string) => void]>([
  ["lock and journal", removeBoth],
  ["all files", removeAll],
  ["the directory", removeDirectory],
])("where another program deletes %s", { timeout: 20_000 }, (_, harm) => {
  it.each([
    ["", []],
    [", encrypted", ["a key of the test's own"]],
  ])("everything is written anew%s", async (__, encryptionKeys) => {
    const { directory, owner, reports } = await opened(encryptionKeys);
    const guest = await openMember(directory, { config: { encryptionKeys } });
    await owner.compact();
    await guest.write([["b", ONE, FAR]]);
    harm(directory);
    const meanwhile = guest.write([["c", ONE, FAR]]);
    await until(() => reports.length > 0);
    expect(await meanwhile).toEqual([0]);
    expect(reports).toMatchObject([{ code: "STORE_IO" }]);
    const all = [ONE, ONE, ONE];
    expect(await guest.get(["a", "b", "c"])).toEqual(all);
    expect(await owner.get(["a", "b", "c"])).toEqual(all);
    // Nobody had to look for an owner, and whoever comes finds this one.
    const other = await openMember(directory, { config: { encryptionKeys } });
    expect(await other.get(["a", "b", "c"])).toEqual(all);
    expect(await sharingOf(owner)).toMatchObject({ role: "owner", elections: 1, guests: 2 });
    for (const store of [other, guest, owner]) await store.close();
    const later = await openMember(directory, { config: { encryptionKeys } });
    expect(await later.get(["a", "b", "c"])).toEqual(all);
    expect(reports).toHaveLength(1);
  });

  it("closing at once loses nothing either", async () => {
    const { directory, owner } = await opened();
    harm(directory);
    await owner.close();
    const later = await openMember(directory);
    expect(await later.get(["a"])).toEqual([ONE]);
  });
});

it("reports nothing when only the lock was deleted, since nothing is lost", async () => {
  const { directory, owner, reports } = await opened();
  rmSync(join(directory, "sessions.lock"));
  await until(async () => (await sharingOf(owner)).elections > 1);
  expect(await owner.get(["a"])).toEqual([ONE]);
  expect(reports).toEqual([]);
}, 20_000);

it("says so when the snapshot was deleted with the lock, and goes on with the journal", async () => {
  const { directory, owner, reports } = await opened();
  await owner.compact();
  await owner.write([["b", ONE, FAR]]);
  remove(directory, (name) => ["sessions.lock", "sessions.snapshot.json"].includes(name));
  await until(async () => (await sharingOf(owner)).elections > 1);
  expect(await owner.get(["a", "b"])).toEqual([null, ONE]);
  expect(reports).toMatchObject([{ code: "STORE_IO" }]);
}, 20_000);

describe(
  "where another owner came before the files had gone from memory",
  { timeout: 20_000 },
  () => {
    it("the first one is its guest, and brings nothing back", async () => {
      const { directory, owner, watched } = await opened();
      // It looks at nothing before the other has the collection.
      const looks = watched.hold(on("identity"));
      removeAll(directory);
      const other = await openMember(directory);
      await other.write([["b", ONE, FAR]]);
      looks.release();
      await until(async () => (await sharingOf(owner)).role === "guest");
      expect(await owner.get(["a", "b"])).toEqual([null, ONE]);
    });

    it("and has gone, just before the lock is made anew, that one's sessions count", async () => {
      const { directory, owner, watched } = await opened();
      let hasCome = false;
      watched.onOperation = async ({ kind, path }) => {
        if (hasCome || kind !== "open" || !/\.lock\.[0-9a-f]+\.tmp$/.test(path)) return;
        hasCome = true;
        const other = await openWorld(directory);
        await other.write([["b", ONE, FAR]]);
        await other.close();
      };
      removeAll(directory);
      await until(() => hasCome);
      await until(async () => (await sharingOf(owner)).elections > 1);
      expect(await owner.get(["a", "b"])).toEqual([null, ONE]);
    });
  },
);

it("an owner that was stopped for long may have been replaced, says so, and goes on without", async () => {
  const directory = tempDirectory();
  const clock = new ManualClock();
  const reports: StoreError[] = [];
  const owner = await openMember(directory, { reports, environment: { clock } });
  await owner.write([["a", ONE, FAR]]);
  clock.jump(8_000);
  removeAll(directory);
  const found = clock.advanceUntil(owner.get(["a"]), 20_000);
  expect(await found).toEqual([null]);
  expect(reports).toMatchObject([{ code: "STORE_IO" }]);
});
