/** The parts of an open collection, and what each tells the others. */
import type { DiskEngineConfig } from "../../protocol/config.js";
import type { EngineListener } from "../../protocol/contract.js";
import type { Report, StoreError } from "../../protocol/errors.js";
import type { Clock } from "../ports/clock.js";
import type { TimedFiles } from "../ports/timed-files.js";
import { Committer } from "./committer.js";
import { Compactor } from "./compactor.js";
import type { Executed } from "./executed.js";
import type { Lifetime } from "./lifetime.js";
import type { Lock } from "./lock/lock.js";
import type { OpenedCollection } from "./opening.js";
import type { CollectionPaths } from "./paths.js";
import { PendingWrites } from "./pending-writes.js";
import { Presence } from "./presence.js";
import { type MemoryLimits, MemoryRoom } from "./memory-room.js";
import { Sweeper } from "./sweeper.js";
import { UserSessions } from "./user-sessions.js";
import { Writer } from "./writer.js";

/** What the owner of a shared collection owes its guests. */
export interface Guests {
  /** Whether one of them wants its writes fsynced. */
  readonly isDurable: () => boolean;
}

/** What every part is built from. */
export interface Wiring {
  readonly files: TimedFiles;
  readonly clock: Clock;
  readonly config: DiskEngineConfig;
  readonly paths: CollectionPaths;
  readonly report: Report;
  readonly onExpired: EngineListener["onExpired"];
  readonly log: (text: string) => void;
  readonly limits: MemoryLimits;
  readonly lifetime: Lifetime;
  readonly executed: Executed;
  /** Null if the collection is this store's alone. */
  readonly sharing: Guests | null;
}

export interface Parts {
  readonly pending: PendingWrites;
  readonly committer: Committer;
  readonly compactor: Compactor;
  readonly sweeper: Sweeper;
  readonly presence: Presence;
  readonly room: MemoryRoom;
  readonly writer: Writer;
  readonly userSessions: UserSessions;
}

export function assemble(wiring: Wiring, lock: Lock, opened: OpenedCollection): Parts {
  const { config, report } = wiring;
  const { collection } = opened;
  const pending = new PendingWrites(collection, wiring.lifetime);
  const onDistrust = (error: StoreError): void => {
    report(error);
    compactor.recover();
  };
  const committer = new Committer({
    ...wiring,
    ...opened,
    disk: wiring.files,
    pending,
    assertOwned: () => lock.assertLeased(),
    fence:
      wiring.sharing !== null
        ? { look: () => lock.assertNamed(), isInOrder: wiring.files.isInOrder }
        : null,
    makeRoom: () => compactor.makeRoom(),
    isDurable: () => config.durable || (wiring.sharing?.isDurable() ?? false),
    maxPendingMs: config.maxPendingMs,
    onCommit: () => {
      compactor.considerRunning();
    },
    onDistrust,
    onTouchFailure: report,
  });
  const compactor: Compactor = new Compactor({
    ...wiring,
    ...opened,
    committer,
    walLimitBytes: config.disk.walLimitBytes,
    assertOwned: () => lock.assertHeld(),
  });
  const sweeper = new Sweeper({
    ...wiring,
    collection,
    pending,
    committer,
    intervalMs: config.disk.gcIntervalMs,
    isWatched: config.watchExpired ?? false,
    onSwept: () => {
      if (config.disk.compactAfterGc) compactor.runInBackground();
    },
  });
  const presence = new Presence({
    ...wiring,
    ...opened,
    committer,
    assertOwned: () => lock.assertHeld(),
    snapshotBytes: () => compactor.snapshotBytes,
    onAbsent: onDistrust,
  });
  const room = new MemoryRoom({
    collection,
    pending,
    limits: wiring.limits,
    onFull: () => {
      sweeper.hurry();
    },
    report,
  });
  const shared = { ...wiring, collection, pending, committer, room };
  const writer = new Writer(shared);
  const userSessions = new UserSessions(shared);
  return { pending, committer, compactor, sweeper, presence, room, writer, userSessions };
}

/** From now on an operation that takes too long fails; what came of it is mended later. */
export function limitDisk(
  { files, config, report }: Wiring,
  { journal }: OpenedCollection,
  { committer, compactor }: Parts,
): void {
  files.limit(config.maxPendingMs, {
    onStanding: report,
    onAnswering: () => {
      committer.resume();
      if (!journal.trusted) compactor.recover();
    },
  });
}
