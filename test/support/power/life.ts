/**
 * Owns the life of a collection in tests: processes that open it one after another on a disk that
 * forgets, what they do with it, and whether what they find is what the ledger says. It notes each
 * moment at which the power may be cut.
 */
import { setImmediate as turn } from "node:timers/promises";

import type { Engine, FoundSession, Write } from "../../../src/protocol/contract.js";
import { StoreError } from "../../../src/protocol/errors.js";
import { openEngine } from "../../../src/worker/disk/engine.js";
import type { ProcessTable } from "../../../src/worker/ports/process-table.js";
import { type ConfigOverrides, engineConfig } from "../engine-world.js";
import { randomNonce } from "../../../src/worker/ports/nonce.js";
import { ManualClock } from "../manual-clock.js";
import { FakeMachine } from "../fake-machine.js";
import type { FaultDisk } from "./fault-disk.js";
import { changesDisk, FaultFiles, type Operation, type Witness } from "./fault-files.js";
import { type Entry, Ledger, type Session, withCookie } from "./ledger.js";

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
    const world = { files: this.files, clock: this.clock, processes, nonce: randomNonce };
    const opening = openEngine(config, (error) => this.reports.push(error), world);
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
  write(writes: readonly (readonly [sid: string, session: Session])[]): void {
    const { ledger, failedWrites } = this;
    const entries = writes.map(([sid, session]) => {
      const expected = this.#live(sid) ? 1 : 0;
      return { sid, expected, entry: ledger.write(sid, session) };
    });
    const wire = writes.map(([sid, session]): Write =>
      session === null ? [sid] : [sid, session.json, session.expiresAt],
    );
    this.#track(async () => {
      const outcomes = await this.engine.write(wire);
      entries.forEach(({ sid, expected, entry }, index) => {
        const outcome = outcomes[index];
        if (typeof outcome === "number") {
          entry.acknowledge();
          // A write that failed meanwhile may have been refused before this one was made.
          const sure = this.failedWrites === failedWrites;
          if (sure && outcome !== expected) this.#violate(`write of ${sid} answers ${outcome}`);
        } else {
          entry.fail();
          if (outcome?.code !== "STORE_IO") this.#violate(`write of ${sid}: ${outcome?.message}`);
        }
      });
      if (outcomes.some((outcome) => typeof outcome !== "number")) this.failedWrites++;
    });
  }

  touch(sid: string, cookie: string | null, expiresAt: number): void {
    const { ledger, failedWrites } = this;
    const expected = this.#live(sid);
    const note = (): Entry => ledger.touch(sid, cookie, expiresAt, this.clock.now());
    const entry = expected ? note() : null;
    this.#track(async () => {
      const [found = false] = await this.engine.touch([[sid, cookie, expiresAt]]);
      if (found === expected) return;
      if (found) note();
      else entry?.fail();
      // The failure of a write that was made just before may be on its way.
      await turn();
      if (this.failedWrites === failedWrites) this.#violate(`touch of ${sid} answers ${found}`);
    });
  }

  clear(): void {
    const { ledger, failedWrites } = this;
    const live = [...ledger.sids()].filter((sid) => this.#live(sid));
    const entries = live.map((sid) => ledger.write(sid, null));
    this.#track(async () => {
      try {
        const cleared = await this.engine.clear();
        for (const entry of entries) entry.acknowledge();
        const sure = this.failedWrites === failedWrites;
        if (sure && cleared !== live.length) this.#violate(`clear answers ${cleared}`);
      } catch (error) {
        for (const entry of entries) entry.fail();
        this.failedWrites++;
        assertIoError(error);
      }
    });
  }

  compact(): void {
    this.#track(async () => {
      try {
        await this.engine.compact();
      } catch (error) {
        this.failedCompactions++;
        assertIoError(error);
      }
    });
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

  #track(call: () => Promise<void>): void {
    const settled = call().catch((error: unknown) => {
      this.#violate(`a call fails: ${String(error)}`);
    });
    this.#calls.add(settled);
    void settled.finally(() => this.#calls.delete(settled));
  }

  #violate(text: string): void {
    this.violations.push(text);
  }

  #live(sid: string): boolean {
    const session = this.ledger.current(sid);
    return session !== null && session.expiresAt > this.clock.now();
  }

  /** @returns the ledger of what was found, which is certain from then on */
  async #observe(possible: (sid: string) => readonly Session[]): Promise<Ledger> {
    const { ledger, engine } = this;
    const sids = [...ledger.sids()];
    const found = await engine.get(sids);
    const certain = new Map<string, Session[]>();
    for (const [index, sid] of sids.entries()) {
      const json = jsonOf(found[index]);
      const candidates = possible(sid);
      const session = await this.#match(sid, json, candidates);
      if (session === undefined) this.#violate(`${sid} is ${json ?? "gone"}: ${show(candidates)}`);
      certain.set(sid, [session ?? null]);
    }
    const live = sids.filter((_, index) => found[index] !== null).sort();
    const listed = (await engine.ids()).sort();
    if (listed.join() !== live.join()) this.#violate(`ids are ${listed.join()}: ${live.join()}`);
    return new Ledger(certain, this.#parts.config?.durable);
  }

  /** The session that was found, with an expiry that is the one it has; undefined where there is none. */
  async #match(
    sid: string,
    json: string | null,
    candidates: readonly Session[],
  ): Promise<Session | undefined> {
    for (const session of candidates) {
      if (session === null || session.expiresAt <= this.clock.now()) {
        if (json === null) return null;
      } else if (session.json === json) {
        const [before, after] = await Promise.all([
          this.#lookAt(sid, session.expiresAt - 1),
          this.#lookAt(sid, session.expiresAt),
        ]);
        if (before !== null && after === null) return session;
      }
    }
    return undefined;
  }

  /** What a get finds at another time. */
  async #lookAt(sid: string, time: number): Promise<FoundSession | null> {
    const back = this.clock.now() - time;
    this.clock.jump(-back);
    const finding = this.engine.get([sid]);
    this.clock.jump(back);
    return (await finding)[0] ?? null;
  }
}

function jsonOf(found: FoundSession | null | undefined): string | null {
  if (found == null) return null;
  return typeof found === "string" ? found : withCookie(found[0], found[1]);
}

function assertIoError(error: unknown): void {
  if (!(error instanceof StoreError && error.code === "STORE_IO")) throw error;
}

function show(candidates: readonly Session[]): string {
  return candidates
    .map((session) => (session === null ? "none" : `${session.json} (${session.expiresAt})`))
    .join(" | ");
}
