/** Owns one lock file, the contenders for it, and the time they live in. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { StoreError } from "../../src/protocol/errors.js";
import { type Files } from "../../src/worker/ports/files.js";
import { randomNonce } from "../../src/worker/ports/nonce.js";
import { nodeFiles } from "../../src/worker/ports/node-files.js";
import { Lock } from "../../src/worker/disk/lock/lock.js";
import type { Meeting } from "../../src/worker/disk/lock/meeting.js";
import { collectionPaths } from "../../src/worker/disk/paths.js";
import type { ProcessTable } from "../../src/worker/ports/process-table.js";
import { processTable } from "./engine-world.js";
import { ManualClock } from "./manual-clock.js";
import { tempDirectory } from "./temp-dir.js";

/** What stands in a lock file. */
export interface LockText {
  pid: number;
  ts: number;
  host: string;
  space?: string | null;
  started?: string | null;
  owner?: string | null;
  socket?: string;
  secret?: string;
}

/** A directory, its lock, and a clock that the test moves. */
export class Scene {
  readonly directory = tempDirectory();
  readonly path = join(this.directory, "sessions.lock");
  readonly clock = new ManualClock();
  readonly lost: StoreError[] = [];
  readonly #meeting: Meeting | null;

  /** @param meeting for a store that shares */
  constructor(meeting: Meeting | null = null) {
    this.#meeting = meeting;
  }

  async acquire(
    processes: Partial<ProcessTable> = {},
    owner = "a store",
    files: Files = nodeFiles,
  ): Promise<Lock> {
    const lock = await this.join(processes, owner, files);
    if (lock === null) throw new Error("this store has joined another");
    return lock;
  }

  /** Acquires; null for a store that has joined the owner. */
  async join(
    processes: Partial<ProcessTable> = {},
    owner = "a store",
    files: Files = nodeFiles,
  ): Promise<Lock | null> {
    const parts = {
      files,
      paths: collectionPaths(this.directory, "sessions"),
      processes: processTable(processes),
      clock: this.clock,
      nonce: randomNonce,
      owner,
      abandoned: ["a store whose worker died"],
      meeting: this.#meeting,
    };
    const lock = await Lock.acquire(parts, (error) => this.lost.push(error));
    if (lock !== null) onTestFinished(() => lock.release().catch(() => undefined));
    return lock;
  }

  /** Acquires with the clock going on; answers how long that took, in milliseconds. */
  async acquireInTime(
    limitMs: number,
    processes?: Partial<ProcessTable>,
    owner?: string,
  ): Promise<{ lock: Lock; ms: number }> {
    const from = this.clock.now();
    const lock = await this.clock.advanceUntil(this.acquire(processes, owner), limitMs);
    return { lock, ms: this.clock.now() - from };
  }

  /** What another owner would have written `ageMs` ago. */
  record(ageMs: number, overrides: Partial<LockText> = {}): LockText {
    return {
      pid: 2000,
      ts: this.clock.now() - ageMs,
      host: "here",
      space: "a boot, a namespace",
      started: "start of 2000",
      owner: "another store",
      ...overrides,
    };
  }

  put(record: LockText | string): void {
    writeFileSync(this.path, typeof record === "string" ? record : JSON.stringify(record));
  }

  read(): LockText {
    return JSON.parse(readFileSync(this.path, "utf8")) as LockText;
  }
}
