/** Owns that wrong arguments are reported, and change nothing. */
import { describe, expect } from "vitest";
import { circularSession, cookie, sessionOf, type Stored } from "../support/session-values.js";
import type { Behavior } from "./behavior.js";

export function wrongArguments({ needs, open }: Behavior): void {
  describe("given wrong arguments,", () => {
    const strangers = [undefined, null, 1, true, {}, ["a"], () => "a", Symbol("a"), 1n];

    needs("checks").each(["get", "set", "touch", "destroy"])(
      "%s reports a TypeError for an id that is not a string",
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
      "%s reports a TypeError for a session that is not an object",
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
}
