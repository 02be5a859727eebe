/**
 * The composition root of the disk engine: takes the lock, opens the collection, connects the
 * parts. The worker thread serves it over a port; with `isolate: false` it is called directly.
 */
import type { EngineConfig } from "../../protocol/config.js";
import type { Engine } from "../../protocol/contract.js";
import { debugLog } from "../../protocol/debug-log.js";
import { type Report, StoreError } from "../../protocol/errors.js";
import { type Clock, systemClock } from "../ports/clock.js";
import { ioError } from "../ports/failure.js";
import type { Files } from "../ports/files.js";
import { nodeFiles } from "../ports/node-files.js";
import { type Nonce, randomNonce } from "../ports/nonce.js";
import { type ProcessTable, systemProcesses } from "../ports/process-table.js";
import { closeCollection } from "./closing.js";
import { Committer } from "./committer.js";
import { Compactor } from "./compactor.js";
import { Lock } from "./lock/lock.js";
import { openCollection, type OpenedCollection } from "./opening.js";
import { type CollectionPaths, collectionPaths } from "./paths.js";
import { PendingWrites } from "./pending-writes.js";
import { Service } from "./service.js";
import { Sweeper } from "./sweeper.js";

/** The outside world as the engine sees it; tests replace it. */
export interface Environment {
  readonly files: Files;
  readonly clock: Clock;
  readonly processes: ProcessTable;
  readonly nonce: Nonce;
}

/** What every part is built from. */
interface Wiring extends Environment {
  readonly config: EngineConfig;
  readonly paths: CollectionPaths;
  readonly report: Report;
  readonly log: (text: string) => void;
}

/**
 * Opens the collection.
 * @throws StoreError `STORE_LOCKED`, `STORE_KEY_MISMATCH`, `STORE_CORRUPT`, `STORE_IO`
 */
export async function openEngine(
  config: EngineConfig,
  onError: Report,
  environment?: Environment,
): Promise<Engine> {
  const log = debugLog(config);
  const report: Report = (error) => {
    log(`${error.code}: ${error.message}`);
    onError(error);
  };
  const paths = collectionPaths(config.disk.directory, config.disk.collection);
  const wiring = { ...(environment ?? (await realEnvironment())), config, paths, report, log };
  try {
    await wiring.files.createDirectory(paths.directory);
  } catch (cause) {
    throw ioError(`cannot create the directory ${paths.directory}`, cause);
  }
  const ownership = new Ownership(report);
  const { owner, abandoned = [] } = config;
  const lock = await keepAliveDuring(
    Lock.acquire({ ...wiring, owner, abandoned }, (error) => {
      ownership.lose(error);
    }),
  );
  try {
    return await openLocked(wiring, lock, ownership);
  } catch (cause) {
    await lock.release().catch(() => undefined);
    throw ioError(`cannot open the collection in ${paths.directory}`, cause);
  }
}

async function realEnvironment(): Promise<Environment> {
  const processes = await systemProcesses();
  return { files: nodeFiles, clock: systemClock, processes, nonce: randomNonce };
}

/** Tells the committer that the lock is lost, which may happen before the committer exists. */
class Ownership {
  readonly #report: Report;
  #lost: StoreError | null = null;
  #committer: Committer | null = null;

  constructor(report: Report) {
    this.#report = report;
  }

  lose(error: StoreError): void {
    this.#lost = error;
    this.#committer?.disown(error);
    this.#report(error);
  }

  handTo(committer: Committer): void {
    this.#committer = committer;
    if (this.#lost !== null) committer.disown(this.#lost);
  }
}

async function openLocked(wiring: Wiring, lock: Lock, ownership: Ownership): Promise<Engine> {
  const { files, paths, clock, config } = wiring;
  const opened = await keepAliveDuring(
    openCollection({
      files,
      paths,
      clock,
      passwords: config.encryptionKeys,
      assertOwned: () => lock.assertHeld(),
      ttlMs: config.ttlMs,
      log: wiring.log,
    }),
  );
  const parts = assemble(wiring, lock, opened);
  ownership.handTo(parts.committer);
  try {
    await lock.assertHeld();
    await removeLeftovers(files, paths);
    await start(wiring, opened, parts);
  } catch (error) {
    await parts.compactor.stop();
    await opened.journal.close();
    throw error;
  }
  const closing = { ...parts, durable: config.durable, journal: opened.journal, lock };
  return new Service({
    ...parts,
    journal: opened.journal,
    clock,
    recovered: opened.recovered,
    quarantined: opened.damaged,
    release: async () => {
      await closeCollection(closing);
      wiring.log("closed");
    },
  });
}

/** Removes files that a crash left unfinished. Only after opening: a wrong key changes nothing. */
async function removeLeftovers(files: Files, paths: CollectionPaths): Promise<void> {
  await files.remove(paths.snapshotTemporary);
  await files.remove(paths.journalTemporary);
  await files.remove(paths.quarantineTemporary); // guard: engine, half a quarantine is removed
  await files.remove(paths.saltTemporary); // guard: engine, half a salt is removed
}

interface Parts {
  readonly pending: PendingWrites;
  readonly committer: Committer;
  readonly compactor: Compactor;
  readonly sweeper: Sweeper;
}

function assemble(wiring: Wiring, lock: Lock, opened: OpenedCollection): Parts {
  const { config, report } = wiring;
  const { collection } = opened;
  const pending = new PendingWrites(collection);
  const committer = new Committer({
    ...wiring,
    ...opened,
    pending,
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
  const compactor: Compactor = new Compactor(
    {
      ...wiring,
      ...opened,
      committer,
      walLimitBytes: config.disk.walLimitBytes,
      assertOwned: () => lock.assertHeld(),
    },
    opened.snapshotBytes,
  );
  const sweeper = new Sweeper({
    ...wiring,
    collection,
    pending,
    committer,
    intervalMs: config.disk.gcIntervalMs,
    onSwept: () => {
      if (config.disk.compactAfterGc) compactor.runInBackground();
    },
  });
  return { pending, committer, compactor, sweeper };
}

async function start(
  { report, log, paths }: Wiring,
  { compact, damaged, quarantine, collection }: OpenedCollection,
  { compactor, sweeper }: Parts,
): Promise<void> {
  if (compact === "first") await compactor.run();
  if (damaged > 0) {
    const copied =
      quarantine === null
        ? "There were no bytes to set aside"
        : `The damaged bytes were copied to ${quarantine}`;
    report(
      new StoreError(
        "STORE_CORRUPT",
        `the collection in ${paths.directory} is damaged in ${damaged} places. ${copied}. ` +
          "All other sessions were loaded; restore a backup if you need the missing ones",
      ),
    );
  }
  // Without a rewrite, the next opening would find the same damage again.
  if (compact === "soon") compactor.runInBackground();
  sweeper.start();
  log(`opened ${paths.directory}: ${collection.size} sessions`);
}

const FOREVER_MS = 2 ** 31 - 1;

/** Keeps the process alive while `work` is pending, since the timers of our clock do not. */
async function keepAliveDuring<T>(work: Promise<T>): Promise<T> {
  const alive = setInterval(() => undefined, FOREVER_MS);
  try {
    return await work;
  } finally {
    clearInterval(alive);
  }
}
