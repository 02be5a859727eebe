/** Backups: of one moment, whole or not there at all, and what is restored of them. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { answers, cli, fill, sessionOf, start } from "../support/cli.js";
import { owner } from "../support/owner.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const KEY = "a key of the test's own";
const ENV = { env: { SESSION_STORE_KEY: KEY } };

async function filled(more: { encryptionKey?: string; collection?: string } = {}) {
  const parent = tempDirectory();
  const directory = join(parent, "data");
  await fill({ directory, ...more }, async (store) => {
    for (const id of ["a", "b", "c"]) await store.set(id, sessionOf("ann"));
    await store.compact();
    await store.set("d", sessionOf("bob"));
  });
  return { parent, directory, copy: join(parent, "copy"), back: join(parent, "back") };
}

function contents(directory: string): unknown {
  return readdirSync(directory)
    .sort()
    .map((name) => [name, readFileSync(join(directory, name), "latin1")]);
}

it("is restored to the byte, in place of an empty directory, encrypted with or without its key", async () => {
  const { directory, copy, back } = await filled({ encryptionKey: KEY, collection: "mine" });
  const words = ["--directory", directory, "--collection", "mine"];
  const before = contents(directory);
  expect(await answers(["backup", copy, ...words])).toEqual([
    { backup: copy, sessions: null, damaged: 0 },
  ]);
  expect(await answers(["backup", `${copy} 2`, ...words], ENV)).toEqual([
    { backup: `${copy} 2`, sessions: 4, damaged: 0 },
  ]);
  expect(contents(directory)).toEqual(before);
  mkdirSync(back);
  expect(await answers(["restore", copy, "--directory", back])).toEqual([{ restored: back }]);
  expect(contents(back)).toEqual(before);
  const other = ["--directory", `${back} 2`, "--collection", "other"];
  await answers(["restore", copy, ...other]);
  expect(await answers(["stats", ...other], ENV)).toMatchObject([{ sessions: 4 }]);
});

it("of a running owner that compacts all the time is of one moment", async () => {
  const { parent, directory } = await filled();
  const other = await owner({ directory, walLimit: 0 });
  let acknowledged = -1;
  const writer = { isOver: false };
  const writing = (async () => {
    for (let n = 0; !writer.isOver; n++) {
      await other.call("set", `number ${n}`, sessionOf("ann", { text: "x".repeat(500) }));
      await other.call("set", "last", sessionOf("ann", { n }));
      acknowledged = n;
    }
  })();
  await until(() => acknowledged >= 5);
  for (let number = 0; number < 5; number++) {
    const least = acknowledged;
    const copy = join(parent, `copy ${number}`);
    await answers(["backup", copy, "--directory", directory]);
    const most = acknowledged + 1;
    await answers(["restore", copy, "--directory", `${copy} back`]);
    const found = await answers(["list", "--directory", `${copy} back`, "--with-data"]);
    const sessions = new Map(
      (found as { id: string; session: { n?: number } }[]).map(({ id, session }) => [id, session]),
    );
    const last = sessions.get("last")!.n!;
    expect(last).toBeGreaterThanOrEqual(least);
    expect(last).toBeLessThanOrEqual(most);
    const expected = Array.from({ length: last + 1 }, (_, n) => `number ${n}`);
    // The next one may be there already.
    sessions.delete(`number ${last + 1}`);
    expect([...sessions.keys()].sort()).toEqual(["a", "b", "c", "d", "last", ...expected].sort());
  }
  writer.isOver = true;
  await writing;
  const busy = await cli(["restore", join(parent, "copy 0"), "--directory", directory]);
  expect(busy.exit).toBe(4);
  await other.call("close");
});

it("that is cut short, damaged or none is refused, and nothing is restored", async () => {
  const { directory, copy, back } = await filled();
  await answers(["backup", copy, "--directory", directory]);
  const files = readdirSync(copy);
  expect(files.sort()).toEqual(["backup.json", "sessions.snapshot.json", "sessions.wal.log"]);
  const whole = new Map(files.map((name) => [name, readFileSync(join(copy, name))]));
  const refused = async (name: string, change: (bytes: Buffer) => Buffer) => {
    const path = join(copy, name);
    writeFileSync(path, change(Buffer.from(whole.get(name)!)));
    const { exit } = await cli(["restore", copy, "--directory", back]);
    writeFileSync(path, whole.get(name)!);
    expect([name, exit, existsSync(back)]).toEqual([name, 3, false]);
  };
  for (const name of files) {
    await refused(name, (bytes) => bytes.subarray(0, -20));
    await refused(name, (bytes) => {
      bytes[10] = bytes[10]! ^ 1;
      return bytes;
    });
  }
  expect((await cli(["restore", directory, "--directory", back])).exit).toBe(3);
  expect((await cli(["restore", copy, "--directory", directory])).exit).toBe(1);
  expect((await cli(["restore", copy])).exit).toBe(2);
  expect((await cli(["backup", copy, "--directory", directory])).exit).toBe(1);
  expect((await cli(["backup", back, "--directory", back])).exit).toBe(1);
  expect(readdirSync(join(copy, "..")).sort()).toEqual(["copy", "data"]);
});

it("of damaged files is made, and ends with 3; with a key that does not fit it is not", async () => {
  const { parent, directory, copy } = await filled();
  const journal = join(directory, "sessions.wal.log");
  writeFileSync(journal, `not a record\n${readFileSync(journal, "utf8")}`);
  const made = await cli(["backup", copy, "--directory", directory, "--json"]);
  expect(made.exit).toBe(3);
  expect(JSON.parse(made.stdout)).toEqual({ backup: copy, sessions: 4, damaged: 1 });
  const sealed = await filled({ encryptionKey: KEY });
  const wrong = { env: { SESSION_STORE_KEY: "another key than that" } };
  const words = ["backup", sealed.copy, "--directory", sealed.directory];
  expect((await cli(words, wrong)).exit).toBe(5);
  expect(readdirSync(sealed.parent)).toEqual(["data"]);
  expect(readdirSync(parent).sort()).toEqual(["copy", "data"]);
});

it.skipIf(process.platform === "win32")(
  "that was killed leaves nothing that looks like a backup",
  async () => {
    const { parent, directory, copy } = await filled();
    // Who reads it waits for somebody who writes.
    execFileSync("mkfifo", [join(directory, ".db.salt")]);
    const partial = () => readdirSync(parent).find((name) => name.startsWith("copy."));
    const child = start(["backup", copy, "--directory", directory]);
    const gone = new Promise((resolve) => child.once("close", resolve));
    const isCopied = () => existsSync(join(parent, partial() ?? "none", "sessions.wal.log"));
    await until(isCopied);
    child.kill("SIGKILL");
    await gone;
    expect(partial()).toMatch(/^copy\.[0-9a-f]{8}\.partial$/);
    expect(existsSync(copy)).toBe(false);
    const { exit } = await cli(["restore", join(parent, partial()!), "--directory", copy]);
    expect(exit).toBe(3);
    expect(existsSync(copy)).toBe(false);
    rmSync(join(directory, ".db.salt"));
    await answers(["backup", copy, "--directory", directory]);
  },
);
