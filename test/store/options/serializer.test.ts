/**
 * Owns the option `serializer`: its texts are what is stored, and what it throws or answers wrongly
 * fails the call alone and shows no session in an error.
 */
import { inspect } from "node:util";
import type session from "express-session";
import { describe, expect, it } from "vitest";
import { openBare } from "../../support/bare-engine.js";
import { openStore, sessionOf } from "../../support/opened-store.js";
import { SECRET_BODY } from "../../support/secrets.js";
import { contentOf } from "../../support/stored-text.js";
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

  describe("a touched cookie", () => {
    const DAY_MS = 86_400_000;
    const DOMAIN = "private.example.com";
    /** Hides what it is given, and gives dates back as dates. */
    const hiding = {
      stringify: (value: object) => Buffer.from(JSON.stringify(value)).toString("base64"),
      parse: (text: string) =>
        JSON.parse(Buffer.from(text, "base64").toString(), (name, value: unknown) =>
          name === "expires" ? new Date(String(value)) : value,
        ) as session.SessionData,
    };
    const data = (inMs: number) =>
      sessionOf({ cookie: { expires: new Date(Date.now() + inMs), domain: DOMAIN }, n: 1 });

    it("goes through the serializer: it is nowhere in plain text, and as it was", async () => {
      const directory = tempDirectory();
      const store = openStore({ directory, serializer: hiding });
      const touched = data(2 * DAY_MS);
      await store.set("a", data(DAY_MS));
      await store.touch("a", touched);
      expect(await store.get("a")).toStrictEqual(touched);
      await store.compact();
      expect(contentOf(directory)).not.toContain(DOMAIN);
      await store.close();
      const again = openStore({ directory, serializer: hiding });
      expect(await again.get("a")).toStrictEqual(touched);
      await again.touch("a", data(3 * DAY_MS));
      await again.close();
      // The touch is in the journal.
      expect(contentOf(directory)).toContain('"serialized"');
      expect(contentOf(directory)).not.toContain(DOMAIN);
    });

    it("is read beside a session that was stored before there was a serializer", async () => {
      const directory = tempDirectory();
      const serializer = {
        stringify: JSON.stringify,
        parse: (text: string) => JSON.parse(text) as session.SessionData,
      };
      const plain = openStore({ directory });
      await plain.set("a", data(DAY_MS));
      await plain.close();
      const touched = data(2 * DAY_MS);
      for (let opening = 0; opening < 2; opening++) {
        const store = openStore({ directory, serializer });
        await store.touch("a", touched);
        expect(await store.get("a")).toEqual(JSON.parse(JSON.stringify(touched)));
        await store.compact();
        await store.close();
      }
      const store = openStore({ directory, serializer });
      expect(await store.get("a")).toEqual(JSON.parse(JSON.stringify(touched)));
    });

    it("that version 1.0.0 stored in plain text is read", async () => {
      const { engine, directory } = await openBare();
      const expiresAt = Date.now() + DAY_MS;
      await engine.write([["a", JSON.stringify(hiding.stringify(data(DAY_MS))), expiresAt]]);
      await engine.touch([["a", '{"path":"/touched"}', expiresAt]]);
      await engine.close();
      const store = openStore({ directory, serializer: hiding });
      expect(await store.get("a")).toStrictEqual({ cookie: { path: "/touched" }, n: 1 });
    });
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
