/**
 * The composition root of the engine over a Redis or Valkey server: connects, proves what is promised,
 * and starts the parts.
 */
import { isMoving, type RedisEngineConfig } from "../../protocol/config.js";
import type { Engine, EngineListener, StoredSession } from "../../protocol/contract.js";
import { debugLog } from "../../protocol/debug-log.js";
import type { Report } from "../../protocol/errors.js";
import { keepAliveDuring } from "../ports/keep-alive.js";
import { randomNonce } from "../ports/nonce.js";
import { assertKey } from "./key-check.js";
import { Names } from "./names.js";
import { Order } from "./order.js";
import { Records } from "./records.js";
import { Seals } from "./seal.js";
import { connect, leave, type Servers } from "./servers.js";
import { Service } from "./service.js";
import { Tokens } from "./tokens.js";
import { UserLists } from "./user-lists.js";
import { reportEviction, reportSkew } from "./warnings.js";
import { Writer } from "./writer.js";

// What moving sessions to this engine needs besides.
export { ConnectRedis } from "./connect-redis.js";
export { Listing } from "./listing.js";
export { Order };

/** An engine that sessions can be moved to. */
export interface RedisEngine extends Engine {
  /**
   * Stores a session that comes from elsewhere, unless there is one, or there was one that was destroyed.
   * @param deadline the moment of `monotonic()` after which it is not stored
   */
  adopt(sid: string, session: StoredSession, deadline: number): Promise<void>;
  /** For when no session comes any more: it need not be known any longer which were destroyed. */
  forgetDestroyed(): Promise<void>;
}

/**
 * Connects to the masters. With `migrateFrom` it is remembered which sessions were destroyed.
 * @throws StoreError `DRIVER_MISSING`, `STORE_UNREACHABLE`, `STORE_DENIED`, `STORE_NOT_DURABLE`,
 *   `STORE_KEY_MISMATCH`, `STORE_IO`
 */
export async function openRedisEngine(
  config: RedisEngineConfig,
  { onError }: EngineListener,
): Promise<RedisEngine> {
  return keepAliveDuring(open(config, onError));
}

async function open(
  config: RedisEngineConfig,
  onError: EngineListener["onError"],
): Promise<RedisEngine> {
  const { redis } = config;
  const log = debugLog(config);
  const report: Report = (error) => {
    log(`${error.code}: ${error.message}`);
    onError(error);
  };
  const seals = await Seals.of(config.encryptionKeys, redis.prefix);
  const names = new Names(redis.prefix, seals);
  return connect(config, log, async (servers, connections) => {
    await assertKey(servers.caller, names, seals);
    reportSkew(connections, report);
    await reportEviction(connections, report);
    return assemble(config, servers, { names, seals, report });
  });
}

function assemble(
  config: RedisEngineConfig,
  servers: Servers,
  {
    names,
    seals,
    report,
  }: { readonly names: Names; readonly seals: Seals | null; readonly report: Report },
): RedisEngine {
  const { caller, masters } = servers;
  const records = new Records(seals, config.absoluteTtlMs, report);
  const tokens = new Tokens(randomNonce());
  const lists = new UserLists({ caller, names, records });
  const serverNow = (key: string): number => masters.of(key)?.serverNow() ?? Date.now();
  const writer = new Writer({ caller, names, records, tokens, lists, serverNow }, config);
  const order = new Order();
  return new Service({
    ...{ caller, masters, names, order, records, tokens, lists, writer },
    marksDestroyed: isMoving(config),
    release: () => {
      leave(servers);
    },
  });
}
