/** Owns the option `redis` and those that go with it: what each spelling comes to, and refusals. */
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { resolveOptions } from "../../../src/main/options/resolve.js";
import type { RedisConfig } from "../../../src/protocol/config.js";
import { refusal } from "../../support/opened-store.js";

function resolved(options: object): RedisConfig {
  const { redis } = resolveOptions(options).engine;
  if (redis === undefined) throw new Error("the options are not for Redis");
  return redis;
}

const URLS: readonly [url: string, expected: Partial<RedisConfig>][] = [
  ["redis://h", { addresses: [{ host: "h", port: 6379 }], tls: null, database: 0 }],
  ["redis://h:1/3", { addresses: [{ host: "h", port: 1 }], database: 3 }],
  ["rediss://h/", { tls: {}, database: 0 }],
  ["valkeys://h", { tls: {} }],
  ["redis://u:p%40s@h", { username: "u", password: "p@s" }],
  ["redis://:p@[::1]:7", { addresses: [{ host: "::1", port: 7 }], password: "p" }],
];

describe("the option redis", () => {
  it.each(URLS)("may be a URL: %s", (url, expected) => {
    expect(resolved({ redis: url })).toMatchObject({ kind: "single", ...expected });
    expect(resolved({ redis: { url } })).toEqual(resolved({ redis: url }));
  });

  it("may be the path of a socket", () => {
    expect(resolved({ redis: { path: "/run/redis.sock" } })).toMatchObject({
      kind: "single",
      addresses: [],
      path: "/run/redis.sock",
    });
  });

  it("may name sentinels, or nodes of a cluster", () => {
    const sentinels = ["a", "b:1", { host: "c", port: 2 }, "[::1]:3"];
    expect(resolved({ redis: { sentinels, name: "m", database: 2 } })).toMatchObject({
      kind: "sentinel",
      masterName: "m",
      database: 2,
      addresses: [
        { host: "a", port: 26_379 },
        { host: "b", port: 1 },
        { host: "c", port: 2 },
        { host: "::1", port: 3 },
      ],
    });
    expect(resolved({ redis: { nodes: ["a"], tls: true } })).toMatchObject({
      kind: "cluster",
      addresses: [{ host: "a", port: 6379 }],
      tls: {},
    });
  });

  it("may name a module, by URL or path", () => {
    const url = pathToFileURL("/app/client.js");
    for (const module of [url, url.href, "/app/client.js"]) {
      expect(resolved({ redis: { module } })).toMatchObject({ addresses: [], module: url.href });
    }
  });

  it("has defaults", () => {
    expect(resolved({ redis: "redis://h" })).toMatchObject({
      prefix: "esi:",
      failAfterMs: 2_000,
      replicas: 0,
    });
    expect(resolveOptions({ redis: "redis://h" }).engine).toMatchObject({ durable: false });
    expect(resolveOptions({ redis: "redis://h" }).engine).not.toHaveProperty("disk");
    expect(resolveOptions({ directory: "d" }).engine).not.toHaveProperty("redis");
  });

  it.each<[string, object]>([
    ["redis", { redis: 1 }],
    ["redis", { redis: null }],
    ["redis", { redis: [] }],
    ["redis", { redis: {} }],
    ["redis", { redis: "" }],
    ["redis", { redis: "localhost:6379" }],
    ["redis", { redis: "http://localhost" }],
    ["redis", { redis: "redis://h/x" }],
    ["nodes", { redis: { url: "redis://h", nodes: ["a"] } }],
    ["path", { redis: { url: "redis://h", path: "/run/redis.sock" } }],
    ["name", { redis: { sentinels: ["a"] } }],
    ["sentinels", { redis: { url: "redis://h", name: "m" } }],
    ["sentinels", { redis: { sentinels: [], name: "m" } }],
    ["nodes", { redis: { nodes: [{ port: 1 }] } }],
    ["nodes", { redis: { nodes: ["a:70000"] } }],
    ["nodes", { redis: { nodes: [null] } }],
    ["database", { redis: { url: "redis://h", database: 1.5 } }],
    ["database", { redis: { nodes: ["a"], database: 1 } }],
    ["prefix", { redis: { url: "redis://h", prefix: "" } }],
    ["tls", { redis: { url: "redis://h", tls: "yes" } }],
    ["module", { redis: { url: "redis://h", tls: { checkServerIdentity: () => undefined } } }],
    ["password", { redis: { url: "redis://h", pasword: "x" } }],
    ["failAfterMs", { redis: "redis://h", failAfterMs: 99 }],
    ["failAfterMs", { redis: "redis://h", failAfterMs: 2_147_483_648 }],
    ["failAfterMs", { directory: "d", failAfterMs: 1000 }],
    ["replicas", { redis: "redis://h", replicas: -1 }],
    ["directory", { redis: "redis://h", directory: "d" }],
    ["pasta", { redis: "redis://h", pasta: "d" }],
    ["walLimit", { redis: "redis://h", walLimit: 1 }],
    ["maxBytes", { redis: "redis://h", maxBytes: 1 }],
    ["share", { redis: "redis://h", share: false }],
  ])("is refused by name, with what belongs to it: %s in %j", (name, options) => {
    const error = refusal(options);
    expect([TypeError, RangeError]).toContain((error as Error | undefined)?.constructor);
    expect((error as Error).message).toContain(name);
  });

  it("shows no secret in a message", () => {
    const secret = "s3cr3t";
    for (const redis of [
      `http://u:${secret}@h`,
      `redis://u:${secret}@h/x`,
      { url: `redis://u:${secret}@h`, nodes: [secret] },
      { password: secret },
      { url: "redis://h", password: [secret] },
      { nodes: [`${secret}:99999`] },
    ]) {
      const error = refusal({ redis });
      expect(error).toBeInstanceOf(Error);
      expect((error as Error).message).not.toContain(secret);
    }
  });
});
