/**
 * Owns compatibility with lite-nosql 1.0.0, both ways: directories that it wrote open and serve what
 * it reads from them itself, and what this store writes is read by the format alone.
 */
import {
  appendFileSync,
  chmodSync,
  cpSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import LiteNoSQLStore from "express-session-isolate";
import { describe, expect, it, onTestFinished } from "vitest";
import { filesWith, modeOf } from "../support/directory.js";
import {
  type Documents,
  readDocuments,
  readFiles,
  sessionIn,
} from "../support/lite-nosql-reader.js";
import { HOUR_MS, SHAPES, sessionOf, STRANGE_SIDS } from "../support/session-values.js";
import { tempDirectory } from "../support/temp-dir.js";

const FIXTURES = fileURLToPath(new URL("../fixtures/lite-nosql-1.0.0", import.meta.url));

interface Expected {
  readonly encryptionKey: string | null;
  readonly documents: readonly Record<string, unknown>[];
}

type Sessions = Map<string, unknown>;

interface Fixture {
  readonly directory: string;
  readonly password: string | undefined;
  readonly sessions: Sessions;
}

/** A copy of a fixture, and the sessions that are in it and live. */
function fixture(name: string): Fixture {
  const directory = join(tempDirectory(), "data");
  cpSync(join(FIXTURES, name, "dados"), directory, { recursive: true });
  chmodSync(directory, 0o700);
  const expected = JSON.parse(
    readFileSync(join(FIXTURES, name, "expected.json"), "utf8"),
  ) as Expected;
  const sessions = expected.documents
    .map((document) => sessionIn(String(document["_id"]), document)!)
    .filter(({ expiresAt }) => Number(expiresAt) > Date.now());
  return {
    directory,
    password: expected.encryptionKey ?? undefined,
    sessions: new Map(sessions.map(({ sid, sess }) => [sid, sess])),
  };
}

function storeIn(directory: string, password?: string, more: object = {}): LiteNoSQLStore {
  const key = password === undefined ? {} : { encryptionKey: password };
  const store = new LiteNoSQLStore({ directory, ...key, ...more, isolate: false });
  // Fixtures with damage in them say so.
  store.on("error", () => undefined);
  onTestFinished(() => store.close().catch(() => undefined));
  return store;
}

async function served(store: LiteNoSQLStore): Promise<Sessions> {
  const ids = await store.ids();
  return new Map(await Promise.all(ids.map(async (id) => [id, await store.get(id)] as const)));
}

/** What lite-nosql would find, as sessions. */
function read(directory: string, password?: string): Sessions {
  const documents = readDocuments(readFiles(directory), password);
  const sessions = [...documents].map(([id, document]) => sessionIn(id, document));
  return new Map(sessions.flatMap((found) => (found === null ? [] : [[found.sid, found.sess]])));
}

const NEW_KEY = "another key of the test";

describe.each(readdirSync(FIXTURES))("what lite-nosql wrote, %s,", (name) => {
  it("is served, at once and after a compaction and a reopening", async () => {
    const { directory, password, sessions } = fixture(name);
    const first = storeIn(directory, password);
    expect(await served(first)).toEqual(sessions);
    expect(await first.length()).toBe(sessions.size);
    await first.close();

    const second = storeIn(directory, password);
    expect(await served(second)).toEqual(sessions);
    await second.compact();
    expect(await served(second)).toEqual(sessions);
    await second.close();

    const third = storeIn(directory, password);
    expect(await served(third)).toEqual(sessions);
    await third.close();
    for (const [sid, sess] of sessions) expect(read(directory, password).get(sid)).toEqual(sess);
  });

  it("is served under a new key, with which lite-nosql reads it too", async () => {
    const { directory, password, sessions } = fixture(name);
    const keys = password === undefined ? NEW_KEY : [NEW_KEY, password];
    const first = storeIn(directory, undefined, { encryptionKey: keys });
    expect(await served(first)).toEqual(sessions);
    await first.compact();
    await first.close();
    expect(filesWith(directory, ["sku-0", "sid-0", "dotted.key"])).toEqual([]);

    const second = storeIn(directory, NEW_KEY);
    expect(await served(second)).toEqual(sessions);
    await second.close();
    for (const [sid, sess] of sessions) expect(read(directory, NEW_KEY).get(sid)).toEqual(sess);
  });

  it("can be changed, and lite-nosql reads the changes", async () => {
    const { directory, password, sessions } = fixture(name);
    const [touched, changed, gone] = [...sessions.keys()] as [string, string, string];
    const store = storeIn(directory, password);
    const session = sessionOf({ changed: true });
    await store.touch(touched, { cookie: session["cookie"] } as never);
    await store.set(changed, session);
    await store.destroy(gone);
    await store.set("a new one", session);
    await store.close();

    const expected = new Map<string, unknown>([
      ...sessions,
      [changed, session],
      ["a new one", session],
    ]);
    expected.set(touched, { ...(sessions.get(touched) as object), cookie: session["cookie"] });
    expected.delete(gone);
    const found = read(directory, password);
    expect(found.has(gone)).toBe(false);
    for (const [sid, sess] of expected) expect(found.get(sid)).toEqual(sess);
    expect(await served(storeIn(directory, password))).toEqual(expected);
  });
});

describe("documents that are no sessions", () => {
  const DOCUMENTS: Record<string, unknown>[] = [
    { _id: "settings", theme: "dark", nested: { list: [1, null] } },
    { _id: "no-sess", expiresAt: 1, sid: "s" },
    { _id: "sess-null", sess: null },
    { _id: "sess-number", sess: 7 },
    { _id: "proto", ["__proto__"]: { admin: true } },
  ];

  it.each([undefined, NEW_KEY])("are kept and never served, key: %s", async (password) => {
    const directory = tempDirectory();
    const first = storeIn(directory);
    await first.set("s", sessionOf({}));
    await first.close();
    const lines = DOCUMENTS.map((doc) =>
      JSON.stringify({ op: "insert", ts: 1, id: doc["_id"], doc }),
    );
    const patch = { op: "update", ts: 2, id: "settings", set: { theme: "light" }, inc: { n: 2 } };
    appendFileSync(
      join(directory, "sessions.wal.log"),
      [...lines, JSON.stringify(patch), ""].join("\n"),
    );
    const expected = new Map(DOCUMENTS.map((document) => [String(document["_id"]), document]));
    expected.set("settings", { ...DOCUMENTS[0]!, theme: "light", n: 2 });

    for (const compact of [false, true, true]) {
      const store = storeIn(directory, password);
      expect(await store.ids()).toEqual(["s"]);
      expect(await store.length()).toBe(1);
      for (const id of expected.keys()) expect(await store.get(id)).toBeNull();
      if (compact) await store.compact();
      await store.close();
      const documents = readDocuments(readFiles(directory), password);
      for (const [id, document] of expected) expect(documents.get(id)).toEqual(document);
    }
  });

  it("are left alone by clear", async () => {
    const directory = tempDirectory();
    const line = JSON.stringify({ op: "insert", ts: 1, id: "kept", doc: { _id: "kept" } });
    writeFileSync(join(directory, "sessions.wal.log"), `${line}\n`);
    const store = storeIn(directory);
    await store.set("s", sessionOf({}));
    expect(await store.clear()).toBe(1);
    await store.close();
    expect([...readDocuments(readFiles(directory)).keys()]).toEqual(["kept"]);
  });
});

/** Puts all that a session may be into a store, in all the ways there are. */
async function fill(store: LiteNoSQLStore): Promise<void> {
  for (const [name, text] of Object.entries(SHAPES)) {
    await store.set(name, JSON.parse(text) as never);
  }
  for (const sid of STRANGE_SIDS) await store.set(sid, sessionOf({ sid }));
  await store.compact();
  for (const name of Object.keys(SHAPES)) {
    await store.touch(name, sessionOf({}, 2 * HOUR_MS) as never);
  }
  await store.set("replaced", sessionOf({ number: 1 }));
  await store.set("replaced", sessionOf({ number: 2 }));
  await store.set("destroyed", sessionOf({}));
  await store.destroy("destroyed");
  await store.destroy("0");
}

describe.each([
  ["plain", undefined],
  ["encrypted", NEW_KEY],
])("what this store writes, %s,", (_, password) => {
  it.each([false, true])("is read by the format alone, compacted: %s", async (compacted) => {
    const directory = tempDirectory();
    const store = storeIn(directory, password);
    await fill(store);
    if (compacted) await store.compact();
    const sessions = await served(store);
    await store.close();
    expect(sessions.size).toBeGreaterThan(40);
    expect(read(directory, password)).toEqual(sessions);
  });

  it.each([false, true])("with a serializer, is read so, compacted: %s", async (compacted) => {
    const directory = tempDirectory();
    const serializer = {
      stringify: (value: unknown) => `v1 ${JSON.stringify(value)}`,
      parse: (text: string) => JSON.parse(text.slice(3)) as never,
    };
    const store = storeIn(directory, password, { serializer });
    await store.set("a", sessionOf({ user: "alice" }));
    await store.set("b", sessionOf({ user: "bob" }));
    const later = sessionOf({}, 2 * HOUR_MS);
    await store.touch("b", later as never);
    if (compacted) await store.compact();
    const sessions = await served(store);
    await store.close();
    const documents: Documents = readDocuments(readFiles(directory), password);
    const parsed = [...documents].map(([id, { sess, cookie }]) => {
      const session = serializer.parse(String(sess)) as object;
      return [id, cookie === undefined ? session : { ...session, cookie }] as const;
    });
    expect(new Map(parsed)).toEqual(sessions);
    expect(sessions.get("b")).toEqual({ user: "bob", cookie: later["cookie"] });
    expect(await served(storeIn(directory, password, { serializer }))).toEqual(sessions);
  });

  it("is for the owner's eyes alone", async () => {
    const directory = join(tempDirectory(), "deep", "data");
    const store = storeIn(directory, password);
    await store.set("a", sessionOf({}));
    expect(modeOf(directory)).toBe(0o700);
    expect(modeOf(join(directory, ".."))).toBe(0o700);
    await store.compact();
    const names = readdirSync(directory);
    expect(names).toEqual(
      expect.arrayContaining(["sessions.lock", "sessions.snapshot.json", "sessions.wal.log"]),
    );
    expect(names.includes(".db.salt")).toBe(password !== undefined);
    for (const name of names) expect([name, modeOf(join(directory, name))]).toEqual([name, 0o600]);
    await store.close();
    appendFileSync(join(directory, "sessions.wal.log"), "damage\n");
    await storeIn(directory, password).close();
    const quarantine = readdirSync(directory).filter((name) => name.includes("quarantine"));
    expect(quarantine.map((name) => modeOf(join(directory, name)))).toEqual([0o600]);
  });

  it("has each session's document once, with its expiry", async () => {
    const directory = tempDirectory();
    const store = storeIn(directory, password);
    const expires = new Date(Date.now() + HOUR_MS);
    await store.set("a", { cookie: { expires } } as never);
    await store.close();
    expect([...readDocuments(readFiles(directory), password)]).toEqual([
      [
        "a",
        { _id: "a", sess: { cookie: { expires: expires.toISOString() } }, expiresAt: +expires },
      ],
    ]);
  });
});

it("with a key neither ids nor content reach the disk", async () => {
  const directory = tempDirectory();
  const store = storeIn(directory, NEW_KEY);
  const secrets = ["the-session-id", "the-content", "the-cookie-name"];
  const session = { ...sessionOf({ text: "the-content" }), cookie: { path: "/the-cookie-name" } };
  await store.set("the-session-id", session as never);
  expect(filesWith(directory, secrets)).toEqual([]);
  await store.touch("the-session-id", session as never);
  await store.compact();
  expect(filesWith(directory, secrets)).toEqual([]);
  await store.set("the-session-id", session as never);
  await store.destroy("the-session-id");
  await store.close();
  expect(filesWith(directory, secrets)).toEqual([]);
});
