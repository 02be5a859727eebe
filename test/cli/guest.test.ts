/** Commands beside a store that has the collection open: the same answers as without it. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { answers, cli, fill, sessionOf } from "../support/cli.js";
import { Owner, owner } from "../support/owner.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

async function served(options: object = {}): Promise<{ other: Owner; words: string[] }> {
  const directory = join(tempDirectory(), "data");
  await fill({ directory }, async (store) => {
    for (const id of ["a", "b", "c"]) await store.set(id, sessionOf(id === "b" ? "bob" : "ann"));
    await store.touch("a", sessionOf("ann", { cookie: { path: "/a/new/one" } }));
  });
  return { other: await owner({ directory, ...options }), words: ["--directory", directory] };
}

it("what is shown, counted and exported is the same when the store has closed", async () => {
  const { other, words } = await served();
  const all = () =>
    Promise.all([
      answers(["list", ...words, "--with-data"]),
      answers(["list", ...words, "--user", "ann"]),
      answers(["show", "a", ...words, "--with-data"]),
      answers(["stats", ...words]),
      cli(["export", ...words]),
    ]);
  const [list, user, show, [stats], beside] = await all();
  expect(list).toHaveLength(3);
  expect(stats).toMatchObject({ sessions: 3, owner: { pid: other.process.pid } });
  await other.call("close");
  const [listed, ofUser, shown, [counted], alone] = await all();
  expect([list, user, show]).toEqual([listed, ofUser, shown]);
  expect({ ...(stats as object), owner: null }).toEqual(counted);
  const sessions = (text: string) => text.split("\n").slice(1, -2);
  expect(sessions(beside.stdout)).toEqual(sessions(alone.stdout));
  expect([beside.exit, alone.exit]).toEqual([0, 0]);
});

it("what is revoked is gone for the store at once, and it goes on", async () => {
  const { other, words } = await served({ walLimit: 7, absoluteTtl: 1e6 });
  // That the options of the store are not those of the command is nothing to be told.
  expect(await cli(["show", "a", ...words])).toMatchObject({ exit: 0, stderr: "" });
  expect(await answers(["revoke", "b", "--yes", ...words])).toEqual([{ revoked: 1 }]);
  expect(await other.call("get", "b")).toEqual({ value: null });
  expect(await other.call("get", "a")).toMatchObject({ value: { user: "ann" } });
  expect(await answers(["revoke", "--user", "ann", "--yes", ...words])).toEqual([{ revoked: 2 }]);
  await other.call("set", "d", sessionOf("dan"));
  expect(await answers(["list", ...words])).toMatchObject([{ id: "d" }]);
  const [sizes] = await answers(["compact", ...words]);
  const { size } = statSync(join(words[1]!, "sessions.snapshot.json"));
  expect(sizes).toMatchObject({ snapshotBytes: size });
  expect(await answers(["revoke", "--all", "--yes", ...words])).toEqual([{ revoked: 1 }]);
  expect(await other.call("get", "d")).toEqual({ value: null });
  await other.call("close");
});

it("a store that is still opening is waited for", async () => {
  const directory = join(tempDirectory(), "data");
  await fill({ directory }, (store) => store.set("a", sessionOf("ann")));
  // So much to read that the commands find it opening.
  const journal = join(directory, "sessions.wal.log");
  writeFileSync(journal, readFileSync(journal, "utf8").repeat(200_000));
  const other = new Owner({ directory });
  const words = ["--directory", directory];
  await until(() => existsSync(join(directory, "sessions.lock")));
  const found = await Promise.all([answers(["list", ...words]), answers(["stats", ...words])]);
  expect(found).toMatchObject([[{ id: "a" }], [{ sessions: 1 }]]);
  expect(await other.opened).toEqual({ value: "ready" });
  await other.call("close");
});

it("a store that does not share is in use: 4", async () => {
  const { other, words } = await served({ share: false });
  const ends = await Promise.all(
    [["list"], ["stats"], ["show", "a"], ["export"], ["compact"], ["revoke", "--all", "--yes"]].map(
      (line) => cli([...line, ...words]),
    ),
  );
  expect(ends.map(({ exit }) => exit)).toEqual([4, 4, 4, 4, 4, 4]);
  expect(await other.call("get", "a")).toMatchObject({ value: { user: "ann" } });
  await other.call("close");
});
