/** Owns what the options with one spelling do, and the values that are functions or lists. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type session from "express-session";
import { describe, expect, it } from "vitest";
import { filesStats, openStore, sessionOf } from "../../support/opened-store.js";
import { KEY, SECRET_BODY } from "../../support/secrets.js";
import { storedExpiry } from "../../support/stored-text.js";
import { tempDirectory } from "../../support/temp-dir.js";
import { untilPast } from "../../support/until.js";

describe("other options", () => {
  it("ttl is in seconds", async () => {
    const directory = tempDirectory();
    const store = openStore({ directory, ttl: 90 });
    const earliest = Date.now();
    await store.set("a", sessionOf({}));
    expect(storedExpiry(directory)).toBeGreaterThanOrEqual(earliest + 90_000);
    expect(storedExpiry(directory)).toBeLessThanOrEqual(Date.now() + 90_000);
  });

  it("ttl may be a function of the session", async () => {
    const directory = tempDirectory();
    const ttl = (value: session.SessionData): number => ("short" in value ? 90 : 1);
    const store = openStore({ directory, ttl });
    const earliest = Date.now();
    await store.set("a", sessionOf({ short: true }));
    expect(storedExpiry(directory)).toBeGreaterThanOrEqual(earliest + 90_000);
    expect(storedExpiry(directory)).toBeLessThanOrEqual(Date.now() + 90_000);
  });

  it("encryptionKey may be a list: the first encrypts, all decrypt", async () => {
    const directory = tempDirectory();
    const old = openStore({ directory, encryptionKey: "the first key" });
    await old.set("a", sessionOf({ n: 1 }));
    await old.close();
    const both = openStore({ directory, encryptionKey: ["the second key", "the first key"] });
    expect(await both.get("a")).toStrictEqual({ n: 1 });
    await both.set("b", sessionOf({ n: 2 }));
    await both.compact();
    await both.close();
    const young = openStore({ directory, encryptionKey: ["the second key"] });
    expect([await young.get("a"), await young.get("b")]).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it.each([true, false])("disableTouch with isolate %s: touch changes nothing", async (isolate) => {
    const store = openStore({ directory: tempDirectory(), isolate, disableTouch: true });
    const given = { cookie: { expires: new Date(Date.now() + 60_000) }, n: 1 };
    await store.set("a", sessionOf(given));
    await store.touch("a", sessionOf({ cookie: { expires: new Date(0) } }));
    expect(await store.get("a")).toStrictEqual(given);
  });

  it("disableTTL: what is stored stays, what has expired is not stored", async () => {
    const store = openStore({ directory: tempDirectory(), disableTTL: true, ttlMs: 1 });
    const expires = new Date(Date.now() + 5);
    await store.set("a", sessionOf({ cookie: { expires } }));
    await store.set("b", sessionOf({ n: 1 }));
    await store.set("c", sessionOf({ n: 2 }));
    await store.set("c", sessionOf({ cookie: { expires: new Date(0) } }));
    await untilPast(expires.getTime() + 5);
    expect((await store.ids()).sort()).toEqual(["a", "b"]);
    expect(await store.get("b")).toStrictEqual({ n: 1 });
  });

  it("maxPendingBytes: past it writes are refused, the others are kept", async () => {
    const directory = tempDirectory();
    const store = openStore({ directory, isolate: true, maxPendingBytes: 10_000 });
    const value = sessionOf({ text: "x".repeat(4_000) });
    const sids = Array.from({ length: 10 }, (_, n) => `sid ${n}`);
    const outcomes = await Promise.allSettled(sids.map((sid) => store.set(sid, value)));
    const kept = sids.filter((_, index) => outcomes[index]?.status === "fulfilled");
    expect(kept.length).toBeGreaterThanOrEqual(1);
    expect(kept.length).toBeLessThan(sids.length);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") {
        expect(outcome.reason).toMatchObject({ code: "STORE_OVERLOADED" });
      }
    }
    expect((await store.ids()).sort()).toEqual(kept);
    // What waited has been written: there is room again.
    await store.set("later", value);
    expect(await store.length()).toBe(kept.length + 1);
  });

  it("maxBytes: past it unused sessions make room, and where there are none, set fails", async () => {
    const store = openStore({ directory: tempDirectory(), maxBytes: 20_000 });
    const codes: unknown[] = [];
    store.on("error", ({ code }: { code: unknown }) => codes.push(code));
    const value = sessionOf({ text: "x".repeat(1_000) });
    await store.set("used", value);
    await store.touch("used", value);
    for (let n = 0; n < 50; n++) await store.set(`sid ${n}`, value);
    const { memory, sessions } = await filesStats(store);
    expect(memory.maxBytes).toBe(20_000);
    expect(memory.bytes).toBeLessThanOrEqual(20_000);
    expect(memory.evicted).toBe(51 - sessions);
    expect(codes).toEqual(["STORE_FULL"]);
    const ids = await store.ids();
    expect(ids).toContain("used");
    expect(ids).toContain("sid 49");
    expect(ids).not.toContain("sid 0");
    for (const sid of ids) await store.get(sid);
    await expect(store.set("another", value)).rejects.toMatchObject({ code: "STORE_FULL" });
    expect(await store.ids()).toEqual(ids);
  });

  it("resourceLimits: the limits of the worker's heap, and by that of its sessions", async () => {
    const limits = [64, 256].map(async (maxOldGenerationSizeMb) => {
      const resourceLimits = { maxOldGenerationSizeMb };
      const store = openStore({ directory: tempDirectory(), isolate: true, resourceLimits });
      return (await filesStats(store)).memory.maxBytes;
    });
    const [small = 0, large = 0] = await Promise.all(limits);
    expect(small).toBeGreaterThan(16 * 1024 * 1024);
    expect(large).toBeGreaterThan(3 * small);
  });

  it("debug says what the store does, and no secret, session body or whole session id", async () => {
    const sid = "a-session-id-that-is-nobody-elses-business";
    const program = `
      import LiteNoSQLStore from "express-session-isolate";
      for (const isolate of [true, false]) {
        const store = new LiteNoSQLStore({
          directory: process.env.DIRECTORY, encryptionKey: process.env.KEY, isolate, debug: true,
        });
        await store.set(process.env.SID, { text: process.env.BODY });
        await store.get(process.env.SID);
        await store.touch(process.env.SID, { cookie: { path: process.env.BODY } });
        await store.compact();
        await store.destroy(process.env.SID);
        await store.close();
      }`;
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", program],
      { env: { ...process.env, DIRECTORY: tempDirectory(), KEY, SID: sid, BODY: SECRET_BODY } },
    );
    expect(stdout).toBe("");
    expect(stderr).not.toBe("");
    for (const secret of [KEY, SECRET_BODY, sid]) expect(stderr).not.toContain(secret);
  });
});
