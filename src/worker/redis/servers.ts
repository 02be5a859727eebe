/** The servers of one configuration, connected, and the calls that are made of them. */
import type { RedisEngineConfig } from "../../protocol/config.js";
import { StoreError } from "../../protocol/errors.js";
import { Caller } from "./caller.js";
import type { Connection } from "./connection.js";
import { loadDriver } from "./driver.js";
import { type Masters, mastersOf } from "./masters.js";

export interface Servers {
  readonly caller: Caller;
  readonly masters: Masters;
}

/**
 * Connects to the masters, and lets `begin` ask them for what it needs; if that fails they are left.
 * @throws StoreError
 */
export async function connect<T>(
  config: RedisEngineConfig,
  log: (text: string) => void,
  begin: (servers: Servers, connections: readonly Connection[]) => Promise<T>,
): Promise<T> {
  const makeClient = await loadDriver(config.redis.module);
  const caller = new Caller(config.redis.failAfterMs);
  const masters = mastersOf(config, makeClient, () => {
    log(`connected to ${masters.counts.connected} masters`);
    caller.retryParked();
  });
  caller.use(masters);
  const servers = { caller, masters };
  try {
    return await begin(servers, await caller.all());
  } catch (error) {
    leave(servers);
    throw error instanceof StoreError ? error : cannotOpen(error);
  }
}

export function leave({ caller, masters }: Servers): void {
  masters.stop();
  caller.stop();
}

function cannotOpen(cause: unknown): StoreError {
  return new StoreError("STORE_IO", "the sessions in Redis cannot be opened", { cause });
}
