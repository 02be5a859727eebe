/**
 * The composition root of the engine over Redis that moves the sessions of another place there: opens
 * both, and starts to move when nothing stands against it.
 */
import type { DiskEngineConfig, MovingEngineConfig } from "../../protocol/config.js";
import type { Engine, EngineListener } from "../../protocol/contract.js";
import { type DebugLog, debugLog } from "../../protocol/debug-log.js";
import { type Report, StoreError } from "../../protocol/errors.js";
import type { DiskEngine } from "../disk/engine.js";
import { systemClock } from "../ports/clock.js";
import { ConnectRedis, openRedisEngine, type RedisEngine } from "../redis/engine.js";
import { filesSource } from "./files.js";
import type { Source } from "./places.js";
import { MovingService } from "./service.js";
import { Sessions } from "./sessions.js";
import { Walk } from "./walk.js";

/** By how much clocks may differ without harm. */
const MARGIN_MS = 1000;

interface Told {
  readonly report: Report;
  readonly log: DebugLog;
}

/** Opens the engine over the files that sessions are moved from. */
type OpenFiles = (config: DiskEngineConfig) => Promise<DiskEngine>;

/** @throws StoreError as the engines of both places do */
export async function openMovingEngine(
  config: MovingEngineConfig,
  listener: EngineListener,
  openFiles: OpenFiles,
): Promise<Engine> {
  const log = debugLog(config);
  const report: Report = (error) => {
    log(`${error.code}: ${error.message}`);
    listener.onError(error);
  };
  const destination = await openRedisEngine(config, listener);
  try {
    const source = await openSource(config, openFiles, { log, report });
    if (!config.durable) report(notDurable());
    return start(config, source, destination, { report, log });
  } catch (error) {
    await destination.close();
    throw error;
  }
}

async function openSource(
  config: MovingEngineConfig,
  openFiles: OpenFiles,
  told: Told,
): Promise<Source> {
  const { migrateFrom, redis: _, ...common } = config;
  if ("redis" in migrateFrom) {
    const { redis, ttlMs } = migrateFrom;
    // What is deleted there has been stored elsewhere.
    return ConnectRedis.open({ ...common, redis, durable: false }, ttlMs, told);
  }
  const { disk, encryptionKeys } = migrateFrom;
  const engine = await openFiles({ ...common, disk, encryptionKeys, durable: true });
  try {
    // From here on others would miss what was moved.
    await engine.depart();
    return filesSource(engine);
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function start(
  { redis: { failAfterMs } }: MovingEngineConfig,
  source: Source,
  destination: RedisEngine,
  { report, log }: Told,
): Engine {
  const sessions = new Sessions(source, destination, failAfterMs);
  const service = new MovingService({
    ...{ source, destination, sessions, report, failAfterMs },
    stopWalk: () => {
      walk.stop();
    },
  });
  const walk = new Walk({
    source,
    clock: systemClock,
    move: (sid) => service.move(sid),
    onItsWayMs: failAfterMs + MARGIN_MS,
    finish: async () => {
      await service.finish();
      log(`${sessions.moved} sessions were moved, and none is left`);
    },
    report,
    log,
  });
  walk.start();
  return service;
}

function notDurable(): StoreError {
  return new StoreError(
    "STORE_NOT_DURABLE",
    "sessions that are moved to Redis are deleted in the old place when the server has them in its " +
      "memory: what it loses then is lost. With durable: true they are deleted when it has them on its disk",
  );
}
