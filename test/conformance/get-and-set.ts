/** Owns that a session comes back from a store as it was given. */
import type session from "express-session";
import { describe, expect, it } from "vitest";
import {
  HOUR_MS,
  liveSession,
  sessionOf,
  SHAPES,
  type Stored,
  STRANGE_SIDS,
} from "../support/session-values.js";
import type { Behavior } from "./behavior.js";

export function getAndSet(behavior: Behavior): void {
  get(behavior);
  set(behavior);
  forms(behavior);
}

function get({ needs, open }: Behavior): void {
  describe("get", () => {
    needs("answers")("answers null for an unknown id", async () => {
      expect(await open().call("get", "unknown")).toBeNull();
    });

    it("answers what set was given", async () => {
      const store = open();
      const given = sessionOf({ user: "ann" });
      expect(await store.call("set", "a", given)).toBeUndefined();
      await store.checkpoint();
      expect(await store.get("a")).toStrictEqual(given);
      expect(await store.get("b")).toBeNull();
    });

    it("finds no session under the names of Object's own", async () => {
      const store = open();
      const found = await Promise.all(STRANGE_SIDS.map((sid) => store.get(sid)));
      expect(found).toEqual(STRANGE_SIDS.map(() => null));
    });

    it("answers an object of the caller's own", async () => {
      const store = open();
      const given = sessionOf({ user: { name: "ann" } });
      await store.set("a", given);
      const [first, second] = await Promise.all([store.get("a"), store.get("a")]);
      expect(second).not.toBe(first);
      Object.assign(first?.["user"] as object, { name: "bob" });
      Object.assign(second ?? {}, { cookie: null });
      expect(await store.get("a")).toStrictEqual(given);
    });
  });
}

function set({ open }: Behavior): void {
  describe("set", () => {
    it("replaces the whole session", async () => {
      const store = open();
      await store.set("a", sessionOf({ user: "ann", cart: [1, 2] }));
      await store.checkpoint();
      const given = sessionOf({ user: "bob" });
      await store.set("a", given);
      await store.checkpoint();
      expect(await store.get("a")).toStrictEqual(given);
    });

    it("takes a session without a cookie like any other", async () => {
      const store = open();
      await store.set("abc", { user: { id: 1 } });
      await store.checkpoint();
      expect(await store.get("abc")).toStrictEqual({ user: { id: 1 } });
      expect(await store.length()).toBe(1);
    });

    it("takes any string as an id", async () => {
      const store = open();
      const given = STRANGE_SIDS.map((sid, n) => [sid, sessionOf({ n })] as const);
      await Promise.all(given.map(([sid, value]) => store.set(sid, value)));
      await store.checkpoint();
      expect(await store.length()).toBe(STRANGE_SIDS.length);
      expect(await Promise.all(given.map(async ([sid]) => [sid, await store.get(sid)]))).toEqual(
        given,
      );
      expect(await store.listed()).toEqual([...STRANGE_SIDS].sort());
      await Promise.all(STRANGE_SIDS.map((sid) => store.touch(sid, sessionOf({}))));
      await Promise.all(STRANGE_SIDS.map((sid) => store.destroy(sid)));
      await store.checkpoint();
      expect(await store.length()).toBe(0);
    });

    it("stores no change that is made after it", async () => {
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
  });
}

function forms({ needs, open }: Behavior): void {
  describe("a session", () => {
    needs("dates")("has the date of its cookie, set or touched, in get and in all", async () => {
      const store = open();
      const dated = (expires: unknown): Stored => ({ cookie: { path: "/", expires }, n: 1 });
      const soon = new Date(Date.now() + HOUR_MS);
      const later = new Date(Date.now() + 2 * HOUR_MS);
      await Promise.all(["set", "touched"].map((sid) => store.set(sid, dated(soon))));
      await store.touch("touched", dated(later));
      await Promise.all([store.set("none", dated(null)), store.set("text", dated("some day"))]);
      await store.checkpoint();
      const expected = { set: soon, touched: later, none: null, text: "some day" };
      for (const [sid, expires] of Object.entries(expected)) {
        expect(await store.callRaw("get", sid)).toStrictEqual(dated(expires));
      }
      const all = (await store.callRaw("all")) as { id: string; cookie: Stored }[];
      expect(Object.fromEntries(all.map(({ id, cookie }) => [id, cookie["expires"]]))).toEqual(
        expected,
      );
    });

    it("of any JSON shape comes back as it was", async () => {
      const store = open();
      const shapes = Object.entries(SHAPES);
      await Promise.all(shapes.map(([sid, json]) => store.set(sid, JSON.parse(json))));
      await store.checkpoint();
      const found = await Promise.all(shapes.map(([sid]) => store.get(sid)));
      expect(found.map((value, index) => [shapes[index]?.[0], JSON.stringify(value)])).toEqual(
        shapes.map(([sid, json]) => [sid, JSON.stringify(JSON.parse(json))]),
      );
    });

    it("is stored as JSON has it", async () => {
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

    it("that is live is stored with its cookie and without its request", async () => {
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

    it("is revived by load and createSession", async () => {
      const store = open();
      const live = liveSession(store.store, "a", HOUR_MS, { user: "ann" });
      await store.set("a", live);
      await store.checkpoint();
      const loaded = await new Promise<session.SessionData | undefined>((resolve, reject) => {
        store.store.load("a", (error, value) => (error ? reject(error as Error) : resolve(value)));
      });
      expect(loaded).toMatchObject({ id: "a", user: "ann" });
      expect(loaded?.cookie.expires).toStrictEqual(live.cookie.expires);
    });
  });
}
