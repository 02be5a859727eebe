/** Owns that what another store has changed is answered when that is acknowledged, and not before. */
import { expect, it } from "vitest";
import type { Engine } from "../../src/protocol/contract.js";
import { openMember } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { on, WatchedFiles } from "../support/watched-files.js";

const FAR = Date.UTC(2100, 0, 1);
const LONG = JSON.stringify("x".repeat(10_000));

const CHANGES: [string, (engine: Engine) => Promise<unknown>][] = [
  ["destroy", (engine) => engine.write([["a"]])],
  ["clear", (engine) => engine.clear()],
  ["destroyAllOf", (engine) => engine.destroyAllOf("ann", null)],
  ["set, for which there is no room otherwise,", (engine) => engine.write([["b", LONG, FAR]])],
];

it.each(
  CHANGES.flatMap(([name, change]) => [
    { name, change, end: "is committed", fails: false, found: null },
    { name, change, end: "has failed", fails: true, found: "{}" },
  ]),
)(
  "a get waits until the $name of another $end",
  async ({ change, fails, found }) => {
    const directory = tempDirectory();
    const watched = new WatchedFiles();
    const owner = await openMember(directory, {
      environment: { files: watched.files },
      config: { maxBytes: LONG.length + 300 },
    });
    const guest = await openMember(directory);
    const other = await openMember(directory);
    await guest.write([["a", "{}", FAR, "put", "ann"]]);
    const commits = on("sync", ".wal.log");
    const hold = watched.hold(commits);
    if (fails) watched.fail(commits, "EIO");
    const changed = change(guest).catch(() => 0);
    await until(() => hold.waiting > 0);
    // Its own is seen at once.
    expect(await guest.get(["a"])).toEqual([null]);
    let answered = 0;
    const ask = async (engine: Engine) => {
      const answer = await engine.get(["a"]);
      answered++;
      return answer;
    };
    const gets = [ask(owner), ask(other)];
    // Both have been asked when this is answered.
    await Promise.all([owner.length(), other.length()]);
    expect(answered).toBe(0);
    hold.release();
    await changed;
    expect(await Promise.all(gets)).toEqual([[found], [found]]);
    watched.recover();
  },
  20_000,
);

it.each(["get", "inspect"] as const)(
  "a %s for which a write has failed is not answered with one that is still uncommitted",
  async (method) => {
    const directory = tempDirectory();
    const watched = new WatchedFiles();
    const owner = await openMember(directory, { environment: { files: watched.files } });
    const guest = await openMember(directory);
    const third = await openMember(directory);
    await guest.write([["a", "1", FAR]]);
    const appends = on("write", ".wal.log");
    const hold = watched.hold(appends);
    const recover = watched.fail(appends, "EIO");
    const failed = guest.write([["a", "2", FAR]]);
    await until(() => hold.waiting > 0);
    let answered = false;
    const found = owner[method](["a"]).finally(() => (answered = true));
    await owner.length();
    // It waits for the commit that fails, and is called after what is asked.
    const later = third.write([["a", "3", FAR]]);
    await third.length();
    hold.release();
    const next = watched.hold(appends);
    expect(await failed).toMatchObject([{ code: "STORE_IO" }]);
    recover();
    await until(() => next.waiting > 0);
    await owner.length();
    expect(answered).toBe(false);
    watched.fail(appends, "EIO");
    next.release();
    expect(await later).toMatchObject([{ code: "STORE_IO" }]);
    watched.recover();
    expect(JSON.stringify(await found)).toContain("1");
  },
  20_000,
);

it.each<[string, string | null, (engine: Engine) => Promise<unknown>]>([
  ["an update", null, (engine) => engine.write([["a", "3", FAR, "update"]])],
  ["a destroyAllOf", "1", (engine) => engine.destroyAllOf("ann", null)],
])(
  "a get is not answered with %s that takes no effect because the write before it has failed",
  async (_, before, change) => {
    const directory = tempDirectory();
    const watched = new WatchedFiles();
    const owner = await openMember(directory, { environment: { files: watched.files } });
    const guest = await openMember(directory);
    const third = await openMember(directory);
    if (before !== null) await guest.write([["a", before, FAR, "put", "bob"]]);
    const appends = on("write", ".wal.log");
    const hold = watched.hold(appends);
    const recover = watched.fail(appends, "EIO");
    const failed = guest.write([["a", "2", FAR, "put", "ann"]]);
    await until(() => hold.waiting > 0);
    // It is in the commit after that.
    const changed = change(third);
    await third.length();
    const found = owner.get(["a"]);
    hold.release();
    expect(await failed).toMatchObject([{ code: "STORE_IO" }]);
    recover();
    await changed;
    expect(await found).toEqual([before]);
    expect(await owner.get(["a"])).toEqual([before]);
  },
  20_000,
);
