/**
 * Owns which stores the suite is run over: MemoryStore, whose known differences prove that the
 * suite can fail, then the package's store in each configuration. Besides, what only this store
 * has: its lifecycle properties, and callbacks that throw.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import session from "express-session";
import LiteNoSQLStore, { StoreError } from "express-session-isolate";
import { describe, expect, onTestFinished, test } from "vitest";
import { storeSuite } from "./store-suite.js";
import { type Configuration, storeFactory } from "./store-factory.js";
import type { Form } from "./subject.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const KEY = "a key of the test's own";

/** A text that is no JSON, for each session. */
const BASE64 = {
  stringify: (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64"),
  parse: (text: string) => JSON.parse(Buffer.from(text, "base64").toString()) as never,
};

storeSuite(
  "MemoryStore",
  {
    forms: ["callback"],
    open: () => new session.MemoryStore(),
    release: () => Promise.resolve(),
  },
  ["promises", "answers", "array", "ids", "lifetime", "keep cookie", "checks", "life"],
);

// What differs between the forms is above the engine: beyond the defaults, they take turns.
const configurations: [name: string, configuration: Configuration, ...forms: Form[]][] = [
  ["isolated", { isolate: true }, "callback", "promise"],
  ["isolated, not durable", { isolate: true, durable: false }, "callback"],
  ["isolated, encrypted", { isolate: true, encryptionKey: KEY }, "promise"],
  [
    "isolated, encrypted, not durable",
    { isolate: true, encryptionKey: KEY, durable: false },
    "callback",
  ],
  ["in-thread", { isolate: false }, "callback", "promise"],
  ["in-thread, not durable", { isolate: false, durable: false }, "promise"],
  ["in-thread, encrypted", { isolate: false, encryptionKey: KEY }, "callback"],
  [
    "in-thread, encrypted, not durable",
    { isolate: false, encryptionKey: KEY, durable: false },
    "promise",
  ],
  ["texts that are no JSON", { serializer: BASE64 }, "promise"],
];
for (const [name, configuration, ...forms] of configurations) {
  storeSuite(name, storeFactory(configuration, { forms }));
}

storeSuite(
  "reopened before each reading",
  storeFactory({ isolate: true }, { forms: ["promise"], reopenAtCheckpoints: true }),
);
storeSuite(
  "encrypted, reopened before each reading",
  storeFactory(
    { isolate: false, encryptionKey: KEY },
    { forms: ["callback"], reopenAtCheckpoints: true },
  ),
);

describe.each([{ isolate: true }, { isolate: false }])("a store with %o", (configuration) => {
  function openStore(options: Configuration = {}, directory = tempDirectory()): LiteNoSQLStore {
    const store = new LiteNoSQLStore({ ...configuration, ...options, directory });
    onTestFinished(() => store.close());
    return store;
  }

  test("is a Store, and an EventEmitter", () => {
    const store = openStore();
    expect(store).toBeInstanceOf(session.Store);
    expect(store.listenerCount("error")).toBe(0);
  });

  test("ready resolves when the collection is open", async () => {
    const store = openStore();
    await expect(store.ready).resolves.not.toThrow();
  });

  test("_col.compactar compacts", async () => {
    const store = openStore();
    await store.set("a", { user: "ann" } as never);
    await store._col.compactar();
    expect(await store.stats()).toMatchObject({ walBytes: 0, sessions: 1 });
    await store.close();
    await expect(store._col.compactar()).rejects.toMatchObject({ code: "STORE_CLOSED" });
  });

  test("Symbol.asyncDispose closes", async () => {
    const store = openStore();
    await store[Symbol.asyncDispose]();
    await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_CLOSED" });
  });

  test("stats tells what the store has and has done", async () => {
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

  test("a store that cannot open reports why from every call, until it is closed", async () => {
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
    await until(() => reports.length > 0);
    expect(reports).toMatchObject([{ code: "STORE_KEY_MISMATCH" }]);
    await store.close();
    await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_CLOSED" });

    const again = openStore({ encryptionKey: KEY }, directory);
    expect(await again.get("a")).toStrictEqual({ user: "ann" });
  });
});

test.each(["MemoryStore", "isolate: true", "isolate: false"])(
  "%s: what a callback throws is the caller's own",
  async (kind) => {
    const methods = ["get", "set", "touch", "destroy", "all", "length", "clear"];
    if (kind !== "MemoryStore") methods.push("ids", "compact", "stats", "close");
    const script = fileURLToPath(new URL("./callbacks-throw.js", import.meta.url));
    const env = { ...process.env, DIRECTORY: tempDirectory() };
    const { stdout } = await promisify(execFile)(process.execPath, [script, kind, ...methods], {
      env,
    });
    expect(JSON.parse(stdout)).toEqual({
      calls: methods,
      uncaughtException: methods,
      unhandledRejection: [],
    });
  },
);
