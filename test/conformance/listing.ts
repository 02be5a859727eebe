/** Owns what concerns all sessions: length, all, ids and clear. */
import { describe, expect, it } from "vitest";
import { sessionOf, type Stored, STRANGE_SIDS } from "../support/session-values.js";
import type { Behavior } from "./behavior.js";

export function listing({ needs, open }: Behavior): void {
  describe("a store with sessions", () => {
    it("counts them, lists them and clears them", async () => {
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

    needs("array")("lists them by all in an array, each with its session id", async () => {
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

    needs("ids")("lists their ids", async () => {
      const store = open();
      expect(await store.call("ids")).toEqual([]);
      await Promise.all(STRANGE_SIDS.map((sid) => store.set(sid, sessionOf({}))));
      await store.checkpoint();
      expect(((await store.call("ids")) as string[]).sort()).toEqual([...STRANGE_SIDS].sort());
    });

    needs("answers")("answers how many clear deleted", async () => {
      const store = open();
      expect(await store.call("clear")).toBe(0);
      await Promise.all(["a", "b", "c"].map((sid) => store.set(sid, sessionOf({}))));
      await store.checkpoint();
      expect(await store.call("clear")).toBe(3);
      expect(await store.call("clear")).toBe(0);
    });
  });
}
