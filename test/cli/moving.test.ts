/** Sessions on their way from one place to another: between directories and Redis, whole or not at all. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { answers, cli, fill, sessionOf, start } from "../support/cli.js";
import { owner } from "../support/owner.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const EXPIRES = Date.UTC(2100, 0, 1);
const KEY = "a key of the test's own";
const USER = 'b"\u00f6b\u2028';
/** Not all of it can be said on a command line. */
const ODD = 'ü\u2028 "\\ \ud800\n';

const server = HAS_SERVER ? await Server.start() : null;
afterAll(() => server?.stop());

/** Sessions as applications of all kinds store them. */
async function filled(more: { encryptionKey?: string } = {}): Promise<string> {
  const directory = join(tempDirectory(), "data");
  await fill({ directory, ...more }, async (store) => {
    await store.set("a", sessionOf("ann", { cart: [1, ODD] }));
    await store.set(ODD, sessionOf(USER));
    await store.set("nobody's", sessionOf());
    await store.touch("a", { cookie: { path: "/new", expires: new Date(EXPIRES) } } as never);
  });
  const serializer = { stringify: () => "no JSON", parse: (): object => ({}) };
  await fill({ directory, ...more, serializer }, (store) => store.set("own", sessionOf()));
  return directory;
}

/** All that is known of the sessions, in an order of its own. */
async function all(words: readonly string[], env = {}): Promise<unknown[]> {
  const found = (await answers(["list", ...words, "--with-data"], { env })) as { id: string }[];
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function lines(path: string): string[] {
  return readFileSync(path, "utf8").split("\n").slice(0, -1);
}

/** An export with these lines in place of its own, and the checksum that they have. */
function resealed(head: string, sessions: readonly string[]): string {
  const body = `${[head, ...sessions].join("\n")}\n`;
  const sha256 = createHash("sha256").update(body).digest("hex");
  return `${body}${JSON.stringify({ sessions: sessions.length, sha256 })}\n`;
}

describe("an export", () => {
  it("has a head, a line for each session and an end, the same on stdout and in a file", async () => {
    const directory = await filled();
    const file = join(directory, "..", "export");
    const words = ["--directory", directory];
    const [[told], { stdout, exit }] = await Promise.all([
      answers(["export", ...words, "--output", file]),
      cli(["export", ...words]),
    ]);
    expect([told, exit]).toEqual([{ exported: 4 }, 0]);
    const [head, ...rest] = lines(file).map((line) => JSON.parse(line) as object);
    const end = rest.pop();
    expect(head).toEqual({
      format: "express-session-isolate sessions",
      version: 1,
      exportedAt: expect.any(Number),
    });
    const bytes = readFileSync(file);
    const body = bytes.subarray(0, bytes.lastIndexOf("\n", bytes.length - 2) + 1);
    expect(end).toEqual({ sessions: 4, sha256: createHash("sha256").update(body).digest("hex") });
    expect(rest[0]).toEqual({
      ...{ id: "a", user: "ann", expiresAt: EXPIRES, createdAt: expect.any(Number) },
      session: JSON.stringify(sessionOf("ann", { cart: [1, ODD] })),
      cookie: JSON.stringify({ path: "/new", expires: new Date(EXPIRES) }),
    });
    expect(stdout.split("\n").slice(1, -2)).toEqual(lines(file).slice(1, -1));
    if (process.platform !== "win32") expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await cli(["export", ...words, "--output", file]);
    expect(again.exit).toBe(1);
    expect(readdirSync(join(directory, ".."))).toEqual(["data", "export"]);
  });
});

describe("an import", () => {
  it("makes another directory the same, encrypted or not, and again when run again", async () => {
    const directory = await filled();
    const [file, target] = [join(directory, "..", "export"), join(directory, "..", "target")];
    await answers(["export", "--directory", directory, "--output", file]);
    const env = { SESSION_STORE_KEY: KEY };
    const words = ["--directory", target];
    for (let times = 0; times < 2; times++) {
      expect(await answers(["import", file, ...words], { env })).toEqual([
        { imported: 4, expired: 0 },
      ]);
      expect(await all(words, env)).toEqual(await all(["--directory", directory]));
    }
    const back = join(directory, "..", "back");
    await answers(["export", ...words, "--output", back], { env });
    expect(lines(back).slice(1, -1).sort()).toEqual(lines(file).slice(1, -1).sort());
  });

  it("leaves out what has expired, and leaves the other sessions there", async () => {
    const directory = await filled();
    const file = join(directory, "..", "export");
    const line = (id: string, expiresAt: number) =>
      JSON.stringify({ id, session: "{}", cookie: null, expiresAt, createdAt: null, user: null });
    const head = JSON.stringify({ format: "express-session-isolate sessions", version: 1 });
    writeFileSync(file, resealed(head, [line("gone", 1), line("new", EXPIRES)]));
    const words = ["--directory", directory];
    expect(await answers(["import", file, ...words])).toEqual([{ imported: 1, expired: 1 }]);
    expect((await all(words)).map((one) => (one as { id: string }).id)).toContain("new");
    expect(await all(words)).toHaveLength(5);
  });

  it("is refused before anything is stored if the file is cut short or damaged", async () => {
    const directory = await filled();
    const file = join(directory, "..", "export");
    await answers(["export", "--directory", directory, "--output", file]);
    const [head, first, ...rest] = lines(file) as [string, string, ...string[]];
    const end = rest.pop()!;
    const whole = readFileSync(file, "utf8");
    const cases: Readonly<Record<string, string>> = {
      nothing: "",
      "no last line": [head, first, ...rest, ""].join("\n"),
      "half a last line": whole.slice(0, -5),
      "no line break at the end": whole.slice(0, -1),
      "a line too few": [head, ...rest, end, ""].join("\n"),
      "another letter": whole.replace("ann", "amn"),
      "another count": whole.replace('{"sessions":4', '{"sessions":5'),
      "something else": resealed('{"format":"mine","version":1}', []),
      "a later version": resealed(head.replace('"version":1', '"version":2'), []),
      "a line that is no session": resealed(head, ['{"id":1}']),
      "a session that is no JSON": resealed(head, [
        JSON.stringify({ ...(JSON.parse(first) as object), session: '{"a":' }),
      ]),
    };
    const target = join(directory, "..", "target");
    const ends = await Promise.all(
      Object.entries(cases).map(async ([name, text], number) => {
        const damaged = `${file} ${number}`;
        writeFileSync(damaged, text);
        return [name, (await cli(["import", damaged, "--directory", target])).exit];
      }),
    );
    expect(ends).toEqual(Object.keys(cases).map((name) => [name, 3]));
    expect(existsSync(target)).toBe(false);
    expect((await cli(["import", `${file} unknown`, "--directory", target])).exit).toBe(2);
  });

  it("is refused while a store has the directory open", async () => {
    const directory = await filled();
    const file = join(directory, "..", "export");
    const other = await owner({ directory });
    await answers(["export", "--directory", directory, "--output", file]);
    const { exit, stderr } = await cli(["import", file, "--directory", directory]);
    expect(exit).toBe(4);
    expect(stderr).toContain(String(other.process.pid));
    await other.call("close");
  });

  it("that was killed is finished by running it again", async () => {
    const directory = join(tempDirectory(), "data");
    const file = join(directory, "..", "export");
    await fill({ directory }, (store) =>
      Promise.all(
        Array.from({ length: 20_000 }, (_, n) => store.set(`session ${n}`, sessionOf("ann"))),
      ),
    );
    await answers(["export", "--directory", directory, "--output", file]);
    const target = join(directory, "..", "target");
    const child = start(["import", file, "--directory", target]);
    const gone = new Promise((resolve) => child.once("close", resolve));
    const journal = join(target, "sessions.wal.log");
    await until(() => existsSync(journal) && statSync(journal).size > 100_000);
    child.kill("SIGKILL");
    await gone;
    expect((await all(["--directory", target])).length).toBeGreaterThan(0);
    await answers(["import", file, "--directory", target]);
    expect(await answers(["stats", "--directory", target])).toMatchObject([{ sessions: 20_000 }]);
  });
});

describe.skipIf(!HAS_SERVER)("Redis", () => {
  let places = 0;
  /** A place of the test's own, as the environment has it; none of its secrets may be told. */
  const place = (more = {}) => ({
    SESSION_STORE_REDIS: JSON.stringify({ url: server!.url, prefix: `cli ${++places}:` }),
    ...more,
  });

  it.each([
    ["plain", {}],
    ["encrypted", { SESSION_STORE_KEY: KEY }],
  ])("takes sessions from files and gives them back, %s", async (name, key) => {
    const directory = await filled();
    const parent = join(directory, "..");
    const [there, back] = [join(parent, "there"), join(parent, "back")];
    await answers(["export", "--directory", directory, "--output", there]);
    const env = place(key);
    expect(await answers(["import", there], { env })).toEqual([{ imported: 4, expired: 0 }]);
    await answers(["export", "--output", back], { env });
    const target = join(parent, "target");
    await answers(["import", back, "--directory", target]);
    const users = (list: unknown[]) =>
      // With a key, Redis does not tell whose a session is.
      name === "plain" ? list : list.map((one) => ({ ...(one as object), user: null }));
    expect(await all(["--directory", target])).toEqual(
      users(await all(["--directory", directory])),
    );
    expect((await all(["--user", "ann"], env)).length).toBe(1);
  });

  it("answers as files do", async () => {
    const directory = await filled();
    const file = join(directory, "..", "export");
    const words = ["--directory", directory];
    await answers(["export", ...words, "--output", file]);
    const env = place();
    await answers(["import", file], { env });
    expect(await all([], env)).toEqual(await all(words));
    for (const look of [
      ["show", "a", "--with-data"],
      ["list", "--user", "ann"],
    ]) {
      expect(await answers(look, { env })).toEqual(await answers([...look, ...words]));
    }
    expect(await answers(["stats"], { env })).toEqual([
      { place: expect.stringContaining("redis://127.0.0.1:"), sessions: 4, masters: 1 },
    ]);
    expect(await answers(["revoke", "a", "--yes"], { env })).toEqual([{ revoked: 1 }]);
    expect(await answers(["revoke", "--user", USER, "--yes"], { env })).toEqual([{ revoked: 1 }]);
    expect(await answers(["revoke", "--all", "--yes"], { env })).toEqual([{ revoked: 2 }]);
    const ends = await Promise.all(
      [["verify"], ["compact"], ["show", "a"]].map((line) => cli(line, { env })),
    );
    expect(ends.map(({ exit }) => exit)).toEqual([2, 2, 1]);
  });

  it("is out of reach, or has another key, and its password is never told", async () => {
    const env = place({ SESSION_STORE_KEY: KEY });
    const directory = await filled();
    const parent = join(directory, "..");
    const file = join(parent, "export");
    await answers(["export", "--directory", directory, "--output", file]);
    await answers(["import", file], { env });
    const wrong = await cli(["list"], { env: { ...env, SESSION_STORE_KEY: "another key" } });
    const secret = join(parent, "url");
    writeFileSync(secret, `redis://user:hidden@127.0.0.1:1/0\n`);
    const away = await cli(["stats", "--redis-file", secret]);
    writeFileSync(`${secret}2`, '{"url":"redis://user:hidden@127.0.0.1:1",');
    const odd = await cli(["stats", "--redis-file", `${secret}2`]);
    expect([wrong.exit, away.exit, odd.exit]).toEqual([5, 4, 2]);
    expect(away.stderr.match(/ECONNREFUSED/g)).toHaveLength(1);
    expect(wrong.stderr + away.stderr + odd.stderr).not.toMatch(/hidden|another key/);
  });
});
