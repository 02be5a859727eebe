/**
 * Owns compatibility with lite-nosql 1.0.0, one way: directories that it wrote open and serve what it
 * reads from them itself. `compat-written.test.ts` has the other way.
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
import { describe, expect, it } from "vitest";
import { NEW_KEY, read, served, type Sessions, storeIn } from "../support/compatible-store.js";
import { filesWith } from "../support/directory.js";
import { readDocuments, readFiles, sessionIn } from "../support/lite-nosql-reader.js";
import { sessionOf } from "../support/session-values.js";
import { tempDirectory } from "../support/temp-dir.js";

const FIXTURES = fileURLToPath(new URL("../fixtures/lite-nosql-1.0.0", import.meta.url));

interface Expected {
  readonly encryptionKey: string | null;
  readonly documents: readonly Record<string, unknown>[];
}

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
