/**
 * Owns the failures that nobody looks at: they are told, as an event or a warning, and end no
 * process; and what somebody looks at is theirs alone.
 */
import { EventEmitter } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import session from "express-session";
import type LiteNoSQLStore from "express-session-isolate";
import connect from "express-session-isolate/connect";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { reporter } from "../../src/main/reporter.js";
import { StoreError } from "../../src/protocol/errors.js";
import { openStore, sessionOf } from "../support/opened-store.js";
import { passTime } from "../support/passing-time.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

vi.mock("../../src/protocol/timers.js", async (original) => {
  const { withPassingTime } = await import("../support/passing-time.js");
  return withPassingTime(await original());
});

const HOUR_MS = 3_600_000;

interface Scene {
  readonly store: LiteNoSQLStore;
  /** The codes of the `error` events. */
  readonly told: unknown[];
  /** What would have ended the process. */
  readonly unhandled: unknown[];
}

function listenTo(store: LiteNoSQLStore): Scene {
  const told: unknown[] = [];
  store.on("error", (error: Error & { code?: unknown }) => told.push(error.code ?? error.name));
  const unhandled: unknown[] = [];
  const hear = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", hear);
  onTestFinished(() => void process.off("unhandledRejection", hear));
  return { store, told, unhandled };
}

/** A store all of whose calls fail. */
async function closedStore(): Promise<Scene> {
  const store = openStore({ directory: tempDirectory() });
  await store.close();
  return listenTo(store);
}

/** A store that cannot be opened. */
async function lockedStore(): Promise<Scene> {
  const directory = tempDirectory();
  await openStore({ directory }).ready;
  return listenTo(openStore({ directory, share: false }));
}

async function settleDown(): Promise<void> {
  for (let turns = 0; turns < 100; turns++) await turn();
}

const CALLS: [string, (store: LiteNoSQLStore) => Promise<unknown>][] = [
  ["get", (store) => store.get("a")],
  ["set", (store) => store.set("a", sessionOf({}))],
  ["touch", (store) => store.touch("a", sessionOf({}))],
  ["destroy", (store) => store.destroy("a")],
  ["destroy, as req.session.destroy() calls it", (store) => destroyUndefined(store)],
  ["length", (store) => store.length()],
  ["ids", (store) => store.ids()],
  ["all", (store) => store.all()],
  ["clear", (store) => store.clear()],
  ["compact", (store) => store.compact()],
  ["stats", (store) => store.stats()],
  ["_col.compactar", (store) => store._col.compactar()],
];

function destroyUndefined(store: unknown): Promise<unknown> {
  return (store as { destroy(...args: unknown[]): Promise<unknown> }).destroy("a", undefined);
}

const LOOKS: [string, (promise: Promise<unknown>) => Promise<unknown>][] = [
  ["await", async (promise) => await promise],
  ["return from an async function", async (promise) => promise],
  ["then", (promise) => promise.then(() => undefined)],
  ["catch", (promise) => promise.catch((error: unknown) => Promise.reject(error as Error))],
  ["finally", (promise) => promise.finally(() => undefined)],
  ["Promise.all", (promise) => Promise.all([promise])],
  ["Promise.race", (promise) => Promise.race([promise])],
  ["Promise.resolve", (promise) => Promise.resolve(promise)],
];

describe("a failure of a call at which nobody looks", () => {
  it.each(CALLS)("is an error event: %s", async (_, call) => {
    const { store, told, unhandled } = await closedStore();
    void call(store);
    await settleDown();
    expect(told).toEqual(["STORE_CLOSED"]);
    expect(unhandled).toEqual([]);
  });

  it("is a warning where nobody listens", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockReturnValue(undefined);
    onTestFinished(() => warned.mockRestore());
    const { store, unhandled } = await closedStore();
    store.removeAllListeners("error");
    void store.destroy("a");
    void store.destroy("b");
    await settleDown();
    const warning = { type: "SessionStoreWarning", code: "STORE_CLOSED" };
    expect(warned.mock.calls).toEqual([[expect.any(String), warning]]);
    expect(unhandled).toEqual([]);
  });

  it("may be a wrong argument or whatever the application throws", async () => {
    const { store, told, unhandled } = listenTo(
      openStore({
        directory: tempDirectory(),
        ttl: () => {
          // eslint-disable-next-line @typescript-eslint/only-throw-error -- such things are thrown
          throw "text";
        },
      }),
    );
    void store.get(1 as never);
    void store.set("a", sessionOf({}));
    await settleDown();
    expect(told).toEqual(["TypeError", "Error"]);
    expect(unhandled).toEqual([]);
  });

  it("is that of the collection, which could not be opened", async () => {
    const { store, told, unhandled } = await lockedStore();
    store.ready.catch(() => undefined);
    void store.get("a");
    await until(() => told.length > 0);
    expect(told).toEqual(["STORE_LOCKED"]);
    expect(unhandled).toEqual([]);
  });
});

describe("a failure at which somebody looks is nobody else's", () => {
  it.each(LOOKS)("by %s", async (_, look) => {
    const { store, told } = await closedStore();
    await expect(look(store.get("a"))).rejects.toMatchObject({ code: "STORE_CLOSED" });
    await settleDown();
    expect(told).toEqual([]);
  });

  it("by what looks only when the call has failed: it fails there too", async () => {
    const { store, told } = await closedStore();
    const late = store.get("a");
    await settleDown();
    expect(told).toEqual(["STORE_CLOSED"]);
    await expect(late).rejects.toMatchObject({ code: "STORE_CLOSED" });
  });

  it("and what it makes of it is an ordinary promise", async () => {
    const { store } = await closedStore();
    const made = store.get("a").catch(() => "caught");
    expect(made.constructor).toBe(Promise);
    expect(await made).toBe("caught");
  });
});

describe("ready", () => {
  it("that fails is reported where nobody looks at it", async () => {
    const { store, told, unhandled } = await lockedStore();
    await store.get("a").catch(() => undefined);
    await settleDown();
    expect(told).toEqual(["STORE_LOCKED"]);
    expect(unhandled).toEqual([]);
  });

  it.each(LOOKS)("is not reported to who looks by %s", async (_, look) => {
    const { store, told } = await lockedStore();
    await expect(look(store.ready)).rejects.toMatchObject({ code: "STORE_LOCKED" });
    await settleDown();
    expect(told).toEqual([]);
  });
});

describe("a warning", () => {
  it("comes again after an hour, for each code by itself", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockReturnValue(undefined);
    onTestFinished(() => warned.mockRestore());
    const report = reporter(new EventEmitter());
    const codesAfter = async (...codes: ("STORE_IO" | "STORE_LOCKED")[]) => {
      for (const code of codes) report(new StoreError(code, "a message"));
      await turn();
      const calls = warned.mock.calls.splice(0) as unknown as [string, { code: string }][];
      return calls.map(([, { code }]) => code);
    };
    expect(await codesAfter("STORE_IO", "STORE_IO", "STORE_LOCKED")).toEqual([
      "STORE_IO",
      "STORE_LOCKED",
    ]);
    passTime(HOUR_MS / 2);
    expect(await codesAfter("STORE_IO", "STORE_LOCKED")).toEqual([]);
    passTime(HOUR_MS / 2);
    expect(await codesAfter("STORE_IO", "STORE_IO")).toEqual(["STORE_IO"]);
  });
});

describe("a store behind many session middlewares", () => {
  it.each([
    ["the class", () => openStore({ directory: tempDirectory() })],
    ["the factory's", () => fromFactory()],
  ])("is no reason for a warning: %s", async (_, open) => {
    const warned = vi.spyOn(process, "emitWarning").mockReturnValue(undefined);
    onTestFinished(() => warned.mockRestore());
    const store = open();
    for (let count = 0; count < 20; count++) {
      session({ secret: "s", resave: false, saveUninitialized: false, store });
    }
    await settleDown();
    expect(warned).not.toHaveBeenCalled();
  });
});

function fromFactory(): session.Store {
  const Store = connect(session);
  const store = new Store({ directory: tempDirectory(), isolate: false });
  onTestFinished(() => store.close());
  return store;
}
