/** Owns the option `migrateFrom`: what each spelling comes to, and refusals. */
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { resolveOptions } from "../../../src/main/options/resolve.js";
import { MAX_TIME } from "../../../src/protocol/config.js";
import { refusal } from "../../support/opened-store.js";

const redis = "redis://h";
const password = "a long password";

function resolved(migrateFrom: object, others: object = {}): unknown {
  return resolveOptions({ redis, migrateFrom, ...others }).engine.migrateFrom;
}

describe("the option migrateFrom", () => {
  it("may name a directory", () => {
    expect(resolved({ directory: "d" })).toMatchObject({
      disk: { directory: resolve("d"), collection: "sessions", isDeparting: true },
      encryptionKeys: [],
    });
    const keys = { encryptionKey: [password, `${password} 2`] };
    expect(resolved({ directory: "d", collection: "c", ...keys })).toMatchObject({
      disk: { collection: "c" },
      encryptionKeys: [password, `${password} 2`],
    });
  });

  it("may name the server of connect-redis", () => {
    const from = { redis: "rediss://u:p@old:1/2", layout: "connect-redis" };
    expect(resolved(from, { failAfterMs: 700, ttlMs: 5 })).toMatchObject({
      ttlMs: 5,
      redis: {
        prefix: "sess:",
        addresses: [{ host: "old", port: 1 }],
        database: 2,
        failAfterMs: 700,
      },
    });
    expect(resolved({ ...from, redis: { nodes: ["a"] }, prefix: "app:" })).toMatchObject({
      ttlMs: 86_400_000,
      redis: { kind: "cluster", prefix: "app:" },
    });
    expect(resolved(from, { disableTTL: true })).toMatchObject({ ttlMs: MAX_TIME });
  });

  it("is not there by default", () => {
    expect(resolveOptions({ redis }).engine).not.toHaveProperty("migrateFrom");
  });

  const layout = "connect-redis";
  it.each<[string, object]>([
    ["redis", { directory: "d", migrateFrom: { directory: "e" } }],
    ["null", { redis, migrateFrom: null }],
    ["string", { redis, migrateFrom: "d" }],
    ["array", { redis, migrateFrom: [] }],
    ["directory", { redis, migrateFrom: {} }],
    ["colection", { redis, migrateFrom: { directory: "d", colection: "c" } }],
    ["walLimit", { redis, migrateFrom: { directory: "d", walLimit: 1 } }],
    ["collection", { redis, migrateFrom: { directory: "d", collection: "../c" } }],
    ["encryptionKey", { redis, migrateFrom: { directory: "d", encryptionKey: undefined } }],
    ["encryptionKey", { redis, migrateFrom: { directory: "d", encryptionKey: "short" } }],
    ["directory", { redis, migrateFrom: { redis, layout, directory: "d" } }],
    ["layout", { redis, migrateFrom: { redis } }],
    ["layout", { redis, migrateFrom: { redis, layout: "other" } }],
    ["redis", { redis, migrateFrom: { redis: "http://h", layout } }],
    ["prefix", { redis, migrateFrom: { redis, layout, prefix: 1 } }],
    ["prefix", { redis, migrateFrom: { redis, layout, prefix: "" } }],
    ["prefix", { redis, migrateFrom: { redis: { url: redis, prefix: "sess:" }, layout } }],
    ["prefix", { redis, migrateFrom: { redis, layout, prefix: "esi:" } }],
    ["prefix", { redis: { url: redis, prefix: "sess:new:" }, migrateFrom: { redis, layout } }],
  ])("is refused by its name, with what is wrong: %s in %j", (name, options) => {
    const error = refusal(options);
    expect([TypeError, RangeError]).toContain((error as Error | undefined)?.constructor);
    expect((error as Error).message).toContain("migrateFrom");
    expect((error as Error).message).toContain(name);
  });
});
