/**
 * Owns what this package's store has and the suite asks of no other: the properties of its life, what
 * `stats` tells, and a collection that cannot be opened.
 */
import session from "express-session";
import LiteNoSQLStore, { StoreError } from "express-session-isolate";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Configuration } from "./store-factory.js";
import { tempDirectory } from "../support/temp-dir.js";

const KEY = "a key of the test's own";

describe.each([{ isolate: true }, { isolate: false }])("a store with %o", (configuration) => {
  function openStore(options: Configuration = {}, directory = tempDirectory()): LiteNoSQLStore {
    const store = new LiteNoSQLStore({ ...configuration, ...options, directory });
    onTestFinished(() => store.close());
    return store;
  }

  it("is a Store, and an EventEmitter", () => {
    const store = openStore();
    expect(store).toBeInstanceOf(session.Store);
    expect(store.listenerCount("error")).toBe(0);
  });

  it("is ready when the collection is open", async () => {
    const store = openStore();
    await expect(store.ready).resolves.not.toThrow();
  });

  it("is compacted by _col.compactar", async () => {
    const store = openStore();
    await store.set("a", { user: "ann" } as never);
    await store._col.compactar();
    expect(await store.stats()).toMatchObject({ walBytes: 0, sessions: 1 });
    await store.close();
    await expect(store._col.compactar()).rejects.toMatchObject({ code: "STORE_CLOSED" });
  });

  it("is closed by Symbol.asyncDispose", async () => {
    const store = openStore();
    await store[Symbol.asyncDispose]();
    await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_CLOSED" });
  });

  it("tells by stats what it has and has done", async () => {
    const directory = tempDirectory();
    const earlier = openStore({}, directory);
    expect(await earlier.stats()).toMatchObject({ sessions: 0, recovered: 0, compaction: null });
    await Promise.all(["a", "b", "c"].map((sid) => earlier.set(sid, { sid } as never)));
    await earlier.destroy("c");
    expect(await earlier.stats()).toMatchObject({
      sessions: 2,
      walBytes: expect.toSatisfy((bytes) => bytes > 0) as number,
      commits: { records: 4, failed: 0 },
      quarantined: 0,
    });
    await earlier.close();

    const store = openStore({}, directory);
    const opened = await store.stats();
    expect(opened).toMatchObject({ sessions: 2, quarantined: 0, compaction: null });
    expect(opened.recovered).toBeGreaterThanOrEqual(2);
    const before = Date.now();
    await store.compact();
    const { compaction, snapshotBytes, walBytes } = await store.stats();
    expect(compaction?.at).toBeGreaterThanOrEqual(before);
    expect(compaction?.at).toBeLessThanOrEqual(Date.now());
    expect(snapshotBytes).toBeGreaterThan(0);
    expect(walBytes).toBe(0);
  });

  it("that cannot be opened reports why from every call, until it is closed", async () => {
    const directory = tempDirectory();
    const encrypted = openStore({ encryptionKey: KEY }, directory);
    await encrypted.set("a", { user: "ann" } as never);
    await encrypted.close();

    const store = openStore({ encryptionKey: `not ${KEY}` }, directory);
    const reports: unknown[] = [];
    store.on("error", (error) => reports.push(error));
    const calls = {
      get: () => store.get("a"),
      set: () => store.set("a", {}),
      touch: () => store.touch("a", { cookie: {} } as never),
      destroy: () => store.destroy("a"),
      length: () => store.length(),
      ids: () => store.ids(),
      all: () => store.all(),
      clear: () => store.clear(),
      compact: () => store.compact(),
      stats: () => store.stats(),
      ready: () => store.ready,
    };
    const codes = async (): Promise<Record<string, unknown>> => {
      const outcomes = Object.entries<() => Promise<unknown>>(calls).map(async ([name, call]) => [
        name,
        await call().then(
          () => "no error",
          (error: unknown) => (error instanceof StoreError ? error.code : error),
        ),
      ]);
      return Object.fromEntries(await Promise.all(outcomes)) as Record<string, unknown>;
    };
    const expected = Object.fromEntries(
      Object.keys(calls).map((name) => [name, "STORE_KEY_MISMATCH"]),
    );
    expect(await codes()).toEqual(expected);
    expect(await codes()).toEqual(expected);
    await store.close();
    expect(reports).toEqual([]);
    await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_CLOSED" });

    const again = openStore({ encryptionKey: KEY }, directory);
    expect(await again.get("a")).toStrictEqual({ user: "ann" });
  });
});
