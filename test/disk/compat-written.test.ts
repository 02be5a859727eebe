/**
 * Owns compatibility with lite-nosql 1.0.0, the other way: what this store writes is read by the
 * format alone, is its owner's alone and, with a key, shows nothing.
 */
import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type LiteNoSQLStore from "express-session-isolate";
import { describe, expect, it } from "vitest";
import { NEW_KEY, read, served, storeIn } from "../support/compatible-store.js";
import { filesWith, modeOf } from "../support/directory.js";
import { type Documents, readDocuments, readFiles } from "../support/lite-nosql-reader.js";
import { HOUR_MS, SHAPES, sessionOf, STRANGE_SIDS } from "../support/session-values.js";
import { tempDirectory } from "../support/temp-dir.js";

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
      if (cookie === undefined) return [id, session] as const;
      const { serialized } = cookie as { serialized: string };
      return [id, Object.assign(session, serializer.parse(serialized))] as const;
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

  it.each([false, true])(
    "with its users and times is read so, compacted: %s",
    async (compacted) => {
      const directory = tempDirectory();
      const options = { userOf: "account", absoluteTtl: 3600 };
      const store = storeIn(directory, password, options);
      await fill(store);
      const accounts = ["plain", 'a "quote", \\ and \n', "日本語", '"}', "ends with a brace}"];
      for (const account of accounts) await store.set(account, sessionOf({ account }, 2 * HOUR_MS));
      if (compacted) await store.compact();
      const sessions = await served(store);
      const before = await Promise.all(accounts.map((account) => store.sessionsOf(account)));
      await store.close();
      expect(read(directory, password)).toEqual(sessions);
      const documents = readDocuments(readFiles(directory), password);
      for (const [index, account] of accounts.entries()) {
        const { createdAt, expiresAt } = before[index]![0]!;
        expect(documents.get(account)).toMatchObject({ user: account, createdAt, expiresAt });
        expect(expiresAt).toBe(createdAt + HOUR_MS);
      }
      const again = storeIn(directory, password, options);
      expect(await Promise.all(accounts.map((account) => again.sessionsOf(account)))).toEqual(
        before,
      );
    },
  );

  it("has each session's document once, with its expiry", async () => {
    const directory = tempDirectory();
    const store = storeIn(directory, password);
    const expires = new Date(Date.now() + HOUR_MS);
    const session = { cookie: { expires } } as never;
    await store.set("a", session);
    await store.set("b", session);
    await store.touch("b", session);
    await store.close();
    const sess = { cookie: { expires: expires.toISOString() } };
    expect([...readDocuments(readFiles(directory), password)]).toEqual([
      ["a", { _id: "a", sess, expiresAt: +expires, unused: true }],
      ["b", expect.objectContaining({ _id: "b", sess, expiresAt: +expires })],
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
