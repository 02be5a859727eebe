/** Owns that a destroyed session is gone, and no other one. */
import { describe, expect, it } from "vitest";
import { sessionOf } from "../support/session-values.js";
import type { Behavior } from "./behavior.js";

export function destroy({ needs, open }: Behavior): void {
  describe("destroy", () => {
    needs("answers")("answers how many sessions it deleted, which may be none", async () => {
      const store = open();
      await store.set("a", sessionOf({}));
      expect(await store.call("destroy", "a")).toBe(1);
      await store.checkpoint();
      expect(await store.call("destroy", "a")).toBe(0);
      expect(await store.call("destroy", "never")).toBe(0);
    });

    it("deletes one session and no other", async () => {
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

    it("leaves the id to be used again", async () => {
      const store = open();
      await store.set("a", sessionOf({ n: 1 }));
      await store.destroy("a");
      const again = sessionOf({ n: 2 });
      await store.set("a", again);
      await store.checkpoint();
      expect(await store.get("a")).toStrictEqual(again);
    });
  });
}
