/** The engine suite over the engine of Redis, over one real server. */
import { afterAll, describe, vi } from "vitest";
import type { RedisEngineConfig } from "../../src/protocol/config.js";
import { openRedisEngine } from "../../src/worker/redis/engine.js";
import { listenerTo } from "../support/listener.js";
import { redisConfig, type RedisOverrides } from "../support/redis/engines.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import type { EngineKind } from "./engine/behavior.js";
import { engineSuite } from "./engine-suite.js";

vi.mock("node:crypto", async (importOriginal) => {
  const { withFastPbkdf2 } = await import("../support/fast-pbkdf2.js");
  return withFastPbkdf2(await importOriginal());
});

const server = HAS_SERVER ? await Server.start() : null;
afterAll(() => server?.stop());

function redisEngine(overrides: RedisOverrides = {}): EngineKind<RedisEngineConfig> {
  return {
    reopens: true,
    listsInclusively: true,
    place: () =>
      redisConfig({ addresses: [{ host: "127.0.0.1", port: server!.port }], ...overrides }),
    open: (config) =>
      openRedisEngine(
        config,
        listenerTo((error) => {
          throw error;
        }),
      ),
  };
}

describe.skipIf(!HAS_SERVER)("over Redis", () => {
  engineSuite("the redis engine", redisEngine());
  engineSuite("the redis engine, encrypted, with a limited life", {
    ...redisEngine({ encryptionKeys: ["a key of the test's own"], absoluteTtlMs: 86_400_000 }),
    hidesUsers: true,
  });
});
