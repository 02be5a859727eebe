/**
 * The composition root of the disk engine: takes the lock, opens the collection, starts its
 * parts. The worker thread serves it over a port; with `isolate: false` it is called directly.
 */
import type { DiskEngineConfig } from "../../protocol/config.js";
import type { Engine, EngineListener } from "../../protocol/contract.js";
import { debugLog } from "../../protocol/debug-log.js";
import { type Report, StoreError } from "../../protocol/errors.js";
import { type Clock, systemClock } from "../ports/clock.js";
import { ioError } from "../ports/failure.js";
import type { Files } from "../ports/files.js";
import { keepAliveDuring } from "../ports/keep-alive.js";
import { nodeFiles } from "../ports/node-files.js";
import { type Nonce, randomNonce } from "../ports/nonce.js";
import { withPatientRenames } from "../ports/patient-renames.js";
import { type ProcessTable, systemProcesses } from "../ports/process-table.js";
import { timedFiles } from "../ports/timed-files.js";
import { closeCollection } from "./closing.js";
import type { Committer } from "./committer.js";
import { assertNotDeparted, assertPresent, markDeparted } from "./departure.js";
import { Executed } from "./executed.js";
import { Lifetime, type Limits } from "./lifetime.js";
import { Lock } from "./lock/lock.js";
import type { Meeting } from "./lock/meeting.js";
import { openCollection } from "./opening.js";
import { assemble, type Guests, limitDisk, type Wiring } from "./parts.js";
import { collectionPaths } from "./paths.js";
import { memoryLimits } from "./memory-room.js";
import { Service } from "./service.js";
import { limiter, removeLeftovers, start } from "./starting.js";
import { assertAnswering, noteFailure } from "./standing-disks.js";

/** The outside world as the engine sees it; tests replace it. */
export interface Environment {
  readonly files: Files;
  readonly clock: Clock;
  readonly processes: ProcessTable;
  readonly nonce: Nonce;
}

/** An engine whose sessions can be moved to another one. */
export interface DiskEngine extends Engine {
  /** Resolves when the collection is marked as one whose sessions were moved elsewhere. */
  depart(): Promise<void>;
}

/** A collection that is open here. */
export interface Owned {
  readonly engine: Service;
  readonly lock: Lock;
  /** From now on these limits hold for what is stored; when it resolves, for all sessions. */
  readonly limit: (limits: Limits) => Promise<void>;
}

/** How a store shares the collection with others. */
export interface Sharing extends Meeting, Guests {
  /** Called when another process has taken over the collection: nothing more is written. */
  readonly onLost: (error: StoreError) => void;
}

/**
 * Opens the collection, for this store alone.
 * @throws StoreError `STORE_MIGRATED`, `STORE_LOCKED`, `STORE_KEY_MISMATCH`, `STORE_CORRUPT`, `STORE_FULL`, `STORE_IO`
 */
export async function openEngine(
  config: DiskEngineConfig,
  listener: EngineListener,
  environment: Environment = realEnvironment(nodeFiles),
): Promise<DiskEngine> {
  const owned = await openOwned(config, listener, environment, null);
  if (owned === null) throw new Error("a store that does not share cannot join another");
  return owned.engine;
}

/**
 * Opens the collection, unless another store has it open that this one can join.
 * @returns null if it has joined that
 * @throws StoreError as {@link openEngine}
 */
export async function openOwned(
  config: DiskEngineConfig,
  { onError, onExpired }: EngineListener,
  environment: Environment,
  sharing: Sharing | null,
): Promise<Owned | null> {
  const log = debugLog(config);
  const report = reportOnce((error) => {
    // To have lost it is no trouble where another store goes on with it, unless that finds nothing.
    const isShared = sharing !== null && error.code === "STORE_LOCKED";
    const trouble = isShared ? error.cause : error;
    if (trouble instanceof StoreError) onError(trouble);
  }, log);
  const paths = collectionPaths(config.disk.directory, config.disk.collection);
  const files = timedFiles(environment.files, environment.clock);
  const wiring: Wiring & Environment = {
    ...{ ...environment, report, onExpired, log, files, config, paths },
    limits: memoryLimits(config.disk.maxBytes),
    lifetime: new Lifetime(config),
    executed: new Executed(environment.clock),
    sharing,
  };
  // A disk that stands still fails the opening; there is nothing yet that could wait for it.
  files.limit(config.maxPendingMs, null);
  assertAnswering(environment.files, paths.directory);
  try {
    return await open(wiring, sharing);
  } catch (error) {
    noteFailure(environment.files, paths.directory, files);
    throw error;
  }
}

async function open(wiring: Wiring & Environment, sharing: Sharing | null): Promise<Owned | null> {
  const { files, paths, config, report } = wiring;
  if (config.disk.isDeparting === true) await assertPresent(files, paths);
  else {
    try {
      await files.createDirectory(paths.directory);
    } catch (cause) {
      throw ioError(`cannot prepare the directory ${paths.directory}`, cause);
    }
    await assertNotDeparted(files, paths);
  }
  // Before there is one nothing is written, and the opening finds by itself that the lock is lost.
  let committer: Committer | null = null;
  const { owner, abandoned = [] } = config;
  const lock = await keepAliveDuring(
    Lock.acquire({ ...wiring, owner, abandoned, meeting: sharing }, (error) => {
      committer?.disown(error);
      report(error);
      sharing?.onLost(error);
    }),
  );
  if (lock === null) return null;
  try {
    // They may have been moved while the lock was waited for.
    if (config.disk.isDeparting !== true) await assertNotDeparted(files, paths);
    const opened = await openLocked(wiring, lock, (made) => (committer = made));
    return { ...opened, lock };
  } catch (cause) {
    await lock.release().catch(() => undefined);
    throw ioError(`cannot open the collection in ${paths.directory}`, cause);
  }
}

/** Reports what several parts may run into only once. */
function reportOnce(onError: Report, log: (text: string) => void): Report {
  const reported = new WeakSet<StoreError>();
  return (error) => {
    if (reported.has(error) || reported.has(error.cause as StoreError)) return;
    reported.add(error);
    log(`${error.code}: ${error.message}`);
    onError(error);
  };
}

/** The real world, over the real files in one way or another. */
export function realEnvironment(files: Files): Environment {
  const clock = systemClock;
  return {
    files: process.platform === "win32" ? withPatientRenames(files, clock) : files,
    clock,
    processes: systemProcesses(),
    nonce: randomNonce,
  };
}

async function openLocked(
  wiring: Wiring,
  lock: Lock,
  onCommitter: (committer: Committer) => void,
): Promise<Omit<Owned, "lock">> {
  const { files, paths, clock, config } = wiring;
  const opened = await keepAliveDuring(
    openCollection({
      ...wiring,
      passwords: config.encryptionKeys,
      ttlMs: config.ttlMs,
      assertOwned: () => lock.assertHeld(),
      isAlone: wiring.sharing === null || lock.isProven,
    }),
  );
  const parts = assemble(wiring, lock, opened);
  lock.keeps(() => parts.compactor.snapshotBytes > 0);
  onCommitter(parts.committer);
  try {
    await lock.assertHeld();
    await removeLeftovers(files, paths);
    limitDisk(wiring, opened, parts);
    await start(wiring, opened, parts);
  } catch (error) {
    await parts.compactor.stop();
    await opened.journal.close();
    throw error;
  }
  const closing = { ...parts, durable: config.durable, journal: opened.journal, lock };
  const engine = new Service({
    ...parts,
    collection: opened.collection,
    opened,
    executed: wiring.executed,
    clock,
    depart: () => markDeparted(files, paths),
    release: async () => {
      await closeCollection(closing).finally(() => {
        files.limit(config.maxPendingMs, null);
      });
      wiring.log("closed");
    },
  });
  return { engine, limit: limiter(wiring, opened, parts) };
}
