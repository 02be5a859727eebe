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
