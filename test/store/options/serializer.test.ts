/**
 * Owns the option `serializer`: its texts are what is stored, and what it throws or answers wrongly
 * fails the call alone and shows no session in an error.
 */
import { inspect } from "node:util";
import type session from "express-session";
import { describe, expect, it } from "vitest";
import { openStore, sessionOf } from "../../support/opened-store.js";
import { SECRET_BODY } from "../../support/secrets.js";
import { tempDirectory } from "../../support/temp-dir.js";
import { until } from "../../support/until.js";

describe("other options", () => {
  it("serializer: its texts are stored, and what it cannot read is not served", async () => {
    const directory = tempDirectory();
    const serializer = {
      stringify: (value: object) => `<${JSON.stringify(value)}>`,
      parse: (text: string) => JSON.parse(text.slice(1, -1)) as session.SessionData,
    };
    const store = openStore({ directory, serializer });
    await store.set("a", sessionOf({ text: SECRET_BODY }));
    expect(await store.get("a")).toStrictEqual({ text: SECRET_BODY });
    await store.close();

    const unreadable = openStore({
      directory,
      serializer: {
        ...serializer,
        parse() {
          throw new SyntaxError(`no ${SECRET_BODY}`);
        },
      },
    });
    const reports: unknown[] = [];
    unreadable.on("error", (error) => reports.push(error));
    expect(await unreadable.get("a")).toBeNull();
    const report = await until(() => reports[0] ?? false);
    expect(report).toMatchObject({ name: "StoreError", code: "STORE_CORRUPT" });
    expect(inspect(report)).not.toContain(SECRET_BODY);
    await unreadable.close();

    const again = openStore({ directory, serializer });
    expect(await again.get("a")).toStrictEqual({ text: SECRET_BODY });
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error(SECRET_BODY);
      },
    ],
    ["answers no text", () => 1],
    ["answers nothing", () => undefined],
  ])("a serializer that %s: NOT_SERIALIZABLE", async (_, stringify) => {
    const serializer = { stringify: stringify as () => string, parse: JSON.parse };
    const store = openStore({ directory: tempDirectory(), serializer });
    const error: unknown = await store.set("a", sessionOf({})).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "NOT_SERIALIZABLE" });
    expect(inspect(error)).not.toContain(SECRET_BODY);
    expect(await store.length()).toBe(0);
  });

  it("what a toJSON throws is in no error", async () => {
    const store = openStore({ directory: tempDirectory() });
    const session = sessionOf({
      toJSON() {
        throw new Error(SECRET_BODY);
      },
    });
    const error: unknown = await store.set("a", session).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "NOT_SERIALIZABLE" });
    expect(inspect(error)).not.toContain(SECRET_BODY);
  });

  it("a serializer may answer with a frozen object", async () => {
    const serializer = {
      stringify: JSON.stringify,
      parse: (text: string) => Object.freeze(JSON.parse(text) as session.SessionData),
    };
    const store = openStore({ directory: tempDirectory(), serializer });
    await store.set("a", sessionOf({ n: 1 }));
    expect(await store.all()).toStrictEqual([{ id: "a", n: 1 }]);
    await store.touch("a", sessionOf({ cookie: { path: "/" } }));
    expect(await store.get("a")).toStrictEqual({ n: 1, cookie: { path: "/" } });
  });

  it("a serializer may not answer with a promise", async () => {
    const serializer = { stringify: JSON.stringify, parse: () => Promise.resolve({}) };
    const store = openStore({ directory: tempDirectory(), serializer });
    await store.set("a", sessionOf({ n: 1 }));
    await expect(store.get("a")).rejects.toBeInstanceOf(TypeError);
    await expect(store.all()).rejects.toBeInstanceOf(TypeError);
    expect(await store.length()).toBe(1);
  });
});
