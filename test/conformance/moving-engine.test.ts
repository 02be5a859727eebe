/** The engine suite over the engine that moves sessions to Redis, while it may still find some. */
import { afterAll, describe, vi } from "vitest";
import type { MovingEngineConfig } from "../../src/protocol/config.js";
import { openEngine } from "../../src/worker/disk/engine.js";
import { nodeFiles } from "../../src/worker/ports/node-files.js";
import { openMovingEngine } from "../../src/worker/move/engine.js";
import { listenerTo } from "../support/listener.js";
import { fromConnectRedis, fromFiles, movingConfig } from "../support/move/engines.js";
import type { RedisOverrides } from "../support/redis/engines.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import { tempDirectory } from "../support/temp-dir.js";
import type { EngineKind } from "./engine/behavior.js";
import { engineSuite } from "./engine-suite.js";

vi.mock("node:crypto", async (importOriginal) => {
  const { withFastPbkdf2 } = await import("../support/fast-pbkdf2.js");
  return withFastPbkdf2(await importOriginal());
});

const server = HAS_SERVER ? await Server.start() : null;
afterAll(() => server?.stop());

/** Of an emergency none of the tests makes: what is reported is that durability was not asked for. */
const listener = listenerTo((error) => {
  if (error.code !== "STORE_NOT_DURABLE") throw error;
});

function movingEngine(
  from: () => MovingEngineConfig["migrateFrom"],
  overrides: RedisOverrides = {},
): EngineKind<MovingEngineConfig> {
  return {
    reopens: true,
    listsInclusively: true,
    place: () => movingConfig(server!, from(), overrides),
    async open(config) {
      const { migrateFrom } = config;
      if ("disk" in migrateFrom) {
        // There must be files, if only empty ones.
        const path = `${migrateFrom.disk.directory}/sessions.wal.log`;
        await (await nodeFiles.open(path, "update")).close();
      }
      return openMovingEngine(config, listener, (files) => openEngine(files, listener));
    },
  };
}

const encrypted = { encryptionKeys: ["a key of the test's own"], absoluteTtlMs: 86_400_000 };

describe.skipIf(!HAS_SERVER)("moving to Redis", () => {
  engineSuite(
    "from files",
    movingEngine(() => fromFiles(tempDirectory())),
  );
  engineSuite("from connect-redis, encrypted, with a limited life", {
    ...movingEngine(() => fromConnectRedis(server!), encrypted),
    hidesUsers: true,
  });
});
