/** The commands that look at sessions and end them, over files that no store has open. */
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { answers, cli, fill, sessionOf, start } from "../support/cli.js";
import { tempDirectory } from "../support/temp-dir.js";

const KEY = "a key of the test's own";
const EXPIRES = Date.UTC(2100, 0, 1);

/** A directory with sessions of two users and of nobody. */
async function filled(options: { encryptionKey?: string; collection?: string } = {}) {
  const directory = join(tempDirectory(), "data");
  await fill({ directory, ...options }, async (store) => {
    await store.set("a", sessionOf("ann", { cart: [1] }));
    await store.set("b", sessionOf("bob"));
    await store.set("c", sessionOf("ann"));
    await store.set("nobody's", sessionOf());
    await store.touch(
      "a",
      sessionOf("ann", { cookie: { path: "/new", expires: new Date(EXPIRES) } }),
    );
  });
  return { directory, words: ["--directory", directory] };
}

/** All bytes and times of a directory. */
function stateOf(directory: string): unknown {
  return ["", ...readdirSync(directory).sort()].map((name) => {
    const path = join(directory, name);
    const { mtimeMs, ctimeMs, size } = statSync(path);
    return [name, mtimeMs, ctimeMs, size, name === "" ? null : readFileSync(path, "latin1")];
  });
}

const SHOWN = { createdAt: expect.any(Number), expiresAt: EXPIRES, bytes: expect.any(Number) };

describe("what only looks", () => {
  it("shows sessions as JSON of the documented shape, bodies only when asked", async () => {
    const { words } = await filled();
    expect(await answers(["list", ...words])).toEqual([
      { id: "a", user: "ann", ...SHOWN },
      { id: "b", user: "bob", ...SHOWN },
      { id: "c", user: "ann", ...SHOWN },
      { id: "nobody's", user: null, ...SHOWN },
    ]);
    expect(await answers(["show", "a", ...words, "--with-data"])).toEqual([
      {
        ...{ id: "a", user: "ann", ...SHOWN },
        session: {
          cookie: { path: "/new", expires: "2100-01-01T00:00:00.000Z" },
          user: "ann",
          cart: [1],
        },
      },
    ]);
    expect(await answers(["show", "a", ...words])).toEqual([{ id: "a", user: "ann", ...SHOWN }]);
  });

  it("finds the sessions of a user, the newest first", async () => {
    const { words } = await filled();
    const found = await answers(["list", ...words, "--user", "ann", "--with-data"]);
    expect(found).toMatchObject([
      { id: "c", user: "ann" },
      { id: "a", session: { cart: [1] } },
    ]);
    expect(await answers(["list", ...words, "--user", "nobody"])).toEqual([]);
  });

  it("counts and measures", async () => {
    const { directory, words } = await filled();
    expect(await answers(["stats", ...words])).toEqual([
      {
        place: `${directory} (sessions)`,
        sessions: 4,
        owner: null,
        journalBytes: statSync(join(directory, "sessions.wal.log")).size,
        snapshotBytes: 0,
        memoryBytes: expect.any(Number),
        damaged: 0,
      },
    ]);
  });

  it("changes no byte and no time, and can do without the right to write", async () => {
    const { directory, words } = await filled();
    // What an opening would cut off, and set aside.
    const journal = join(directory, "sessions.wal.log");
    writeFileSync(journal, `not a record\n${readFileSync(journal, "utf8")}{"op":"ins`);
    chmodSync(journal, 0o400);
    chmodSync(directory, 0o500);
    const before = stateOf(directory);
    const [first] = await Promise.all([
      answers(["list", ...words]),
      answers(["stats", ...words]),
      answers(["show", "b", ...words]),
    ]);
    expect(first).toHaveLength(4);
    expect(stateOf(directory)).toEqual(before);
    chmodSync(directory, 0o700);
  });

  it("shows tables to people, without what a terminal would obey", async () => {
    const directory = join(tempDirectory(), "data");
    await fill({ directory }, (store) => store.set("\u001b[31mred", sessionOf("ann")));
    const { stdout } = await cli(["list", "--directory", directory]);
    expect(stdout.split("\n")[0]).toMatch(/^ID +USER +CREATED \(UTC\) +EXPIRES \(UTC\) +BYTES$/);
    expect(stdout).toContain("\\u001b[31mred  ann   2");
    expect(stdout).not.toContain("\u001b");
  });

  it("ends quietly when nobody reads on", async () => {
    const directory = join(tempDirectory(), "data");
    await fill({ directory }, (store) =>
      Promise.all(
        Array.from({ length: 3000 }, (_, n) => store.set(`a session ${n}`, sessionOf("ann"))),
      ),
    );
    const child = start(["list", "--directory", directory]);
    const ended = new Promise((resolve) => child.once("close", resolve));
    let words = "";
    child.stderr.on("data", (part: Buffer) => (words += part.toString()));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.stdout.destroy();
    expect(await ended).toBe(0);
    expect(words).toBe("");
  });
});

it("an id that looks like an option comes after --", async () => {
  const directory = join(tempDirectory(), "data");
  await fill({ directory }, (store) => store.set("-h", sessionOf("ann")));
  const words = ["show", "--directory", directory, "--json"];
  const [help, shown] = await Promise.all([cli([...words, "-h"]), cli([...words, "--", "-h"])]);
  expect(help).toMatchObject({ exit: 0, stdout: expect.stringContaining("Usage: ") });
  expect(JSON.parse(shown.stdout)).toMatchObject({ id: "-h", user: "ann" });
});

describe("the key", () => {
  it("comes from a file or the environment, and a wrong one is told from none at all", async () => {
    const { directory, words } = await filled({ encryptionKey: KEY });
    const file = join(directory, "..", "key");
    writeFileSync(file, `${KEY}\n`);
    const ids = await Promise.all([
      answers(["list", ...words, "--key-file", file]),
      answers(["list", ...words], { env: { SESSION_STORE_KEY: KEY } }),
    ]);
    expect(ids.map((list) => list.length)).toEqual([4, 4]);
    const before = stateOf(directory);
    const wrong = { env: { SESSION_STORE_KEY: "another key than that" } };
    const [without, other] = await Promise.all([
      cli(["list", ...words]),
      cli(["list", ...words], wrong),
    ]);
    expect(stateOf(directory)).toEqual(before);
    const ending = await cli(["revoke", "a", "--yes", ...words], wrong);
    expect([without.exit, other.exit, ending.exit]).toEqual([5, 5, 5]);
    expect(other.stderr + ending.stderr).not.toContain("another key than that");
  });
});

describe("what changes", () => {
  it("ends one session, those of a user, and all", async () => {
    const { words } = await filled();
    const ids = async () =>
      (await answers(["list", ...words])).map((one) => (one as { id: string }).id);
    expect(await answers(["revoke", "b", "--yes", ...words])).toEqual([{ revoked: 1 }]);
    expect(await ids()).toEqual(["a", "c", "nobody's"]);
    expect(await answers(["revoke", "--user", "ann", "--yes", ...words])).toEqual([{ revoked: 2 }]);
    expect(await ids()).toEqual(["nobody's"]);
    expect(await answers(["revoke", "--all", "--yes", ...words])).toEqual([{ revoked: 1 }]);
    expect(await ids()).toEqual([]);
  });

  it("asks before it deletes, and deletes nothing where it cannot ask", async () => {
    const { directory, words } = await filled();
    const before = stateOf(directory);
    expect(await cli(["revoke", "--all", ...words])).toMatchObject({ exit: 2, stdout: "" });
    expect(stateOf(directory)).toEqual(before);
  });

  it("compacts", async () => {
    const { directory, words } = await filled();
    const [sizes] = await answers(["compact", ...words]);
    const size = (name: string) => statSync(join(directory, name)).size;
    expect(sizes).toEqual({
      journalBytes: size("sessions.wal.log"),
      snapshotBytes: size("sessions.snapshot.json"),
    });
    expect(size("sessions.wal.log")).toBe(0);
  });
});

describe("what is wrong", () => {
  it("is told, and the exit code says of which kind it is", async () => {
    const { directory, words } = await filled();
    const ends = async (line: string, exit: number, told: RegExp) => {
      const { exit: found, stderr, stdout } = await cli([...line.split(" "), ...words]);
      expect([line, found, stdout]).toEqual([line, exit, ""]);
      expect(stderr).toMatch(told);
    };
    await Promise.all([
      ends("lst", 2, /did you mean list\?/),
      ends("list --jsno", 2, /did you mean --json\?/),
      ends("list --user", 2, /--user/),
      ends("list --json=yes", 2, /--json/),
      ends("list extra", 2, /options only/),
      ends("show", 2, /id/),
      ends("show a b", 2, /one ID/),
      ends("show unknown", 1, /no live session/),
      ends("revoke --yes", 2, /--user USER or --all/),
      ends("revoke a --all --yes", 2, /--user USER or --all/),
      ends("list --redis-file x", 2, /not both/),
      ends("list --key-file /does/not/exist", 2, /cannot read/),
      ends("list --collection ../x", 2, /collection/),
      ends("list --collection unknown", 1, /no sessions/),
      ends("revoke --all --yes --collection unknown", 1, /no sessions/),
    ]);
    expect(readdirSync(directory).sort()).toEqual(["sessions.wal.log"]);
    // By itself: it opens the collection, which the others would meet.
    await ends("revoke unknown --yes", 1, /no live session/);
    expect((await cli(["list"])).exit).toBe(2);
    expect((await cli([])).exit).toBe(2);
  });

  it.skipIf(process.getuid?.() !== 0)("is another user's directory", async () => {
    const { directory, words } = await filled();
    const { chownSync } = await import("node:fs");
    chownSync(directory, 12_345, 12_345);
    const { exit, stderr } = await cli(["revoke", "--all", "--yes", ...words]);
    expect(exit).toBe(1);
    expect(stderr).toContain("12345");
    chownSync(directory, 0, 0);
    expect(await answers(["list", ...words])).toHaveLength(4);
  });
});

describe("the help", () => {
  it("is there for the whole and for each command, with an example", async () => {
    const { exit, stdout } = await cli(["--help"]);
    expect(exit).toBe(0);
    const names = [...stdout.matchAll(/^ {2}(\w+) {2}/gm)].map(([, name]) => name!);
    expect(names).toContain("revoke");
    const helps = await Promise.all(names.map((name) => cli([name, "--help"])));
    for (const [index, help] of helps.entries()) {
      expect(help).toMatchObject({ exit: 0, stderr: "" });
      expect(help.stdout).toContain(`npx express-session-isolate ${names[index]} `);
    }
  });
});
