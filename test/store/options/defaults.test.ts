/**
 * Owns the names of the class and the defaults that can be seen from outside: where the files are,
 * who may read them, and how long sessions live.
 */
import { readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import LiteNoSQLStore, * as exported from "express-session-isolate";
import { describe, expect, it, onTestFinished } from "vitest";
import { openStore, sessionOf } from "../../support/opened-store.js";
import { SECRET_BODY } from "../../support/secrets.js";
import { contentOf, storedExpiry } from "../../support/stored-text.js";
import { tempDirectory } from "../../support/temp-dir.js";

const DAY_MS = 86_400_000;

describe("the class", () => {
  const required = createRequire(import.meta.url)("express-session-isolate") as typeof exported;

  it.each([
    ["import", exported],
    ["require", required],
  ])("has two names and is the default export, by %s", (_, { default: Class, ...names }) => {
    expect(names.IsolatedStore).toBe(Class);
    expect(names.LiteNoSQLStore).toBe(Class);
    expect(Class.name).toBe("IsolatedStore");
  });

  it("is what require returns", () => {
    expect(required).toBe(required.default);
  });
});

describe("defaults", () => {
  it("a directory is enough: sessions live for a day, in plain text", async () => {
    const directory = join(tempDirectory(), "made", "by", "the store");
    const store = new LiteNoSQLStore({ directory });
    onTestFinished(() => store.close());
    const earliest = Date.now();
    await store.set("a", sessionOf({ text: SECRET_BODY }));
    const latest = Date.now();
    expect(readdirSync(directory)).toContain("sessions.wal.log");
    expect(contentOf(directory)).toContain(SECRET_BODY);
    expect(storedExpiry(directory)).toBeGreaterThanOrEqual(earliest + DAY_MS);
    expect(storedExpiry(directory)).toBeLessThanOrEqual(latest + DAY_MS);
    expect(await store.stats()).toMatchObject({ compaction: null });
  });

  it.skipIf(process.platform === "win32")("the directory is its owner's alone", async () => {
    const directory = join(tempDirectory(), "data");
    await openStore({ directory }).set("a", sessionOf({}));
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(directory)) {
      expect(statSync(join(directory, file)).mode & 0o077, file).toBe(0);
    }
  });
});
