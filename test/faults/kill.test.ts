/**
 * Owns what kill -9 may cost: a process that writes at full speed, with compactions and collections
 * of expired sessions under way, is killed at random moments. What it was told is done must be there.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import LiteNoSQLStore, { type StoreOptions } from "express-session-isolate";
import { describe, it } from "vitest";

import { filesStats } from "../support/opened-store.js";
import { type Random, seededRandom, SEED } from "../support/random.js";
import { tempDirectory } from "../support/temp-dir.js";
import { expectNoViolations } from "../support/totals.js";

const LONG = process.env["FAULTS"] === "long";
const ROUNDS = LONG ? 70 : 2;
const TIMEOUT_MS = 1_800_000;
const WRITER = fileURLToPath(new URL("../fixtures/writer.js", import.meta.url));

/** A write that a process told of: the number in the session, or null where it destroyed it. */
interface Told {
  readonly number: number;
  readonly value: number | null;
  done: boolean;
}

/** The writes of each session in the order in which they were made, after what was there before. */
class Ledger {
  readonly #writes = new Map<string, Told[]>();
  last = 0;
  done = 0;

  note(words: readonly string[]): void {
    const [verb, digits, sid = "", kind] = words;
    const number = Number(digits);
    const writes = this.#writes.get(sid) ?? [];
    if (verb === "write") {
      this.#writes.set(sid, writes);
      writes.push({ number, value: kind === "set" ? number : null, done: false });
      this.last = number;
    } else if (verb === "done") {
      this.done++;
      const write = writes.find((told) => told.number === number);
      if (write !== undefined) write.done = true;
    }
  }

  /** What a session may be: what the last write that was done left, or any write made after it. */
  possible(sid: string): (number | null)[] {
    const writes = this.#writes.get(sid) ?? [];
    const done = writes.findLastIndex((write) => write.done);
    const before = done === -1 ? [null] : [];
    return [...before, ...writes.slice(Math.max(done, 0)).map(({ value }) => value)];
  }

  sids(): string[] {
    return [...this.#writes.keys()];
  }

  /** What was found is what is certain from now on. */
  settle(sid: string, value: number | null): void {
    this.#writes.set(sid, [{ number: 0, value, done: true }]);
  }
}

/** Runs the writer until it is killed: in its opening, or some time after its `writes`-th write. */
async function killWriter(
  options: StoreOptions,
  ledger: Ledger,
  writes: number,
  random: Random,
): Promise<void> {
  const end = ledger.done + writes;
  const child = spawn(
    process.execPath,
    [WRITER, JSON.stringify(options), String(ledger.last + 1)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const exited = once(child, "exit");
  let killing = false as boolean;
  const kill = async (): Promise<void> => {
    killing = true;
    for (let turns = random.integer(3000); turns > 0; turns--) await turn();
    child.kill("SIGKILL");
  };
  for await (const line of createInterface({ input: child.stdout })) {
    ledger.note(line.split(" "));
    if (killing) continue;
    if (writes === 0 ? line === "opening" : ledger.done >= end) void kill();
  }
  const [code, signal] = (await exited) as [number | null, string | null];
  if (signal !== "SIGKILL") throw new Error(`the writer ended by itself: ${code ?? signal}`);
}

/** Compares what a new process finds with the ledger. @returns what is wrong */
async function compare(options: StoreOptions, ledger: Ledger): Promise<string[]> {
  const violations: string[] = [];
  const store = new LiteNoSQLStore({ ...options, isolate: false });
  store.on("error", (error: Error) => violations.push(error.message));
  const known = ledger.sids();
  const found = await Promise.all(known.map((sid) => store.get(sid)));
  for (const [index, sid] of known.entries()) {
    const { number, text } = (found[index] ?? {}) as { number?: number; text?: string };
    const value = number ?? null;
    const possible = ledger.possible(sid);
    if (!possible.includes(value)) violations.push(`${sid} is ${value}: ${possible.join(" or ")}`);
    if (value !== null && text?.length !== (value * 7919) % 2000) violations.push(`${sid} is torn`);
    ledger.settle(sid, value);
  }
  const { quarantined } = await filesStats(store);
  if (quarantined > 0) violations.push(`${quarantined} records are damaged`);
  const strangers = (await store.ids()).filter((sid) => !known.includes(sid));
  if (strangers.length > 0) violations.push(`${strangers.join()} are there`);
  await store.close();
  return violations;
}

describe.for<[string, Partial<StoreOptions>]>([
  ["plain", {}],
  ["encrypted", { encryptionKey: "a password of some length" }],
  ["plain and not durable", { durable: false }],
])("a process that writes, %s,", ([, given]) => {
  it(
    `loses nothing when it is killed, ${ROUNDS} times`,
    { timeout: TIMEOUT_MS },
    async (context) => {
      const random = seededRandom(SEED);
      const options = { directory: tempDirectory(), walLimit: 20_000, gcInterval: 20, ...given };
      const ledger = new Ledger();
      const violations: string[] = [];
      let compacting = 0;
      for (let round = 0; round < ROUNDS; round++) {
        // The first has something to lose; others may be killed in their opening.
        const writes = round === 0 ? 100 : random.pick([0, 1, 100, 1000, random.integer(3000)]);
        await killWriter(options, ledger, writes, random);
        if (readdirSync(options.directory).some((name) => name.endsWith(".json.tmp"))) compacting++;
        const wrong = await compare(options, ledger);
        violations.push(...wrong.map((what) => `round ${round}: ${what}`));
      }
      if (ledger.done === 0) violations.push("nothing was ever done");
      if (LONG && compacting === 0) violations.push("no compaction was ever under way");
      expectNoViolations(context, "kills", ROUNDS, violations);
    },
  );
});
