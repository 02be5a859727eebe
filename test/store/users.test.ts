/**
 * Owns the sessions of a user, the limit of a life and the event of its end as an application has
 * them: by callback and by promise, isolated, on the calling thread and encrypted.
 */
import type session from "express-session";
import IsolatedStore, { type ExpiredSession, type StoreOptions } from "express-session-isolate";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Form, invoke } from "../conformance/subject.js";
import { cookie, HOUR_MS, liveSession, type Stored } from "../support/session-values.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until, untilPast } from "../support/until.js";

type Options = Omit<StoreOptions, "directory" | "pasta">;

const KINDS: readonly (readonly [name: string, options: Options])[] = [
  ["isolated", {}],
  ["on the calling thread", { isolate: false }],
  ["encrypted", { encryptionKey: "a test's key" }],
];

const FORMS: readonly Form[] = ["callback", "promise"];

/** A store whose sessions have users, unless these options say otherwise. */
function open(options: Options, directory = tempDirectory()): IsolatedStore {
  return openPlain({ userOf: "account.id", ...options }, directory);
}

function openPlain(options: Options, directory = tempDirectory()): IsolatedStore {
  const store = new IsolatedStore({ ...options, directory });
  onTestFinished(() => store.close());
  return store;
}

/** A session of a user, as a store takes it. */
function sessionOf(id: unknown, more: Stored = {}): session.SessionData {
  return { cookie: cookie(), account: { id }, ...more } as never;
}

const ids = (found: unknown): string[] => (found as { id: string }[]).map(({ id }) => id);

describe.each(KINDS)("%s", (_, kind) => {
  describe.each(FORMS)("by %s", (form) => {
    it("sessionsOf lists the sessions of a user, the newest first", async () => {
      const store = open(kind);
      const sessionsOf = (user: unknown): Promise<unknown> =>
        invoke(store, form, "sessionsOf", [user]);
      const begin = Date.now();
      await store.set("first", sessionOf(7, { browser: "one" }));
      await untilPast(Date.now() + 1);
      await store.set("second", sessionOf("7"));
      await store.set("another's", sessionOf(70));
      await store.set("nobody's", sessionOf(undefined));
      const found = (await sessionsOf(7)) as Record<string, unknown>[];
      expect(ids(found)).toEqual(["second", "first"]);
      const { createdAt, expiresAt, session: data } = found[1]!;
      expect(createdAt).toBeGreaterThanOrEqual(begin);
      expect(createdAt).toBeLessThanOrEqual(Date.now());
      const { expires } = (data as session.SessionData).cookie;
      expect(expires).toBeInstanceOf(Date);
      expect(expiresAt).toBe(Number(expires));
      expect(data).toMatchObject({ account: { id: 7 }, browser: "one" });
      expect(ids(await sessionsOf(7n))).toEqual(["second", "first"]);
      expect(await sessionsOf("nobody")).toEqual([]);
    });

    it("destroyAllOf ends them, but for one", async () => {
      const store = open(kind);
      for (const sid of ["a", "b", "c"]) await store.set(sid, sessionOf(7));
      await store.set("d", sessionOf(8));
      const end = (...args: unknown[]): Promise<unknown> =>
        invoke(store, form, "destroyAllOf", args);
      expect(await end(7, { except: "b" })).toBe(2);
      expect((await store.ids()).sort()).toEqual(["b", "d"]);
      expect(await end(7, { except: "another's" })).toBe(1);
      expect(await end("8")).toBe(1);
      expect(await end(8)).toBe(0);
      expect(await store.ids()).toEqual([]);
    });

    it("both refuse what they do not understand, and end nothing", async () => {
      const store = open(kind);
      await store.set("a", sessionOf("a"));
      const refused = async (method: string, ...args: unknown[]): Promise<void> => {
        const failure = invoke(store, form, method, args);
        await expect(failure, JSON.stringify(args)).rejects.toBeInstanceOf(TypeError);
      };
      for (const user of [undefined, null, true, {}, ["a"], Symbol("a")]) {
        await refused("sessionsOf", user);
        await refused("destroyAllOf", user, {});
      }
      for (const except of [1, true, {}, ["a"]]) await refused("destroyAllOf", "a", { except });
      for (const options of ["a", 1, true]) await refused("destroyAllOf", "a", options);
      await refused("destroyAllOf", "a", { exept: "a" });
      expect(await store.length()).toBe(1);
    });

    it("both need the option userOf, and name it", async () => {
      const store = openPlain(kind);
      for (const method of ["sessionsOf", "destroyAllOf"]) {
        const failure = invoke(store, form, method, ["a"]);
        await expect(failure).rejects.toThrow(/userOf/);
        await expect(failure).rejects.toBeInstanceOf(TypeError);
      }
    });
  });

  it("sessions are found again after a compaction and a reopening", async () => {
    const directory = tempDirectory();
    const first = open(kind, directory);
    await first.set("a", sessionOf("ann"));
    await first.compact();
    await first.set("b", sessionOf("ann"));
    const before = await first.sessionsOf("ann");
    await first.close();
    const second = open(kind, directory);
    expect(await second.sessionsOf("ann")).toEqual(before);
    expect(await second.destroyAllOf("ann")).toBe(2);
  });

  it("sessions that were stored without the option are found when they are stored again", async () => {
    const directory = tempDirectory();
    const first = openPlain(kind, directory);
    await first.set("a", sessionOf("ann"));
    await first.set("b", sessionOf("ann"));
    await first.close();
    const second = open(kind, directory);
    expect(await second.sessionsOf("ann")).toEqual([]);
    await second.set("a", (await second.get("a"))!);
    expect(ids(await second.sessionsOf("ann"))).toEqual(["a"]);
  });

  it("userOf may be a function, and what it makes of a session must be a user", async () => {
    const userOf = (data: session.SessionData): string =>
      (data as unknown as { account: { id: string } }).account.id;
    const store = open({ ...kind, userOf });
    await store.set("a", sessionOf("ann"));
    expect(ids(await store.sessionsOf("ann"))).toEqual(["a"]);
    await expect(store.set("a", sessionOf({ name: "ann" }))).rejects.toThrow(/userOf/);
    const byPath = open(kind);
    await expect(byPath.set("a", sessionOf({ name: "ann" }))).rejects.toThrow(/account\.id/);
    await byPath.set("a", { cookie: cookie(), account: "no object" } as never);
    expect(await byPath.length()).toBe(1);
  });

  it("absoluteTtl ends what is touched and stored all the time", async () => {
    const store = open({ ...kind, absoluteTtl: 0.2 });
    const data = liveSession(store, "a", HOUR_MS, {});
    let n = 0;
    const expiresAt = Date.now() + 200;
    await store.set("a", data);
    do {
      n++;
      await store.touch("a", data);
      await store.set("a", Object.assign(data, { n }));
    } while ((await store.get("a")) !== null);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
    expect(await store.length()).toBe(0);
  });

  it("absoluteTtl holds though disableTTL says that sessions do not expire", async () => {
    const store = open({ ...kind, disableTTL: true, absoluteTtl: 0.05 });
    await store.set("a", sessionOf("ann"));
    await untilPast(Date.now() + 50);
    expect(await store.get("a")).toBeNull();
  });

  it("expired is emitted once for each that has expired, and for no other", async () => {
    const store = open({ ...kind, gcInterval: 20 });
    const told: ExpiredSession[] = [];
    store.on("expired", (session) => told.push(session));
    await store.ready;
    const expires = new Date(Date.now() + 1000);
    const soon = (id?: string): session.SessionData =>
      ({ cookie: { expires, originalMaxAge: null }, account: { id } }) as never;
    await store.set("a", soon("ann"));
    await store.set("b", soon());
    await store.set("destroyed", soon("ann"));
    await store.destroy("destroyed");
    await untilPast(Number(expires));
    await Promise.all([store.get("a"), store.get("a"), store.get("destroyed")]);
    await until(() => told.length >= 2);
    const { gc } = await store.stats();
    await until(async () => (await store.stats()).gc!.at > (gc?.at ?? 0) + 20);
    const expiresAt = Number(expires);
    expect(told.sort((one, other) => one.id.localeCompare(other.id))).toEqual([
      { id: "a", user: "ann", expiresAt },
      { id: "b", user: null, expiresAt },
    ]);
  });
});
