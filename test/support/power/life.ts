/**
 * Owns the life of a collection in tests: processes that open it one after another on a disk that
 * forgets, and whether what they find is what the ledger says. It notes each moment at which the
 * power may be cut.
 */
import { setImmediate as turn } from "node:timers/promises";

import type { Engine } from "../../../src/protocol/contract.js";
import type { StoreError } from "../../../src/protocol/errors.js";
import { openEngine, openOwned } from "../../../src/worker/disk/engine.js";
import type { Clock } from "../../../src/worker/ports/clock.js";
import type { ProcessTable } from "../../../src/worker/ports/process-table.js";
import { ALONE, asGuest } from "../alone.js";
import { type ConfigOverrides, engineConfig } from "../engine-world.js";
import { randomNonce } from "../../../src/worker/ports/nonce.js";
import { ManualClock } from "../manual-clock.js";
import { FakeMachine } from "../fake-machine.js";
import type { FaultDisk } from "./fault-disk.js";
import { FaultFiles } from "./fault-files.js";
import { Ledger, type Session } from "./ledger.js";
import {
  makeClear,
  makeCompaction,
  makeTouch,
  makeWrites,
  type SessionWrite,
} from "./life-calls.js";
import { observe } from "./observation.js";
import { changesDisk, type Operation, type Witness } from "./operations.js";
import { listenerTo } from "../listener.js";

export const DIRECTORY = "/var/data/sessions";
export const COLLECTION = "sessions";
export const JOURNAL = `${COLLECTION}.wal.log`;
export const SNAPSHOT = `${COLLECTION}.snapshot.json`;

/** A moment at which the power may be cut: just before an operation that changes the disk. */
export interface Moment {
  readonly operation: Operation;
  readonly disk: FaultDisk;
  readonly ledger: Ledger;
  readonly moment: number;
  readonly time: number;
  readonly keys: readonly string[];
}

export interface LifeParts {
  readonly disk: FaultDisk;
  readonly ledger?: Ledger;
  readonly time: number;
  readonly config?: ConfigOverrides;
  /** Whether the collection is shared, and the calls are a guest's. */
  readonly isShared?: boolean;
  /** Where moments are noted, if they are. */
  readonly moments?: Moment[];
  /** Called before each operation, and asked for its failure. */
  readonly witness?: Witness;
}

/** What is still to happen after a collection has been closed happens within so many turns. */
const QUIET_TURNS = 10;

let owners = 0;

export class Life {
  readonly disk: FaultDisk;
  readonly clock: ManualClock;
  readonly reports: StoreError[] = [];
  /** What was found to be other than it must be. */
  readonly violations: string[] = [];
  /** Calls that failed with `STORE_IO`. */
  failedWrites = 0;
  failedCompactions = 0;
  ledger: Ledger;
  files: FaultFiles;
  keys: readonly string[] = [];
  readonly #parts: LifeParts;
  readonly #machine = new FakeMachine();
  /** The process that has the collection open, or tried to. */
  #process: ProcessTable | null = null;
  #engine: Engine | null = null;
  readonly #calls = new Set<Promise<void>>();

  constructor(parts: LifeParts) {
    this.#parts = parts;
    this.disk = parts.disk;
    this.ledger = parts.ledger ?? new Ledger(new Map(), parts.config?.durable);
    this.clock = new ManualClock(parts.time);
    this.files = new FaultFiles(this.disk);
  }

  get engine(): Engine {
    if (this.#engine === null) throw new Error("no process has the collection open");
    return this.#engine;
  }

  /**
   * Opens the collection in a process of its own, and looks at what it finds. An opening that failed
   * is tried again by the same process.
   */
  async open(keys: readonly string[] = this.keys): Promise<void> {
    this.keys = keys;
    const processes = (this.#process ??= this.#machine.start());
    this.files = new FaultFiles(this.disk, {
      before: (operation) => {
        this.#note(operation);
        this.#parts.witness?.before?.(operation);
      },
      fault: (operation) => this.#parts.witness?.fault?.(operation) ?? null,
    });
    const config = engineConfig(DIRECTORY, {
      collection: COLLECTION,
      walLimitBytes: 1500,
      gcIntervalMs: 3000,
      encryptionKeys: keys,
      owner: `owner ${++owners}`,
      ...this.#parts.config,
    });
    const { files } = this;
    const world = { files, clock: this.#clockOf(files), processes, nonce: randomNonce };
    const listener = listenerTo((error) => this.reports.push(error));
    const opening =
      this.#parts.isShared === true
        ? openOwned(config, listener, world, ALONE).then((owned) => asGuest(owned!.engine))
        : openEngine(config, listener, world);
    try {
      this.#engine = await this.clock.advanceUntil(opening);
    } catch (error) {
      await this.#assertReleased(this.files);
      throw error;
    }
    const { ledger, clock } = this;
    this.ledger = await this.#observe((sid) => ledger.possible(sid, ledger.moment, clock.now()));
  }

  /** Makes writes in one call; they settle when they do. A null session is a destroyed one. */
  write(writes: readonly SessionWrite[]): void {
    this.#track(makeWrites(this, writes));
  }

  touch(sid: string, cookie: string | null, expiresAt: number): void {
    this.#track(makeTouch(this, sid, cookie, expiresAt));
  }

  clear(): void {
    this.#track(makeClear(this));
  }

  compact(): void {
    this.#track(makeCompaction(this));
  }

  /** Waits until all calls have settled. */
  async settle(): Promise<void> {
    while (this.#calls.size > 0) await this.clock.advanceUntil(Promise.all(this.#calls));
  }

  /** Compares what reads find with what calls were told. */
  async look(): Promise<void> {
    await this.#observe((sid) => [this.ledger.current(sid)]);
  }

  /** Closes the collection. What calls were told is certain then, if that succeeds. */
  async close(): Promise<void> {
    const { files, ledger } = this;
    try {
      await this.clock.advanceUntil(this.engine.close());
      this.ledger = ledger.settled();
    } finally {
      this.#exit();
      await this.#assertReleased(files);
    }
  }

  /** The process dies, and all that it was doing. The disk knows what it knew. */
  kill(): void {
    this.files.kill();
    this.clock.clear();
    this.#calls.clear();
    this.#exit();
    this.ledger = this.ledger.after(this.ledger.moment, this.clock.now());
  }

  /** The clock of a process, which rings no more for one that was killed. */
  #clockOf(files: FaultFiles): Clock {
    const { clock } = this;
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (ms, callback) =>
        files.isKilled ? { cancel: () => undefined } : clock.after(ms, callback),
    };
  }

  #exit(): void {
    if (this.#process !== null) this.#machine.end(this.#process.pid);
    this.#process = null;
    this.#engine = null;
  }

  async #assertReleased(files: FaultFiles): Promise<void> {
    const operations = files.operations;
    for (let turns = 0; turns < QUIET_TURNS; turns++) await turn();
    if (files.operations !== operations) this.#violate("files are used after closing");
    if (files.openFiles !== 0) this.#violate(`${files.openFiles} files are open after closing`);
    if (this.clock.pending !== 0) this.#violate(`${this.clock.pending} timers run after closing`);
  }

  #note(operation: Operation): void {
    if (this.#parts.moments === undefined || !changesDisk(operation)) return;
    const { disk, ledger, clock, keys } = this;
    const moment = ledger.moment++;
    const time = clock.now();
    this.#parts.moments.push({ operation, disk: disk.copy(), ledger, moment, time, keys });
  }

  #track(call: Promise<void>): void {
    const settled = call.catch((error: unknown) => {
      this.#violate(`a call fails: ${String(error)}`);
    });
    this.#calls.add(settled);
    void settled.finally(() => this.#calls.delete(settled));
  }

  #violate(text: string): void {
    this.violations.push(text);
  }

  /** @returns the ledger of what was found, which is certain from then on */
  async #observe(possible: (sid: string) => readonly Session[]): Promise<Ledger> {
    const violate = (text: string): void => this.#violate(text);
    const view = { engine: this.engine, clock: this.clock, violate };
    const certain = await observe(view, [...this.ledger.sids()], possible);
    return new Ledger(certain, this.#parts.config?.durable);
  }
}
