/** Owns when a session expires, and that an expired one is never seen. */
import type session from "express-session";
import { describe, expect, it } from "vitest";
import {
  cookie,
  expiryOf,
  HOUR_MS,
  liveSession,
  sessionOf,
  type Stored,
} from "../support/session-values.js";
import { until, untilPast } from "../support/until.js";
import type { Behavior } from "./behavior.js";
import type { Subject } from "./subject.js";

export function expiry(behavior: Behavior): void {
  expired(behavior);
  cookieExpires(behavior);
  cookieMaxAge(behavior);
  ttl(behavior);
}

function expired({ needs, open }: Behavior): void {
  describe("an expired session", () => {
    it("is not stored, and replaces the one before", async () => {
      const store = open();
      await Promise.all([store.set("a", sessionOf({ n: 1 })), store.set("b", sessionOf({}))]);
      expect(await store.call("set", "a", sessionOf({ n: 2 }, -1))).toBeUndefined();
      await store.checkpoint();
      expect(await store.get("a")).toBeNull();
      expect(await store.length()).toBe(1);
      expect(await store.listed()).toEqual(["b"]);
    });

    needs("answers")("leaves nothing when it is set", async () => {
      const store = open();
      await store.set("a", sessionOf({}));
      await store.set("a", sessionOf({}, -1));
      expect(await store.call("destroy", "a")).toBe(0);
    });

    it("is not served, counted or listed, though nobody asked for it", async () => {
      const store = open();
      const brief = sessionOf({}, 20);
      await Promise.all([store.set("brief", brief), store.set("long", sessionOf({}))]);
      await untilPast(expiryOf(brief));
      const answers = [store.length(), store.listed(), store.get("brief")];
      expect(await Promise.all(answers)).toEqual([1, ["long"], null]);
    });

    needs("ids")("is not among the ids", async () => {
      const store = open();
      const brief = sessionOf({}, 20);
      await Promise.all([store.set("brief", brief), store.set("long", sessionOf({}))]);
      await untilPast(expiryOf(brief));
      expect(await store.call("ids")).toEqual(["long"]);
    });

    needs("life")("is not in the stats", async () => {
      const store = open();
      const brief = sessionOf({}, 20);
      await Promise.all([store.set("brief", brief), store.set("long", sessionOf({}))]);
      await untilPast(expiryOf(brief));
      expect(await store.call("stats")).toMatchObject({ sessions: 1 });
    });

    needs("answers")("is not among those deleted", async () => {
      const store = open();
      const brief = sessionOf({}, 20);
      const sids = ["brief", "brief too"];
      await Promise.all(sids.map((sid) => store.set(sid, brief)));
      await store.set("long", sessionOf({}));
      await untilPast(expiryOf(brief));
      expect(await store.call("destroy", "brief")).toBe(0);
      expect(await store.call("clear")).toBe(1);
    });
  });
}

function cookieExpires({ needs, open }: Behavior): void {
  describe("cookie.expires", () => {
    it("is met to the millisecond", async () => {
      const store = open();
      await store.length();
      const given = sessionOf({}, 30);
      await store.set("a", given);
      await observeExpiry(store, "a", expiryOf(given), expiryOf(given));
    });

    it("may be a Date", async () => {
      const store = open();
      await store.length();
      const expires = new Date(Date.now() + 30);
      await store.set("a", { cookie: { expires } });
      await observeExpiry(store, "a", expires.getTime(), expires.getTime());
    });

    it("goes before cookie.maxAge", async () => {
      const store = open();
      await Promise.all([
        store.set("live", { cookie: { ...cookie(HOUR_MS), maxAge: -1 } }),
        store.set("expired", { cookie: { ...cookie(-1), maxAge: HOUR_MS } }),
      ]);
      expect(await store.listed()).toEqual(["live"]);
    });

    it("goes before the ttl", async () => {
      const store = open({ ttlMs: 1 });
      const given = sessionOf({});
      await store.set("a", given);
      await untilPast(Date.now() + 5);
      await store.checkpoint();
      expect(await store.get("a")).toStrictEqual(given);
    });

    it("is ignored where it is not a date", async () => {
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

    needs("lifetime")("leaves it to cookie.maxAge where it is not a date", async () => {
      const store = open();
      const bogus = ["soon", new Date(NaN), null, false];
      await Promise.all(
        bogus.map((expires, n) => store.set(`over ${n}`, { cookie: { expires, maxAge: -1 } })),
      );
      expect(await store.listed()).toEqual([]);
    });
  });
}

function cookieMaxAge({ needs, open }: Behavior): void {
  describe("cookie.maxAge", () => {
    it("of a live Session is met", async () => {
      const store = open();
      await store.length();
      const live = liveSession(store.store, "a", 5, {});
      await store.set("a", live);
      const expiresAt = live.cookie.expires?.getTime() ?? NaN;
      await observeExpiry(store, "a", expiresAt, expiresAt);
    });

    needs("lifetime")("decides where there is no cookie.expires", async () => {
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

    needs("lifetime")("goes before the ttl", async () => {
      const store = open({ ttlMs: 1 });
      const given = { cookie: { maxAge: HOUR_MS } };
      await store.set("a", given);
      await store.set("gone", {});
      await until(async () => (await store.get("gone")) === null, 500);
      expect(await store.get("a")).toStrictEqual(given);
    });
  });
}

function ttl({ needs, open }: Behavior): void {
  describe("the ttl", () => {
    needs("lifetime")("decides where the cookie says nothing", async () => {
      const store = open({ ttlMs: 30 });
      await store.length();
      const earliest = Date.now();
      await store.set("a", { user: "ann" });
      const latest = Date.now();
      await observeExpiry(store, "a", earliest + 30, latest + 30);
    });

    needs("lifetime")("is in seconds", async () => {
      const store = open({ ttl: 0.02 });
      await store.length();
      const earliest = Date.now();
      await store.set("a", { cookie: { expires: null } });
      const latest = Date.now();
      await observeExpiry(store, "a", earliest + 20, latest + 20);
    });

    needs("lifetime")("may depend on the session", async () => {
      const ttl = (value: session.SessionData): number => ("brief" in value ? 0.01 : 60);
      const store = open({ ttl });
      await Promise.all([store.set("a", { brief: true }), store.set("b", {})]);
      await until(async () => (await store.get("a")) === null, 500);
      expect(await store.listed()).toEqual(["b"]);
    });

    needs("lifetime")("begins anew with a touch that brings no expiry", async () => {
      const store = open({ ttlMs: 100 });
      await store.length();
      let setAt: number, earliest: number, latest: number;
      do {
        setAt = Date.now();
        await store.set("a", { user: "ann" });
        await untilPast(Date.now() + 2);
        earliest = Date.now();
        await store.touch("a", { user: "ann" });
        latest = Date.now();
        // A busy machine may have touched it too late.
      } while (latest >= setAt + 100);
      await observeExpiry(store, "a", earliest + 100, latest + 100);
    });
  });
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
