/**
 * Owns the two spellings of options, English and lite-nosql's: both have the same effect, and do not
 * go together.
 */
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import type LiteNoSQLStore from "express-session-isolate";
import { describe, expect, it } from "vitest";
import { openStore, refusal, sessionOf } from "../../support/opened-store.js";
import { KEY, SECRET_BODY } from "../../support/secrets.js";
import { contentOf, storedExpiry } from "../../support/stored-text.js";
import { tempDirectory } from "../../support/temp-dir.js";
import { until } from "../../support/until.js";

/** For each option that has two spellings: both, a value, and what that value shows itself by. */
const SPELLINGS: readonly (readonly [
  english: string,
  portuguese: string,
  value: unknown,
  effect: (store: LiteNoSQLStore, directory: string) => Promise<void>,
])[] = [
  [
    "collection",
    "colecao",
    "my-own.sessions_1",
    async (store, directory) => {
      await store.set("a", sessionOf({}));
      expect(readdirSync(directory)).toContain("my-own.sessions_1.wal.log");
    },
  ],
  [
    "durable",
    "modoDuravel",
    false,
    async (store) => {
      await store.set("a", sessionOf({ n: 1 }));
      expect(await store.get("a")).toStrictEqual({ n: 1 });
    },
  ],
  [
    "walLimit",
    "limiteWAL",
    1_000,
    async (store) => {
      for (let n = 0; n < 20; n += 1) await store.set("a", sessionOf({ text: "x".repeat(100) }));
      await until(async () => (await store.stats()).compaction !== null);
    },
  ],
  [
    "ttlMs",
    "ttlPadraoMs",
    90_000,
    async (store, directory) => {
      const earliest = Date.now();
      await store.set("a", sessionOf({}));
      expect(storedExpiry(directory)).toBeGreaterThanOrEqual(earliest + 90_000);
      expect(storedExpiry(directory)).toBeLessThanOrEqual(Date.now() + 90_000);
    },
  ],
  [
    "gcInterval",
    "intervaloLimpezaMs",
    10,
    async (store) => {
      await store.set("a", sessionOf({ cookie: { expires: new Date(Date.now() + 5) } }));
      await until(async () => ((await store.stats()).gc?.removed ?? 0) > 0);
      expect(await store.destroy("a")).toBe(0);
    },
  ],
  [
    "encryptionKey",
    "chaveEncriptacao",
    KEY,
    async (store, directory) => {
      await store.set("an id to find", sessionOf({ text: SECRET_BODY }));
      await store.compact();
      await store.set("another id", sessionOf({ text: SECRET_BODY }));
      const content = contentOf(directory);
      expect(content).not.toContain(SECRET_BODY);
      expect(content).not.toContain("an id to find");
      expect(content).not.toContain(KEY);
      await store.close();
      for (const spelling of ["encryptionKey", "chaveEncriptacao"]) {
        const again = openStore({ directory, [spelling]: KEY });
        expect(await again.get("another id")).toStrictEqual({ text: SECRET_BODY });
        await again.close();
      }
    },
  ],
];

describe("both spellings", () => {
  it.each(["directory", "pasta"])("%s says where the files are", async (spelling) => {
    const directory = tempDirectory();
    await openStore({ [spelling]: directory } as never).set("a", sessionOf({}));
    expect(readdirSync(directory)).toContain("sessions.wal.log");
  });

  it("a relative directory starts at the working directory", async () => {
    const directory = join(tempDirectory(), "data");
    await openStore({ directory: relative(process.cwd(), directory) }).set("a", sessionOf({}));
    expect(readdirSync(directory)).toContain("sessions.wal.log");
  });

  it.each(SPELLINGS)("%s", async (english, _, value, effect) => {
    const directory = tempDirectory();
    await effect(openStore({ directory, [english]: value }), directory);
  });

  it.each(SPELLINGS.map(([, portuguese, value, effect]) => [portuguese, value, effect] as const))(
    "%s",
    async (portuguese, value, effect) => {
      const directory = tempDirectory();
      await effect(openStore({ pasta: directory, [portuguese]: value }), directory);
    },
  );

  it.each(["compactAfterGc", "compactarAposLimpeza"])("%s", async (spelling) => {
    const store = openStore({ directory: tempDirectory(), gcInterval: 10, [spelling]: true });
    await store.set("a", sessionOf({ cookie: { expires: new Date(Date.now() + 5) } }));
    await until(async () => (await store.stats()).compaction !== null);
    expect(await store.stats()).toMatchObject({ sessions: 0, walBytes: 0 });
  });

  it.each<[string, string, unknown]>([
    ["directory", "pasta", "data"],
    ["collection", "colecao", "sessions"],
    ["durable", "modoDuravel", true],
    ["walLimit", "limiteWAL", 1_048_576],
    ["ttlMs", "ttlPadraoMs", 1_000],
    ["gcInterval", "intervaloLimpezaMs", 1_000],
    ["compactAfterGc", "compactarAposLimpeza", true],
    ["encryptionKey", "chaveEncriptacao", KEY],
    ["ttl", "ttlMs", 1_000],
    ["ttl", "ttlPadraoMs", 1_000],
  ])("%s and %s do not go together", (one, other, value) => {
    const directory = join(tempDirectory(), "data");
    const error = refusal({ directory, [one]: value, [other]: value });
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(one);
    expect((error as Error).message).toContain(other);
    expect(existsSync(directory)).toBe(false);
  });
});
