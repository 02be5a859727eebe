/** Owns engines over Redis in tests: configurations, each with a prefix of its own. */
import { onTestFinished } from "vitest";
import type { RedisConfig, RedisEngineConfig } from "../../../src/protocol/config.js";
import type { Engine } from "../../../src/protocol/contract.js";
import type { StoreError } from "../../../src/protocol/errors.js";
import { openRedisEngine } from "../../../src/worker/redis/engine.js";
import { listenerTo } from "../listener.js";

export type RedisOverrides = Partial<Omit<RedisEngineConfig, "redis"> & RedisConfig>;

let prefixes = 0;

/** A complete configuration, of one server unless it says otherwise. */
export function redisConfig(
  overrides: RedisOverrides & Pick<RedisConfig, "addresses">,
): RedisEngineConfig {
  const {
    addresses,
    kind = "single",
    path,
    masterName,
    username,
    password,
    sentinelUsername,
    sentinelPassword,
    tls = null,
    database = 0,
    prefix = `test ${++prefixes}:`,
    module,
    failAfterMs = 10_000,
    replicas = 0,
    ...common
  } = overrides;
  return {
    durable: false,
    ttlMs: 86_400_000,
    debug: false,
    maxPendingMs: 10_000,
    encryptionKeys: [],
    absoluteTtlMs: null,
    hasUsers: true,
    owner: "the test",
    ...common,
    redis: {
      ...{
        addresses,
        path,
        kind,
        masterName,
        username,
        password,
        sentinelUsername,
        sentinelPassword,
      },
      ...{ tls, database, prefix, module, failAfterMs, replicas },
    },
  };
}

/** An engine until the test has finished. */
export async function openRedis(
  config: RedisEngineConfig,
  reports: StoreError[] = [],
): Promise<Engine> {
  const engine = await openRedisEngine(
    config,
    listenerTo((error) => reports.push(error)),
  );
  onTestFinished(() => engine.close());
  return engine;
}
