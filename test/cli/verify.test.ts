/** What `verify` says of files, in which state ever, and that it leaves them as they are. */
import { chmodSync, cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { cli, fill, sessionOf } from "../support/cli.js";
import { owner } from "../support/owner.js";
import { tempDirectory } from "../support/temp-dir.js";

const KEY = "a key of the test's own";

async function filled(more: { encryptionKey?: string } = {}): Promise<string> {
  const directory = join(tempDirectory(), "data");
  await fill({ directory, ...more }, async (store) => {
    for (const id of ["a", "b", "c"]) await store.set(id, sessionOf("ann"));
  });
  return directory;
}

function stateOf(directory: string): unknown {
  return ["", ...readdirSync(directory).sort()].map((name) => {
    const { mtimeMs, size } = statSync(join(directory, name));
    return [name, mtimeMs, size];
  });
}

/** Verifies, and makes sure that nothing has changed. */
async function verify(directory: string, env = {}) {
  const before = stateOf(directory);
  const ran = await cli(["verify", "--directory", directory, "--json"], { env });
  expect(stateOf(directory)).toEqual(before);
  return { ...ran, found: ran.stdout === "" ? null : (JSON.parse(ran.stdout) as object) };
}

it("says that all is good, in words and as JSON", async () => {
  const directory = await filled();
  chmodSync(directory, 0o500);
  expect(await verify(directory)).toMatchObject({
    exit: 0,
    found: {
      place: `${directory} (sessions)`,
      state: "good",
      sessions: 3,
      expired: 0,
      records: 3,
      damage: [],
      tornBytes: 0,
      converted: 0,
      encrypted: false,
      lock: "free",
      owner: null,
      leftovers: [],
      quarantine: [],
    },
  });
  const { stdout } = await cli(["verify", "--directory", directory]);
  expect(stdout).toMatch(/^state +good$/m);
});

it("names damaged lines, a torn tail and what a crash has left, and ends with 3", async () => {
  const directory = await filled();
  const journal = join(directory, "sessions.wal.log");
  const [first, second, ...rest] = readFileSync(journal, "utf8").split("\n");
  const damaged = [first, second!.replace("ann", "amn"), ...rest].join("\n");
  writeFileSync(journal, `${damaged}{"op":"ins`);
  writeFileSync(join(directory, "sessions.snapshot.json.tmp"), "{");
  writeFileSync(join(directory, "sessions.lock"), `{"pid":999999999,"ts":1,"host":"elsewhere"}`);
  const { exit, found } = await verify(directory);
  expect(exit).toBe(3);
  expect(found).toMatchObject({
    state: "damaged",
    sessions: 2,
    damage: [{ file: "journal", line: 2, reason: "the checksum is wrong" }],
    tornBytes: 10,
    lock: "silent",
    owner: { pid: 999_999_999, host: "elsewhere" },
    leftovers: ["sessions.snapshot.json.tmp"],
  });
  const { stdout } = await cli(["verify", "--directory", directory]);
  expect(stdout).toContain("journal, line 2: the checksum is wrong\n");
});

it("ends with 5 if the key does not fit, and with 3 if nothing can be read", async () => {
  const directory = await filled({ encryptionKey: KEY });
  const copy = join(directory, "..", "copy");
  cpSync(directory, copy, { recursive: true });
  writeFileSync(join(copy, ".db.salt"), "not a salt");
  const [right, wrong, none, unsalted] = await Promise.all([
    verify(directory, { SESSION_STORE_KEY: KEY }),
    verify(directory, { SESSION_STORE_KEY: "another key than that" }),
    verify(directory),
    verify(copy, { SESSION_STORE_KEY: KEY }),
  ]);
  expect(right).toMatchObject({ exit: 0, found: { encrypted: true, sessions: 3 } });
  expect([wrong.exit, none.exit, unsalted.exit]).toEqual([5, 5, 5]);
  const plain = await filled();
  writeFileSync(join(plain, "sessions.snapshot.json"), '{"version":1,"ts":1,"docs":[["a",{');
  expect(await verify(plain)).toMatchObject({ exit: 3, stdout: "" });
});

it("tells, as all that reads files does, that the sessions move to Redis", async () => {
  const directory = await filled();
  writeFileSync(join(directory, "sessions.migrated"), "");
  for (const words of [["verify"], ["list"], ["export"], ["backup", `${directory} copy`]]) {
    const { exit, stderr } = await cli([...words, "--directory", directory]);
    expect([words, exit]).toEqual([words, 0]);
    expect(stderr).toContain("Redis");
  }
  expect(await cli(["list", "--directory", await filled()])).toMatchObject({ stderr: "" });
});

it("reads beside a running owner, who keeps the secret of its lock", async () => {
  const directory = await filled();
  const other = await owner({ directory });
  await other.call("set", "d", sessionOf());
  const { exit, found, stdout } = await verify(directory);
  expect(exit).toBe(0);
  expect(found).toMatchObject({
    sessions: 4,
    lock: "held",
    owner: { pid: other.process.pid },
    leftovers: [],
  });
  const { secret } = JSON.parse(readFileSync(join(directory, "sessions.lock"), "utf8")) as {
    secret: string;
  };
  expect(secret).toMatch(/./);
  expect(stdout).not.toContain(secret);
  await other.call("close");
});
