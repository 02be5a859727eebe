/**
 * The composition root of the engine over a Redis or Valkey server: connects, proves what is promised,
 * and starts the parts.
 */
import type { RedisEngineConfig } from "../../protocol/config.js";
import type { EngineListener } from "../../protocol/contract.js";
import { debugLog } from "../../protocol/debug-log.js";
import type { Report } from "../../protocol/errors.js";
import { keepAliveDuring } from "../ports/keep-alive.js";
import { assertKey } from "./key-check.js";
import { Names } from "./names.js";
import { Records } from "./records.js";
import { Seals } from "./seal.js";
import { connect } from "./servers.js";
import { Service } from "./service.js";
import { Tokens } from "./tokens.js";
import { UserLists } from "./user-lists.js";
import { reportEviction, reportSkew } from "./warnings.js";
import { Writer } from "./writer.js";

// What moving sessions to this engine needs besides.
export { ConnectRedis } from "./connect-redis.js";
export { Listing } from "./listing.js";
export { Order } from "./order.js";
export type { Service as RedisEngine } from "./service.js";

/**
 * Connects to the masters. With `migrateFrom` it is remembered which sessions were destroyed.
 * @throws StoreError `DRIVER_MISSING`, `STORE_UNREACHABLE`, `STORE_DENIED`, `STORE_NOT_DURABLE`,
 *   `STORE_KEY_MISMATCH`, `STORE_IO`
 */
export async function openRedisEngine(
  config: RedisEngineConfig,
  { onError }: EngineListener,
): Promise<Service> {
  const log = debugLog(config);
  const report: Report = (error) => {
    log(`${error.code}: ${error.message}`);
    onError(error);
  };
  const seals = await Seals.of(config.encryptionKeys, config.redis.prefix);
  const names = new Names(config.redis.prefix, seals);
  const opening = connect(config, log, async (caller, connections) => {
    await assertKey(caller, names, seals);
    reportSkew(connections, report);
    await reportEviction(connections, report);
    const records = new Records(seals, config.absoluteTtlMs, report);
    const lists = new UserLists({ caller, names, records });
    const parts = { caller, names, records, lists, tokens: new Tokens() };
    return new Service({ ...parts, writer: new Writer(parts, config) });
  });
  return keepAliveDuring(opening);
}
