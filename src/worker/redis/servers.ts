/** The servers of one configuration, connected. */
import type { RedisEngineConfig } from "../../protocol/config.js";
import type { DebugLog } from "../../protocol/debug-log.js";
import { StoreError } from "../../protocol/errors.js";
import { Caller } from "./caller.js";
import type { Connection } from "./connection.js";
import { loadDriver } from "./driver.js";

/**
 * Connects to the masters, and lets `begin` ask them for what it needs; if that fails they are left.
 * @throws StoreError
 */
export async function connect<T>(
  config: RedisEngineConfig,
  log: DebugLog,
  begin: (caller: Caller, connections: readonly Connection[]) => Promise<T>,
): Promise<T> {
  const caller = new Caller(config, await loadDriver(config.redis.module), log);
  try {
    return await begin(caller, await caller.all());
  } catch (cause) {
    caller.stop();
    if (cause instanceof StoreError) throw cause;
    throw new StoreError("STORE_IO", "the sessions in Redis cannot be opened", { cause });
  }
}
