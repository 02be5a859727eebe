/**
 * Owns what any express-session store must do, as a function of a factory. Knows no implementation:
 * where one is known to do otherwise, that difference is named, and every behaviour that rests on
 * it is then required to fail.
 */
import type session from "express-session";
import { describe, expect, onTestFinished, test } from "vitest";
import { seededRandom, SEED } from "../support/random.js";
import { type Form, invoke, type StoreFactory, type Stored, Subject } from "./subject.js";
import type { SubjectOptions } from "./subject.js";
import {
  circularSession,
  cookie,
  expiryOf,
  HOUR_MS,
  liveSession,
  sessionOf,
  SHAPES,
  STRANGE_SIDS,
} from "../support/session-values.js";
import { until, untilTime } from "../support/until.js";

export type { StoreFactory, SubjectOptions } from "./subject.js";

/**
 * What a store may lack of the behaviour below.
 *
 * - `promises`: a method called without a callback answers a promise.
 * - `answers`: counts, `"OK"` and `"EXPIRED"`, and null for what is not there.
 * - `array`: `all` is an array of sessions with their ids, not a map by id.
 * - `ids`: `ids()` lists the ids.
 * - `lifetime`: sessions expire by `cookie.maxAge` or the ttl where the cookie has no `expires`.
 * - `keep cookie`: the cookie stays when a touch brings none.
 * - `checks`: wrong arguments and sessions without a JSON text are reported.
 * - `life`: `ready`, `close`, `compact`, `stats`, and sessions that outlive the store.
 */
export type Difference =
  "promises" | "answers" | "array" | "ids" | "lifetime" | "keep cookie" | "checks" | "life";

/** The methods that every express-session store has, with arguments for them. */
const STANDARD_CALLS: readonly (readonly [method: string, args: readonly unknown[]])[] = [
  ["get", ["unknown"]],
  ["set", ["a", sessionOf({ n: 1 })]],
  ["touch", ["a", sessionOf({ n: 2 })]],
  ["destroy", ["unknown"]],
  ["length", []],
  ["all", []],
  ["clear", []],
];

/** The methods that a store with a life has besides. */
const LIFE_CALLS: readonly (readonly [method: string, args: readonly unknown[]])[] = [
  ["ids", []],
  ["compact", []],
  ["stats", []],
];

/** Runs the behaviour of a store over what `factory` makes, whatever it lacks required to fail. */
export function storeSuite(
  name: string,
  factory: StoreFactory,
  differences: readonly Difference[] = [],
): void {
  const unproved = new Set(differences);

  /** A test of behaviour that rests on `feature`; it must fail where the store lacks that. */
  const needs = (feature: Difference): typeof test.fails => {
    unproved.delete(feature);
    return differences.includes(feature) ? test.fails : test;
  };

  const forms = factory.forms ?? (["callback", "promise"] satisfies Form[]);

  describe(name, () => {
    describe.each(forms)("called with a %s", (form) => {
      const open = (options?: SubjectOptions): Subject => openSubject(factory, form, options);

      describe("get and set", () => {
        needs("answers")("get answers null for an unknown id", async () => {
          expect(await open().call("get", "unknown")).toBeNull();
        });

        test("get answers what set was given", async () => {
          const store = open();
          const given = sessionOf({ user: "ann" });
          expect(await store.call("set", "a", given)).toBeUndefined();
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual(given);
          expect(await store.get("b")).toBeNull();
        });

        test("set replaces the whole session", async () => {
          const store = open();
          await store.set("a", sessionOf({ user: "ann", cart: [1, 2] }));
          await store.checkpoint();
          const given = sessionOf({ user: "bob" });
          await store.set("a", given);
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual(given);
        });

        test("a session without a cookie is an ordinary one", async () => {
          const store = open();
          await store.set("abc", { user: { id: 1 } });
          await store.checkpoint();
          expect(await store.get("abc")).toStrictEqual({ user: { id: 1 } });
          expect(await store.length()).toBe(1);
        });

        test("sessions of every JSON shape come back as they were", async () => {
          const store = open();
          const shapes = Object.entries(SHAPES);
          await Promise.all(shapes.map(([sid, json]) => store.set(sid, JSON.parse(json))));
          await store.checkpoint();
          const found = await Promise.all(shapes.map(([sid]) => store.get(sid)));
          expect(found.map((value, index) => [shapes[index]?.[0], JSON.stringify(value)])).toEqual(
            shapes.map(([sid, json]) => [sid, JSON.stringify(JSON.parse(json))]),
          );
        });

        test("an id may be any string", async () => {
          const store = open();
          const given = STRANGE_SIDS.map((sid, n) => [sid, sessionOf({ n })] as const);
          await Promise.all(given.map(([sid, value]) => store.set(sid, value)));
          await store.checkpoint();
          expect(await store.length()).toBe(STRANGE_SIDS.length);
          expect(
            await Promise.all(given.map(async ([sid]) => [sid, await store.get(sid)])),
          ).toEqual(given);
          expect(await store.listed()).toEqual([...STRANGE_SIDS].sort());
          await Promise.all(STRANGE_SIDS.map((sid) => store.touch(sid, sessionOf({}))));
          await Promise.all(STRANGE_SIDS.map((sid) => store.destroy(sid)));
          await store.checkpoint();
          expect(await store.length()).toBe(0);
        });

        test("names of Object's own are no sessions", async () => {
          const store = open();
          const found = await Promise.all(STRANGE_SIDS.map((sid) => store.get(sid)));
          expect(found).toEqual(STRANGE_SIDS.map(() => null));
        });

        test("a change after set is not stored", async () => {
          const store = open();
          const given = { ...sessionOf({}), cart: ["a"] };
          const expected = structuredClone(given);
          const acknowledged = store.set("a", given);
          given.cart.push("b");
          Object.assign(given, { user: "ann" });
          await acknowledged;
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual(expected);
        });

        test("what get answers is the caller's own", async () => {
          const store = open();
          const given = sessionOf({ user: { name: "ann" } });
          await store.set("a", given);
          const [first, second] = await Promise.all([store.get("a"), store.get("a")]);
          expect(second).not.toBe(first);
          Object.assign(first?.["user"] as object, { name: "bob" });
          Object.assign(second ?? {}, { cookie: null });
          expect(await store.get("a")).toStrictEqual(given);
        });

        test("a session is stored as JSON has it", async () => {
          const store = open();
          const when = new Date(0);
          await store.set("a", {
            ...sessionOf({}),
            greet: () => "hello",
            nothing: undefined,
            mark: Symbol("mark"),
            when,
            gaps: [undefined, () => 1, 2],
            own: { toJSON: () => "its own form" },
            notFinite: [NaN, Infinity],
          });
          await store.checkpoint();
          const { cookie: _, ...data } = (await store.get("a")) ?? {};
          expect(data).toStrictEqual({
            when: when.toISOString(),
            gaps: [null, null, 2],
            own: "its own form",
            notFinite: [null, null],
          });
        });

        test("a live Session is stored with its cookie, without its request", async () => {
          const store = open();
          const live = liveSession(store.store, "a", HOUR_MS, { user: "ann" });
          const expected: unknown = JSON.parse(JSON.stringify(live));
          await store.set("a", live);
          await store.checkpoint();
          const found = await store.get("a");
          expect(found).toStrictEqual(expected);
          expect(found?.["cookie"]).toMatchObject({
            expires: live.cookie.expires?.toISOString(),
            originalMaxAge: live.cookie.originalMaxAge,
          });
        });

        test("load and createSession revive what was stored", async () => {
          const store = open();
          const live = liveSession(store.store, "a", HOUR_MS, { user: "ann" });
          await store.set("a", live);
          await store.checkpoint();
          const loaded = await new Promise<session.SessionData | undefined>((resolve, reject) => {
            store.store.load("a", (error, value) =>
              error ? reject(error as Error) : resolve(value),
            );
          });
          expect(loaded).toMatchObject({ id: "a", user: "ann" });
          expect(loaded?.cookie.expires).toStrictEqual(live.cookie.expires);
        });
      });

      describe("destroy", () => {
        needs("answers")("counts what it deleted; a missing one is no error", async () => {
          const store = open();
          await store.set("a", sessionOf({}));
          expect(await store.call("destroy", "a")).toBe(1);
          await store.checkpoint();
          expect(await store.call("destroy", "a")).toBe(0);
          expect(await store.call("destroy", "never")).toBe(0);
        });

        test("deletes one session and no other", async () => {
          const store = open();
          const other = sessionOf({ n: 2 });
          await Promise.all([store.set("a", sessionOf({ n: 1 })), store.set("b", other)]);
          await store.destroy("a");
          await store.destroy("a");
          await store.checkpoint();
          expect(await store.get("a")).toBeNull();
          expect(await store.get("b")).toStrictEqual(other);
          expect(await store.length()).toBe(1);
        });

        test("the id may be used again", async () => {
          const store = open();
          await store.set("a", sessionOf({ n: 1 }));
          await store.destroy("a");
          const again = sessionOf({ n: 2 });
          await store.set("a", again);
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual(again);
        });
      });

      describe("touch", () => {
        needs("answers")("answers OK for a live session and EXPIRED for no other", async () => {
          const store = open();
          await Promise.all([
            store.set("live", sessionOf({})),
            store.set("destroyed", sessionOf({})),
          ]);
          await store.set("expired", sessionOf({}, 5));
          await store.destroy("destroyed");
          await until(async () => (await store.get("expired")) === null);
          const fresh = sessionOf({});
          expect(await store.call("touch", "live", fresh)).toBe("OK");
          expect(await store.call("touch", "destroyed", fresh)).toBe("EXPIRED");
          expect(await store.call("touch", "expired", fresh)).toBe("EXPIRED");
          expect(await store.call("touch", "unknown", fresh)).toBe("EXPIRED");
        });

        test("takes the cookie and leaves the data", async () => {
          const store = open();
          await store.set("a", sessionOf({ user: "ann", cart: [1] }));
          const newer = cookie(2 * HOUR_MS);
          await store.touch("a", { cookie: newer, user: "stale", old: true });
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual({ cookie: newer, user: "ann", cart: [1] });
        });

        test("reads nothing but the cookie", async () => {
          const store = open();
          await store.set("a", sessionOf({ user: "ann" }));
          const circular: Stored = sessionOf({});
          circular["self"] = circular;
          await store.touch("a", circular);
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual({
            cookie: circular["cookie"],
            user: "ann",
          });
        });

        test("takes the cookie of a live Session", async () => {
          const store = open();
          await store.set("a", sessionOf({ user: "ann" }));
          const live = liveSession(store.store, "a", 2 * HOUR_MS, { user: "stale" });
          await store.touch("a", live);
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual({
            cookie: JSON.parse(JSON.stringify(live.cookie)),
            user: "ann",
          });
        });

        test("the last of several counts", async () => {
          const store = open();
          await store.set("a", sessionOf({ user: "ann" }));
          const cookies = [1, 2, 3, 4].map((hours) => cookie(hours * HOUR_MS));
          await Promise.all(cookies.map((newer) => store.touch("a", { cookie: newer })));
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual({ cookie: cookies[3], user: "ann" });
        });

        test("gives a cookie to a session that had none", async () => {
          const store = open();
          await store.set("a", { user: "ann" });
          const first = cookie();
          await store.touch("a", { cookie: first });
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual({ cookie: first, user: "ann" });
        });

        needs("keep cookie")("leaves the cookie where it is given none", async () => {
          const store = open();
          const given = sessionOf({ user: "ann" });
          await store.set("a", given);
          await store.touch("a", { user: "stale" });
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual(given);
        });

        test("makes no session", async () => {
          const store = open();
          await store.touch("a", sessionOf({ user: "ann" }));
          await store.checkpoint();
          expect(await store.get("a")).toBeNull();
          expect(await store.length()).toBe(0);
        });

        test("brings no destroyed session back", async () => {
          const store = open();
          const given = sessionOf({ user: "ann" });
          await store.set("a", given);
          await store.destroy("a");
          await store.touch("a", given);
          await store.checkpoint();
          expect(await store.get("a")).toBeNull();
          expect(await store.listed()).toEqual([]);
        });

        test("brings no expired session back", async () => {
          const store = open();
          const given = sessionOf({ user: "ann" }, 5);
          await store.set("a", given);
          await untilTime(expiryOf(given));
          await store.touch("a", sessionOf({ user: "ann" }));
          await store.checkpoint();
          expect(await store.get("a")).toBeNull();
          expect(await store.length()).toBe(0);
        });

        test("prolongs a session", async () => {
          const store = open();
          await store.length();
          const given = sessionOf({ user: "ann" }, 100);
          await Promise.all([store.set("a", given), store.touch("a", sessionOf({}))]);
          await store.checkpoint();
          await untilTime(expiryOf(given) + 1);
          expect(await store.get("a")).toMatchObject({ user: "ann" });
          expect(await store.length()).toBe(1);
        });

        test("ends a session when its cookie has expired", async () => {
          const store = open();
          await store.set("a", sessionOf({ user: "ann" }));
          await store.touch("a", sessionOf({}, -1));
          await store.checkpoint();
          expect(await store.get("a")).toBeNull();
          expect(await store.length()).toBe(0);
        });
      });

      describe("expiry", () => {
        test("a session set after its expiry is not stored, and replaces the one before", async () => {
          const store = open();
          await Promise.all([store.set("a", sessionOf({ n: 1 })), store.set("b", sessionOf({}))]);
          expect(await store.call("set", "a", sessionOf({ n: 2 }, -1))).toBeUndefined();
          await store.checkpoint();
          expect(await store.get("a")).toBeNull();
          expect(await store.length()).toBe(1);
          expect(await store.listed()).toEqual(["b"]);
        });

        needs("answers")("nothing is left of a session set after its expiry", async () => {
          const store = open();
          await store.set("a", sessionOf({}));
          await store.set("a", sessionOf({}, -1));
          expect(await store.call("destroy", "a")).toBe(0);
        });

        test("cookie.expires is met to the millisecond", async () => {
          const store = open();
          await store.length();
          const given = sessionOf({}, 30);
          await store.set("a", given);
          await observeExpiry(store, "a", expiryOf(given), expiryOf(given));
        });

        test("a Date is as good as its text", async () => {
          const store = open();
          await store.length();
          const expires = new Date(Date.now() + 30);
          await store.set("a", { cookie: { expires } });
          await observeExpiry(store, "a", expires.getTime(), expires.getTime());
        });

        test("a live Session lives for its maxAge", async () => {
          const store = open();
          await store.length();
          const live = liveSession(store.store, "a", 5, {});
          await store.set("a", live);
          const expiresAt = live.cookie.expires?.getTime() ?? NaN;
          await observeExpiry(store, "a", expiresAt, expiresAt);
        });

        test("an expired session is not served, counted or listed, though nobody asked for it", async () => {
          const store = open();
          const brief = sessionOf({}, 20);
          await Promise.all([store.set("brief", brief), store.set("long", sessionOf({}))]);
          await untilTime(expiryOf(brief));
          const answers = [store.length(), store.listed(), store.get("brief")];
          expect(await Promise.all(answers)).toEqual([1, ["long"], null]);
        });

        needs("ids")("an expired session is not among the ids", async () => {
          const store = open();
          const brief = sessionOf({}, 20);
          await Promise.all([store.set("brief", brief), store.set("long", sessionOf({}))]);
          await untilTime(expiryOf(brief));
          expect(await store.call("ids")).toEqual(["long"]);
        });

        needs("life")("an expired session is not in the stats", async () => {
          const store = open();
          const brief = sessionOf({}, 20);
          await Promise.all([store.set("brief", brief), store.set("long", sessionOf({}))]);
          await untilTime(expiryOf(brief));
          expect(await store.call("stats")).toMatchObject({ sessions: 1 });
        });

        needs("answers")("an expired session is not among those deleted", async () => {
          const store = open();
          const brief = sessionOf({}, 20);
          const sids = ["brief", "brief too"];
          await Promise.all(sids.map((sid) => store.set(sid, brief)));
          await store.set("long", sessionOf({}));
          await untilTime(expiryOf(brief));
          expect(await store.call("destroy", "brief")).toBe(0);
          expect(await store.call("clear")).toBe(1);
        });

        test("cookie.expires goes before cookie.maxAge", async () => {
          const store = open();
          await Promise.all([
            store.set("live", { cookie: { ...cookie(HOUR_MS), maxAge: -1 } }),
            store.set("expired", { cookie: { ...cookie(-1), maxAge: HOUR_MS } }),
          ]);
          expect(await store.listed()).toEqual(["live"]);
        });

        test("cookie.expires goes before the ttl", async () => {
          const store = open({ ttlMs: 1 });
          const given = sessionOf({});
          await store.set("a", given);
          const later = Date.now() + 5;
          await untilTime(later);
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual(given);
        });

        needs("lifetime")("cookie.maxAge counts where there is no cookie.expires", async () => {
          const store = open();
          await Promise.all([
            store.set("live", { cookie: { maxAge: HOUR_MS } }),
            store.set("over", { cookie: { maxAge: 0 } }),
            store.set("negative", { cookie: { maxAge: -1 } }),
          ]);
          await store.checkpoint();
          expect(await store.listed()).toEqual(["live"]);
          const earliest = Date.now();
          await store.set("brief", { cookie: { maxAge: 5 } });
          await observeExpiry(store, "brief", earliest + 5, Date.now() + 5);
        });

        needs("lifetime")("cookie.maxAge goes before the ttl", async () => {
          const store = open({ ttlMs: 1 });
          const given = { cookie: { maxAge: HOUR_MS } };
          await store.set("a", given);
          await store.set("gone", {});
          await until(async () => (await store.get("gone")) === null, 500);
          expect(await store.get("a")).toStrictEqual(given);
        });

        test("what is no date counts as no expiry", async () => {
          const store = open({ ttl: 60 });
          const bogus: Record<string, Stored> = {
            "text that is no date": { expires: "soon" },
            "empty text": { expires: "" },
            "an invalid Date": { expires: new Date(NaN) },
            null: { expires: null },
            undefined: { expires: undefined },
            false: { expires: false },
            "no number for maxAge": { maxAge: NaN },
            "null for both": { expires: null, maxAge: null },
          };
          const sids = Object.keys(bogus);
          await Promise.all(sids.map((sid) => store.set(sid, { cookie: bogus[sid] })));
          await store.checkpoint();
          expect(await store.listed()).toEqual(sids.sort());
          const found = await Promise.all(sids.map((sid) => store.get(sid)));
          expect(found).toEqual(
            sids.map((sid) => ({ cookie: JSON.parse(JSON.stringify(bogus[sid])) as unknown })),
          );
        });

        needs("lifetime")("an expires that is no date leaves it to cookie.maxAge", async () => {
          const store = open();
          const bogus = ["soon", new Date(NaN), null, false];
          await Promise.all(
            bogus.map((expires, n) => store.set(`over ${n}`, { cookie: { expires, maxAge: -1 } })),
          );
          expect(await store.listed()).toEqual([]);
        });

        needs("lifetime")("the ttl counts where the cookie says nothing", async () => {
          const store = open({ ttlMs: 30 });
          await store.length();
          const earliest = Date.now();
          await store.set("a", { user: "ann" });
          const latest = Date.now();
          await observeExpiry(store, "a", earliest + 30, latest + 30);
        });

        needs("lifetime")("the ttl is in seconds", async () => {
          const store = open({ ttl: 0.02 });
          await store.length();
          const earliest = Date.now();
          await store.set("a", { cookie: { expires: null } });
          const latest = Date.now();
          await observeExpiry(store, "a", earliest + 20, latest + 20);
        });

        needs("lifetime")("the ttl may depend on the session", async () => {
          const ttl = (value: session.SessionData): number => ("brief" in value ? 0.01 : 60);
          const store = open({ ttl });
          await Promise.all([store.set("a", { brief: true }), store.set("b", {})]);
          await until(async () => (await store.get("a")) === null, 500);
          expect(await store.listed()).toEqual(["b"]);
        });

        needs("lifetime")("a touch without an expiry begins the ttl anew", async () => {
          const store = open({ ttlMs: 100 });
          await store.length();
          await store.set("a", { user: "ann" });
          await untilTime(Date.now() + 2);
          const earliest = Date.now();
          await store.touch("a", { user: "ann" });
          const latest = Date.now();
          await observeExpiry(store, "a", earliest + 100, latest + 100);
        });
      });

      describe("length, all, clear", () => {
        test("length counts sessions, all lists them, clear deletes them", async () => {
          const store = open();
          expect(await store.length()).toBe(0);
          expect(await store.listed()).toEqual([]);
          const sids = Array.from({ length: 100 }, (_, n) => `sid-${String(n).padStart(3, "0")}`);
          await Promise.all(sids.map((sid) => store.set(sid, sessionOf({ sid }))));
          await Promise.all(sids.map((sid) => store.set(sid, sessionOf({ sid, again: true }))));
          await store.checkpoint();
          expect(await store.length()).toBe(100);
          expect(await store.listed()).toEqual(sids);
          await store.clear();
          expect(await store.length()).toBe(0);
          await store.checkpoint();
          expect(await store.length()).toBe(0);
          expect(await store.listed()).toEqual([]);
          expect(await store.get("sid-000")).toBeNull();
          await store.set("sid-000", sessionOf({}));
          expect(await store.listed()).toEqual(["sid-000"]);
        });

        needs("array")("all is an array of sessions, each with its session id", async () => {
          const store = open();
          const given = [sessionOf({ n: 1 }), sessionOf({ id: "its own" }), { n: 3 }];
          await Promise.all(given.map((value, n) => store.set(`sid ${n}`, value)));
          await store.touch("sid 0", { cookie: { path: "/touched" } });
          await store.checkpoint();
          const all = (await store.call("all")) as Stored[];
          expect(Array.isArray(all)).toBe(true);
          expect(all.sort((a, b) => (String(a["id"]) < String(b["id"]) ? -1 : 1))).toStrictEqual([
            { cookie: { path: "/touched" }, n: 1, id: "sid 0" },
            { ...given[1], id: "sid 1" },
            { n: 3, id: "sid 2" },
          ]);
        });

        needs("ids")("ids lists the ids", async () => {
          const store = open();
          expect(await store.call("ids")).toEqual([]);
          await Promise.all(STRANGE_SIDS.map((sid) => store.set(sid, sessionOf({}))));
          await store.checkpoint();
          expect(((await store.call("ids")) as string[]).sort()).toEqual([...STRANGE_SIDS].sort());
        });

        needs("answers")("clear counts what it deleted", async () => {
          const store = open();
          expect(await store.call("clear")).toBe(0);
          await Promise.all(["a", "b", "c"].map((sid) => store.set(sid, sessionOf({}))));
          await store.checkpoint();
          expect(await store.call("clear")).toBe(3);
          expect(await store.call("clear")).toBe(0);
        });
      });

      describe("order, with nobody waiting", () => {
        test("set, set, get", async () => {
          const store = open();
          const last = sessionOf({ n: 2 });
          const writes = [store.set("a", sessionOf({ n: 1 })), store.set("a", last)];
          const found = store.get("a");
          expect(await found).toStrictEqual(last);
          await Promise.all(writes);
          expect(await store.get("a")).toStrictEqual(last);
        });

        test("set, get, set, get, destroy, get", async () => {
          const store = open();
          const [one, two] = [sessionOf({ n: 1 }), sessionOf({ n: 2 })];
          const calls = [
            store.get("a"),
            store.set("a", one),
            store.get("a"),
            store.set("a", two),
            store.get("a"),
            store.destroy("a"),
            store.get("a"),
          ];
          const [before, , first, , second, , after] = await Promise.all(calls);
          expect([before, first, second, after]).toEqual([null, one, two, null]);
        });

        test("destroy, touch, get", async () => {
          const store = open();
          const given = sessionOf({});
          await store.set("a", given);
          const calls = [store.destroy("a"), store.touch("a", given), store.get("a")];
          expect((await Promise.all(calls))[2]).toBeNull();
          await store.checkpoint();
          expect(await store.get("a")).toBeNull();
        });

        test("set, touch, set, touch, get", async () => {
          const store = open();
          const last = cookie(3 * HOUR_MS);
          const calls = [
            store.set("a", sessionOf({ n: 1 })),
            store.touch("a", { cookie: cookie(2 * HOUR_MS), n: 0 }),
            store.set("a", sessionOf({ n: 2 })),
            store.touch("a", { cookie: last, n: 0 }),
            store.get("a"),
          ];
          expect((await Promise.all(calls))[4]).toStrictEqual({ cookie: last, n: 2 });
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual({ cookie: last, n: 2 });
        });

        test("touch, set, get", async () => {
          const store = open();
          await store.set("a", sessionOf({ n: 1 }));
          const given = sessionOf({ n: 2 }, HOUR_MS / 2);
          const calls = [
            store.touch("a", { cookie: cookie(2 * HOUR_MS) }),
            store.set("a", given),
            store.get("a"),
          ];
          expect((await Promise.all(calls))[2]).toStrictEqual(given);
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual(given);
        });

        test("set, clear, get, set, get", async () => {
          const store = open();
          const again = sessionOf({ n: 2 });
          const calls = [
            store.set("a", sessionOf({ n: 1 })),
            store.clear(),
            store.get("a"),
            store.set("a", again),
            store.get("a"),
          ];
          const [, , cleared, , found] = await Promise.all(calls);
          expect(cleared).toBeNull();
          expect(found).toStrictEqual(again);
          await store.checkpoint();
          expect(await store.listed()).toEqual(["a"]);
        });

        test("set, length, destroy, length", async () => {
          const store = open();
          const calls = [
            store.set("a", sessionOf({})),
            store.length(),
            store.destroy("a"),
            store.length(),
          ];
          expect((await Promise.all(calls)).filter((value) => value !== undefined)).toEqual([1, 0]);
        });

        needs("answers")("set, destroy, destroy, touch: each answers for its turn", async () => {
          const store = open();
          const calls = [
            store.call("set", "a", sessionOf({})),
            store.call("touch", "a", sessionOf({})),
            store.call("destroy", "a"),
            store.call("destroy", "a"),
            store.call("touch", "a", sessionOf({})),
            store.call("get", "a"),
          ];
          expect(await Promise.all(calls)).toEqual([undefined, "OK", 1, 0, "EXPIRED", null]);
        });

        if (differences.includes("answers")) {
          test(`any sequence of calls reads as a map does (TEST_SEED=${SEED})`, async () => {
            await compareWithMap(open(), SEED, false);
          });
        }

        needs("answers")(
          `any sequence of calls answers as a map does (TEST_SEED=${SEED})`,
          async () => {
            await compareWithMap(open(), SEED, true);
          },
        );
      });

      describe("wrong arguments", () => {
        const strangers = [undefined, null, 1, true, {}, ["a"], () => "a", Symbol("a"), 1n];

        needs("checks").each(["get", "set", "touch", "destroy"])(
          "%s reports a TypeError for an id that is no string",
          async (method) => {
            const store = open();
            const rest = method === "set" || method === "touch" ? [sessionOf({})] : [];
            for (const sid of strangers) {
              await expect(store.call(method, sid, ...rest)).rejects.toBeInstanceOf(TypeError);
            }
            expect(await store.length()).toBe(0);
          },
        );

        needs("checks").each(["set", "touch"])(
          "%s reports a TypeError for a session that is no object",
          async (method) => {
            const store = open();
            const given = sessionOf({});
            await store.set("a", given);
            for (const value of [undefined, null, "text", 1, true, () => ({}), Symbol("a"), 1n]) {
              await expect(store.call(method, "a", value)).rejects.toBeInstanceOf(TypeError);
            }
            expect(await store.get("a")).toStrictEqual(given);
          },
        );

        needs("checks").each<[string, () => Stored]>([
          ["that contains itself", circularSession],
          ["with a BigInt", () => sessionOf({ big: 1n })],
          [
            "whose toJSON throws",
            () =>
              sessionOf({
                toJSON: () => {
                  throw new RangeError("no");
                },
              }),
          ],
          ["whose toJSON answers nothing", () => sessionOf({ toJSON: () => undefined })],
        ])("set reports NOT_SERIALIZABLE for a session %s", async (_, make) => {
          const store = open();
          const given = sessionOf({ n: 1 });
          await store.set("a", given);
          await expect(store.call("set", "a", make())).rejects.toMatchObject({
            code: "NOT_SERIALIZABLE",
          });
          await store.checkpoint();
          expect(await store.get("a")).toStrictEqual(given);
        });

        needs("checks")("touch reports NOT_SERIALIZABLE for such a cookie", async () => {
          const store = open();
          const given = sessionOf({ n: 1 });
          await store.set("a", given);
          const touched = store.call("touch", "a", { cookie: { ...cookie(), big: 1n } });
          await expect(touched).rejects.toMatchObject({ code: "NOT_SERIALIZABLE" });
          expect(await store.get("a")).toStrictEqual(given);
        });
      });

      describe("every call in every state", () => {
        const calls = [...LIFE_CALLS, ...STANDARD_CALLS];
        const refused = Object.fromEntries(calls.map(([method]) => [method, "STORE_CLOSED"]));

        needs("life")("opening", async () => {
          const store = open({ fresh: true });
          const answers = [
            store.call("length"),
            store.call("ids"),
            store.call("all"),
            store.call("stats"),
            store.call("compact"),
            store.call("clear"),
            store.call("get", "unknown"),
            store.call("touch", "unknown", sessionOf({})),
            store.call("destroy", "unknown"),
            store.call("set", "a", sessionOf({})),
          ];
          expect(await Promise.all(answers)).toEqual([
            0,
            [],
            [],
            expect.objectContaining({ sessions: 0 }),
            undefined,
            0,
            null,
            "EXPIRED",
            0,
            undefined,
          ]);
          await store.checkpoint();
          expect(await store.listed()).toEqual(["a"]);
        });

        needs("life")("open", async () => {
          const store = open();
          await readyOf(store.store);
          const given = sessionOf({ n: 1 });
          await store.set("a", given);
          const reads = [
            store.call("length"),
            store.call("ids"),
            store.call("get", "a"),
            store.call("stats"),
            store.call("all"),
          ];
          expect(await Promise.all(reads)).toEqual([
            1,
            ["a"],
            given,
            expect.objectContaining({ sessions: 1 }),
            [{ ...given, id: "a" }],
          ]);
          const writes = [
            store.call("compact"),
            store.call("set", "b", given),
            store.call("touch", "b", given),
            store.call("destroy", "b"),
            store.call("clear"),
            store.call("length"),
          ];
          expect(await Promise.all(writes)).toEqual([undefined, undefined, "OK", 1, 1, 0]);
        });

        needs("life")("closing", async () => {
          const store = open();
          await readyOf(store.store);
          const closed = store.call("close");
          expect(await codesOf(store, calls)).toEqual(refused);
          await closed;
        });

        needs("life")("closing before it was open", async () => {
          const store = open({ fresh: true });
          const closed = store.call("close");
          expect(await codesOf(store, calls)).toEqual(refused);
          await closed;
        });

        needs("life")("closed", async () => {
          const store = open();
          expect(await store.call("close")).toBeUndefined();
          expect(await codesOf(store, calls)).toEqual(refused);
        });

        needs("life")("close may be called again, at any time", async () => {
          const store = open();
          await Promise.all([store.call("close"), store.call("close")]);
          expect(await store.call("close")).toBeUndefined();
        });

        needs("life")("what was called before close is done before it", async () => {
          const store = open();
          const given = sessionOf({ n: 1 });
          await store.set("destroyed", given);
          const newer = cookie(2 * HOUR_MS);
          const calls = [
            store.call("set", "a", given),
            store.call("touch", "a", { cookie: newer }),
            store.call("destroy", "destroyed"),
            store.call("get", "a"),
            store.call("length"),
            store.call("ids"),
            store.call("all"),
            store.call("close"),
          ];
          const touched = { ...given, cookie: newer };
          expect(await Promise.all(calls)).toEqual([
            undefined,
            "OK",
            1,
            touched,
            1,
            ["a"],
            [{ ...touched, id: "a" }],
            undefined,
          ]);
          await store.reopen();
          expect(await store.listed()).toEqual(["a"]);
          expect(await store.get("a")).toStrictEqual(touched);
        });

        needs("life")(
          "what was called before it was open is done when closed at once",
          async () => {
            const store = open({ fresh: true });
            const given = sessionOf({ n: 1 });
            await Promise.all([store.set("a", given), store.call("close")]);
            await store.reopen();
            expect(await store.get("a")).toStrictEqual(given);
          },
        );

        needs("life")("sessions outlive the store", async () => {
          const store = open();
          const given = Object.entries(SHAPES).map(
            ([sid, json]) => [sid, JSON.parse(json) as Stored] as const,
          );
          await Promise.all(given.map(([sid, value]) => store.set(sid, value)));
          await store.destroy("empty");
          await store.reopen();
          await store.call("compact");
          await store.set("later", { n: 1 });
          await store.reopen();
          const expected = [...given.filter(([sid]) => sid !== "empty"), ["later", { n: 1 }]];
          const found = expected.map(async ([sid]) => [sid, await store.get(sid as string)]);
          expect(JSON.stringify(await Promise.all(found))).toBe(JSON.stringify(expected));
          expect(await store.length()).toBe(expected.length);
        });

        needs("life")("compact empties the journal and changes no session", async () => {
          const store = open();
          const given = [1, 2, 3].map((n) => [`sid ${n}`, sessionOf({ n })] as const);
          await Promise.all(given.map(([sid, value]) => store.set(sid, value)));
          const during = [store.call("compact"), store.set("late", sessionOf({ n: 4 }))];
          await Promise.all(during);
          await store.call("compact");
          await expect(store.call("stats")).resolves.toMatchObject({
            walBytes: 0,
            sessions: 4,
            snapshotBytes: expect.toSatisfy((bytes) => bytes > 0) as number,
          });
          await store.checkpoint();
          expect(await store.listed()).toEqual(["late", ...given.map(([sid]) => sid)]);
        });
      });
    });

    // The others need their callback in a store without promises, and throw for want of it.
    needs("promises").each(
      STANDARD_CALLS.filter(([method]) => ["set", "touch", "destroy", "clear"].includes(method)),
    )("%s answers a promise", async (method, args) => {
      const { store } = openSubject(factory, "promise");
      await invoke(store, "promise", method, args);
    });

    test("each callback is called once, after its method has returned", async () => {
      const { store } = openSubject(factory, "callback");
      await countCallbacks(store, STANDARD_CALLS);
    });

    needs("life")("so are those of the other methods", async () => {
      const { store } = openSubject(factory, "callback");
      await countCallbacks(store, [...LIFE_CALLS, ["close", []], ["close", []], ["get", ["a"]]]);
    });

    test("writes need no callback", async () => {
      const subject = openSubject(factory, "callback");
      const { store } = subject;
      const given = sessionOf({ n: 1 });
      store.set("a", given as unknown as session.SessionData);
      store.set("b", given as unknown as session.SessionData);
      store.touch?.("a", sessionOf({}) as unknown as session.SessionData);
      store.destroy("b");
      store.destroy("unknown");
      expect(await subject.listed()).toEqual(["a"]);
      store.clear?.();
      expect(await subject.length()).toBe(0);
    });

    test.each([
      ["1 MB", 1_000_000],
      ["20 MB", 20_000_000],
    ])("a session of %s comes back as it was", async (_, bytes) => {
      const subject = openSubject(factory, "callback");
      const given = sessionOf({ text: "0123456789abcde\n".repeat(bytes / 16) });
      await subject.set("large", given);
      const small = sessionOf({ n: 1 });
      await subject.set("small", small);
      await subject.checkpoint();
      // Compared as a whole: a difference of that length helps nobody.
      const found = JSON.stringify(await subject.get("large"));
      expect(found.length).toBe(JSON.stringify(given).length);
      expect(found === JSON.stringify(given)).toBe(true);
      expect(await subject.get("small")).toStrictEqual(small);
    });

    test("every difference named is proved above", () => {
      expect([...unproved]).toEqual([]);
    });
  });
}

/** A store of the running test's own. */
function openSubject(factory: StoreFactory, form: Form, options?: SubjectOptions): Subject {
  const subject = new Subject(factory, form, options);
  onTestFinished(() => subject.release());
  return subject;
}

/**
 * Watches a session until it has expired, which must be between `earliest` and `latest`. The store
 * judges at some moment between the call and its answer.
 */
async function observeExpiry(
  store: Subject,
  sid: string,
  earliest: number,
  latest: number,
): Promise<void> {
  await until(async () => {
    const before = Date.now();
    const found = await store.get(sid);
    const after = Date.now();
    if (found === null) expect(after, "expired too early").toBeGreaterThanOrEqual(earliest);
    else expect(before, "served too late").toBeLessThan(latest);
    return found === null;
  }, 500);
}

async function readyOf(store: session.Store): Promise<void> {
  const ready: unknown = Reflect.get(store, "ready");
  if (!(ready instanceof Promise)) throw new Error("ready is no promise");
  await ready;
}

/** How each call ends, all made at once: the code of its error, or "no error". */
async function codesOf(
  store: Subject,
  calls: typeof STANDARD_CALLS,
): Promise<Record<string, unknown>> {
  const outcomes = calls.map(([method, args]) =>
    store.call(method, ...args).then(
      () => [method, "no error"] as const,
      (error: unknown) => [method, (error as { code?: unknown }).code ?? error] as const,
    ),
  );
  return Object.fromEntries(await Promise.all(outcomes));
}

/** Makes the calls at once; each callback must come once, and later. */
async function countCallbacks(store: session.Store, calls: typeof STANDARD_CALLS): Promise<void> {
  const counts = calls.map(() => 0);
  let returned = false;
  calls.forEach(([method, args], index) => {
    const callback = (): void => {
      expect(returned, method).toBe(true);
      counts[index] = (counts[index] ?? 0) + 1;
    };
    Reflect.apply(Reflect.get(store, method) as () => void, store, [...args, callback]);
  });
  returned = true;
  await until(() => counts.every((count) => count > 0));
  // A second call would have come by the time the store has answered another.
  await invoke(store, "callback", "get", ["a"]).catch(() => undefined);
  expect(counts).toEqual(calls.map(() => 1));
}

/**
 * Makes a seeded sequence of calls on a few ids, waiting only now and then, and compares each
 * answer with that of a map; those of writes only where `answers`.
 */
async function compareWithMap(store: Subject, seed: number, answers: boolean): Promise<void> {
  const random = seededRandom(seed);
  const map = new Map<string, Stored>();
  const sids = ["a", "b", "c", "__proto__", "ünï·çødé"];
  const log: { call: string; answer: Promise<unknown>; expected: unknown }[] = [];
  const note = (call: string, answer: Promise<unknown>, expected: unknown): void => {
    // A failure is reported in its turn below, not as one that nobody handled.
    answer.catch(() => undefined);
    log.push({ call, answer, expected });
  };
  const noteWrite = (call: string, answer: Promise<unknown>, expected: unknown): void => {
    note(call, answers ? answer : answer.then(() => expected), expected);
  };

  for (let n = 0; n < 400; n += 1) {
    const sid = random.pick(sids);
    const known = map.get(sid);
    const kind = random.integer(100);
    if (kind < 35) {
      note(`get ${sid}`, store.get(sid), known ?? null);
    } else if (kind < 60) {
      const given = sessionOf({ n, pad: "x".repeat(random.integer(50)) });
      map.set(sid, given);
      noteWrite(`set ${sid}`, store.call("set", sid, given), undefined);
    } else if (kind < 78) {
      const newer = { ...cookie(), n };
      if (known) map.set(sid, { ...known, cookie: newer });
      const answer = store.call("touch", sid, { cookie: newer, stale: n });
      noteWrite(`touch ${sid}`, answer, known ? "OK" : "EXPIRED");
    } else if (kind < 90) {
      noteWrite(`destroy ${sid}`, store.call("destroy", sid), map.delete(sid) ? 1 : 0);
    } else if (kind < 94) {
      note("length", store.length(), map.size);
    } else if (kind < 97) {
      // A store may list page by page, so that what is written meanwhile shows in the list.
      note("all", store.listed(), [...map.keys()].sort());
      await log.at(-1)?.answer;
    } else if (kind < 98) {
      noteWrite("clear", store.call("clear"), map.size);
      map.clear();
    } else {
      await log.at(-1)?.answer;
    }
  }

  for (const [index, { call, answer, expected }] of log.entries()) {
    expect(await answer, `call ${index}, ${call}, seed ${seed}`).toEqual(expected);
  }
  await store.checkpoint();
  for (const sid of sids) {
    expect(await store.get(sid), `${sid}, seed ${seed}`).toEqual(map.get(sid) ?? null);
  }
}
