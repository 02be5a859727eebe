/** Owns that a touch changes cookie and expiry of a live session, and nothing else. */
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

export function touch(behavior: Behavior): void {
  cookies(behavior);
  liveness(behavior);
}

function cookies({ needs, open }: Behavior): void {
  describe("touch", () => {
    it("takes the cookie and leaves the data", async () => {
      const store = open();
      await store.set("a", sessionOf({ user: "ann", cart: [1] }));
      const newer = cookie(2 * HOUR_MS);
      await store.touch("a", { cookie: newer, user: "stale", old: true });
      await store.checkpoint();
      expect(await store.get("a")).toStrictEqual({ cookie: newer, user: "ann", cart: [1] });
    });

    it("reads nothing but the cookie", async () => {
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

    it("takes the cookie of a live Session", async () => {
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

    it("leaves the cookie of the last of several", async () => {
      const store = open();
      await store.set("a", sessionOf({ user: "ann" }));
      const cookies = [1, 2, 3, 4].map((hours) => cookie(hours * HOUR_MS));
      await Promise.all(cookies.map((newer) => store.touch("a", { cookie: newer })));
      await store.checkpoint();
      expect(await store.get("a")).toStrictEqual({ cookie: cookies[3], user: "ann" });
    });

    it("gives a cookie to a session that had none", async () => {
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
  });
}

function liveness({ needs, open }: Behavior): void {
  describe("touch", () => {
    needs("answers")("answers OK for a live session and EXPIRED for no other", async () => {
      const store = open();
      await Promise.all([store.set("live", sessionOf({})), store.set("destroyed", sessionOf({}))]);
      await store.set("expired", sessionOf({}, 5));
      await store.destroy("destroyed");
      await until(async () => (await store.get("expired")) === null);
      const fresh = sessionOf({});
      expect(await store.call("touch", "live", fresh)).toBe("OK");
      expect(await store.call("touch", "destroyed", fresh)).toBe("EXPIRED");
      expect(await store.call("touch", "expired", fresh)).toBe("EXPIRED");
      expect(await store.call("touch", "unknown", fresh)).toBe("EXPIRED");
    });

    it("makes no session", async () => {
      const store = open();
      await store.touch("a", sessionOf({ user: "ann" }));
      await store.checkpoint();
      expect(await store.get("a")).toBeNull();
      expect(await store.length()).toBe(0);
    });

    it("brings no destroyed session back", async () => {
      const store = open();
      const given = sessionOf({ user: "ann" });
      await store.set("a", given);
      await store.destroy("a");
      await store.touch("a", given);
      await store.checkpoint();
      expect(await store.get("a")).toBeNull();
      expect(await store.listed()).toEqual([]);
    });

    it("brings no expired session back", async () => {
      const store = open();
      const given = sessionOf({ user: "ann" }, 5);
      await store.set("a", given);
      await untilPast(expiryOf(given));
      await store.touch("a", sessionOf({ user: "ann" }));
      await store.checkpoint();
      expect(await store.get("a")).toBeNull();
      expect(await store.length()).toBe(0);
    });

    it("prolongs a session", async () => {
      const store = open();
      await store.length();
      const end = await prolong(store);
      await store.checkpoint();
      await untilPast(end + 1);
      expect(await store.get("a")).toMatchObject({ user: "ann" });
      expect(await store.length()).toBe(1);
    });

    it("ends a session when its cookie has expired", async () => {
      const store = open();
      await store.set("a", sessionOf({ user: "ann" }));
      await store.touch("a", sessionOf({}, -1));
      await store.checkpoint();
      expect(await store.get("a")).toBeNull();
      expect(await store.length()).toBe(0);
    });
  });
}

/**
 * Sets a session that expires soon, and touches it in time: where a busy machine is too slow for
 * that, again with more time. @returns when the session would have expired
 */
async function prolong(store: Subject): Promise<number> {
  for (let ms = 20; ; ms *= 2) {
    const given = sessionOf({ user: "ann" }, ms);
    await Promise.all([store.set("a", given), store.touch("a", sessionOf({}))]);
    if (Date.now() < expiryOf(given)) return expiryOf(given);
  }
}
