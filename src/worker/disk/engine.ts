/**
 * The composition root of the engine: takes the lock, opens the collection, wires the parts. The
 * thread entry runs it behind a port, `isolate: false` runs it as it is.
 */
import type { EngineConfig } from "../../protocol/config.js";
import type { Engine } from "../../protocol/contract.js";
import { debugLog } from "../../protocol/debug-log.js";
import { type Report, StoreError } from "../../protocol/errors.js";
import { type Clock, systemClock } from "../ports/clock.js";
import { Committer } from "./committer.js";
import { Compactor } from "./compactor.js";
import { ioError } from "../ports/failure.js";
import { type Files, nodeFiles } from "../ports/files.js";
import { Lock } from "./lock/lock.js";
import { openCollection, type OpenedCollection } from "./opening.js";
import { type CollectionPaths, collectionPaths } from "./paths.js";
import { type ProcessTable, systemProcesses } from "../ports/process-table.js";
import { Service } from "./service.js";
import { Sweeper } from "./sweeper.js";

/** What the engine takes from the world, so that a test can give it another. */
export interface Surroundings {
  readonly files: Files;
  readonly clock: Clock;
  readonly processes: ProcessTable;
}

/**
 * Opens the collection.
 * @throws StoreError `STORE_LOCKED`, `STORE_KEY_MISMATCH`, `STORE_CORRUPT`, `STORE_IO`
 */
export async function openEngine(
  config: EngineConfig,
  onError: Report,
  surroundings?: Surroundings,
): Promise<Engine> {
  const log = debugLog(config);
  const report: Report = (error) => {
    log(`${error.code}: ${error.message}`);
    onError(error);
  };
  const world = surroundings ?? {
    files: nodeFiles,
    clock: systemClock,
    processes: await systemProcesses(),
  };
  const { files, clock } = world;
  const paths = collectionPaths(config.disk.directory, config.disk.collection);
  try {
    await files.createDirectory(paths.directory);
  } catch (cause) {
    throw ioError(`cannot make the directory ${paths.directory}`, cause);
  }

  let committer: Committer | null = null;
  let lost = null as StoreError | null;
  const lock = await staying(
    Lock.acquire(
      { ...world, paths, owner: config.owner, abandoned: config.abandoned ?? [] },
      (error) => {
        lost = error;
        committer?.lose(error);
        report(error);
      },
    ),
  );
  try {
    const opened = await staying(
      openCollection({
        files,
        paths,
        clock,
        passwords: config.encryptionKeys,
        assertOwned: () => lock.assertHeld(),
        ttlMs: config.ttlMs,
      }),
    );
    const parts = assemble(config, report, world, paths, lock, opened);
    committer = parts.committer;
    if (lost !== null) committer.lose(lost);
    try {
      await lock.assertHeld();
      // What a crash left half written. Only now: with a wrong key every file stays as it is.
      await files.remove(paths.snapshotTemporary);
      await files.remove(paths.journalTemporary);
      await files.remove(paths.quarantineTemporary);
      await files.remove(paths.saltTemporary);
      return await start(config, report, world, paths, lock, opened, parts);
    } catch (error) {
      await parts.compactor.stop();
      await opened.journal.close();
      throw error;
    }
  } catch (cause) {
    await lock.release().catch(() => undefined);
    throw ioError(`cannot open the collection in ${paths.directory}`, cause);
  }
}

interface Parts {
  readonly committer: Committer;
  readonly compactor: Compactor;
  readonly sweeper: Sweeper;
}

function assemble(
  config: EngineConfig,
  report: Report,
  { files, clock }: Surroundings,
  paths: CollectionPaths,
  lock: Lock,
  { collection, journal, keyring, snapshotBytes }: OpenedCollection,
): Parts {
  const log = debugLog(config);
  const committer = new Committer({
    collection,
    journal,
    keyring,
    clock,
    assertOwned: () => lock.assertLeased(),
    durable: config.durable,
    onCommit: () => {
      compactor.considerRunning();
    },
    onDistrust: (error) => {
      report(error);
      compactor.recover();
    },
    onTouchFailure: report,
  });
  const compactor = new Compactor(
    {
      files,
      paths,
      collection,
      journal,
      committer,
      keyring,
      clock,
      walLimitBytes: config.disk.walLimitBytes,
      assertOwned: () => lock.assertHeld(),
      report,
      log,
    },
    snapshotBytes,
  );
  const sweeper = new Sweeper({
    collection,
    committer,
    clock,
    intervalMs: config.disk.gcIntervalMs,
    onSwept: () => {
      if (config.disk.compactAfterGc) compactor.runInBackground();
    },
    report,
    log,
  });
  return { committer, compactor, sweeper };
}

async function start(
  config: EngineConfig,
  report: Report,
  { clock }: Surroundings,
  paths: CollectionPaths,
  lock: Lock,
  opened: OpenedCollection,
  { committer, compactor, sweeper }: Parts,
): Promise<Engine> {
  const { collection, journal, recovered, quarantined } = opened;
  if (opened.mustEncrypt) await compactor.run();
  if (quarantined > 0) {
    report(
      new StoreError(
        "STORE_CORRUPT",
        `${quarantined} damaged stretches of the collection were set aside in ${paths.quarantine}; ` +
          "everything else is served",
      ),
    );
  }
  // Until the files are rewritten, the next opening would find the same damage again.
  if (!opened.mustEncrypt && (quarantined > 0 || opened.shouldCompact)) compactor.runInBackground();
  sweeper.start();
  debugLog(config)(`opened ${paths.directory}: ${collection.size} sessions`);

  const flush = (): Promise<void> =>
    committer.exclusively(() => (journal.known ? journal.sync() : Promise.resolve()));
  const release = async (): Promise<void> => {
    try {
      await sweeper.stop();
      await compactor.stop();
      let failure: unknown = null;
      await flush().catch((error: unknown) => (failure = error));
      if (!journal.known && committer.lost === null) {
        // What was written without fsync, and the touches, have no other way to the disk.
        failure = null;
        await compactor.run().catch((error: unknown) => (failure = error));
        await flush();
      }
      if (committer.hasTouches || (failure !== null && !config.durable)) {
        const cause = failure ?? committer.refusal;
        throw new StoreError("STORE_IO", "what was in memory only could not be written", { cause });
      }
    } finally {
      committer.stop();
      try {
        await journal.close();
      } finally {
        await lock.release();
        debugLog(config)("closed");
      }
    }
  };
  return new Service({
    collection,
    journal,
    committer,
    compactor,
    sweeper,
    clock,
    recovered,
    quarantined,
    release: () =>
      release().catch((cause: unknown) => {
        throw ioError("cannot close the collection", cause);
      }),
  });
}

/** Waits for what may take time by the clock's timers, which keep nothing alive. */
async function staying<T>(work: Promise<T>): Promise<T> {
  const alive = setInterval(() => undefined, ALIVE_MS);
  try {
    return await work;
  } finally {
    clearInterval(alive);
  }
}

const ALIVE_MS = 60_000;
