/** Owns engines that move sessions to Redis in tests, and what the places are that they move them from. */
import { onTestFinished } from "vitest";
import type { MigrationConfig, MovingEngineConfig } from "../../../src/protocol/config.js";
import type { Engine, MigrationStats } from "../../../src/protocol/contract.js";
import type { StoreError } from "../../../src/protocol/errors.js";
import { openEngine } from "../../../src/worker/disk/engine.js";
import { openMovingEngine } from "../../../src/worker/move/engine.js";
import { engineConfig } from "../engine-world.js";
import { listenerTo } from "../listener.js";
import { redisConfig, type RedisOverrides } from "../redis/engines.js";
import type { Server } from "../redis/server.js";
import { until } from "../until.js";

/** The files of a directory. */
export function fromFiles(
  directory: string,
  encryptionKeys: readonly string[] = [],
): MigrationConfig {
  const { disk } = engineConfig(directory);
  return { disk: { ...disk, isDeparting: true }, encryptionKeys };
}

/** What connect-redis has stored under a prefix. */
export function fromConnectRedis(
  server: Pick<Server, "address">,
  { prefix = "sess:", ttlMs = 86_400_000, failAfterMs = 10_000 } = {},
): MigrationConfig {
  return { redis: redisConfig({ addresses: [server.address], prefix, failAfterMs }).redis, ttlMs };
}

/** A configuration that moves to a prefix of its own. */
export function movingConfig(
  server: Server,
  migrateFrom: MigrationConfig,
  overrides: RedisOverrides = {},
): MovingEngineConfig {
  return { ...redisConfig({ addresses: [server.address], ...overrides }), migrateFrom };
}

/** An engine until the test has finished. */
export async function openMoving(
  config: MovingEngineConfig,
  reports: StoreError[] = [],
): Promise<Engine> {
  const listener = listenerTo((error) => reports.push(error));
  const engine = await openMovingEngine(config, listener, (files) => openEngine(files, listener));
  onTestFinished(() => engine.close());
  return engine;
}

/** How far it is. */
export async function migration(engine: Engine): Promise<MigrationStats> {
  const { migration: stats } = await engine.stats();
  if (stats === undefined) throw new Error("this engine moves nothing");
  return stats;
}

/** Resolves when nothing is left to be moved. */
export async function untilMoved(engine: Engine): Promise<void> {
  await until(async () => (await migration(engine)).left === 0);
}

/** Resolves when the old place is done with. */
export async function untilDone(engine: Engine): Promise<MigrationStats> {
  return until(async () => {
    const stats = await migration(engine);
    return stats.done && stats;
  });
}
