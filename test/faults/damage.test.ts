/**
 * Owns what damage may do to a collection: nothing beyond the records that it hit. Journals and
 * snapshots, plain and encrypted, are damaged at random and opened; each opens or is refused with a
 * code, serves what was not hit, and keeps the bytes of what was. FAULTS=long runs many more.
 */
import type * as crypto from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Engine } from "../../src/protocol/contract.js";
import { StoreError } from "../../src/protocol/errors.js";
import {
  type Base,
  EXPIRES_AT,
  JOURNAL,
  makeBase,
  openBase,
  SALT,
  session,
  SNAPSHOT,
  valuesOf,
} from "../support/damage/base.js";
import { MUTATIONS } from "../support/damage/mutations.js";
import {
  DATA_OFFSET,
  elementsIn,
  linesOf,
  type Occurrence,
  type Piece,
  recordsIn,
} from "../support/damage/pieces.js";
import { lostLines, possibleValues, quarantined } from "../support/damage/verdict.js";
import { diskStats, rememberKeys } from "../support/engine-world.js";
import { openEnvelope, readDocuments, sessionIn } from "../support/lite-nosql-reader.js";
import { MemoryFiles } from "../support/memory-files.js";
import { type Random, SEED, seededRandom } from "../support/random.js";
import { expectNoViolations } from "../support/totals.js";
import { until } from "../support/until.js";

// The ivs are drawn from the seed too, so that an encrypted case can be had again.
vi.mock("node:crypto", async (importOriginal) => {
  const { SEED, seededRandom } = await import("../support/random.js");
  const random = seededRandom(SEED);
  const randomFillSync = (bytes: Uint8Array): void =>
    bytes.set(bytes.map(() => random.integer(256)));
  return { ...(await importOriginal<typeof crypto>()), randomFillSync };
});

const CASES = process.env["FAULTS"] === "long" ? 26_000 : 400;

let bases: Base[] = [];

beforeAll(async () => {
  rememberKeys();
  bases = [await makeBase("plain", null), await makeBase("encrypted", "a key of the test's own")];
});

const tally = new Map<string, number>();
afterAll(() => {
  const counts = [...tally].map(([what, count]) => `${count} ${what}`).join(", ");
  console.log(`damage: ${counts} (seed ${SEED})`);
});

function count(what: string): void {
  tally.set(what, (tally.get(what) ?? 0) + 1);
}

describe.each(["plain", "encrypted"])("a damaged collection, %s", (name) => {
  it.for(["journal", "snapshot"] as const)(
    "serves what its %s has whole, and loses no byte",
    { timeout: 3_600_000 },
    async (target, context) => {
      const base = bases.find((each) => each.name === name)!;
      const violations: string[] = [];
      for (let number = 0; number < CASES; number++) {
        const seed = SEED + number * 7919;
        const violation = await runCase(base, target, seed);
        if (violation !== null) violations.push(violation);
      }
      expectNoViolations(context, "mutations", CASES, violations);
    },
  );
});

describe("a case that once went wrong", () => {
  it.each([
    // The line that is left ends in a comma, and nothing follows it.
    ["plain", "snapshot", 442_983_184 + 3029 * 7919],
    // One line of elements without a line break, beside lines that are damaged.
    ["plain", "snapshot", 26_797_927],
    ["plain", "snapshot", 164_145_063],
    ["plain", "snapshot", 62_267_144],
    // A carriage return in place of the comma behind an element.
    ["plain", "snapshot", 43_181_543],
  ] as const)("does not any more: %s %s, seed %i", async (name, target, seed) => {
    const base = bases.find((each) => each.name === name)!;
    expect(await runCase(base, target, seed)).toBeNull();
  });
});

/** @returns what went wrong, or null */
async function runCase(
  base: Base,
  target: "journal" | "snapshot",
  seed: number,
): Promise<string | null> {
  const random = seededRandom(seed);
  const path = target === "journal" ? JOURNAL : SNAPSHOT;
  const names: string[] = [];
  let damaged = base.files.get(path)!;
  for (let left = random.integer(4) === 0 ? 2 + random.integer(3) : 1; left > 0; left--) {
    if (damaged.length === 0) break;
    const mutation = random.pick(MUTATIONS);
    names.push(mutation.name);
    damaged = mutation.apply(damaged, random);
  }
  try {
    await check(base, path, damaged, random);
    return null;
  } catch (error) {
    const what = `${base.name} ${target}, case of seed ${seed} (TEST_SEED=${SEED})`;
    return `${what}, ${names.join(", ")}: ${String(error)}`;
  }
}

async function check(base: Base, path: string, damaged: Buffer, random: Random): Promise<void> {
  const { key, password, snapshot, journal } = base;
  const found = path === JOURNAL ? recordsIn(damaged, journal) : elementsIn(damaged, snapshot);
  const files = new MemoryFiles([...base.files, [path, damaged]]);
  const before = files.contents();

  const reports: StoreError[] = [];
  let engine: Engine;
  try {
    engine = await openBase(files, password, reports);
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError);
    const { code } = error as StoreError;
    expect(files.contents()).toEqual(before);
    count(`refused as ${code}`);
    if (!mayBeRefused(base, path, damaged, found)) {
      throw new Error(`refused as ${code}`, { cause: error });
    }
    return;
  }
  count("opened");
  const served = await valuesOf(engine);
  const kept = quarantined(files.contents(), key);
  if (path === SNAPSHOT && key !== null) {
    checkValues(served, possibleValues([], [...found, ...hitElements(found, snapshot)], journal));
    const unharmed = isAuthentic(damaged, key) && sameValues(served, base.served);
    const lost = linesOf(damaged).filter((line) => !kept.includes(line));
    if (!unharmed && lost.length > 0) throw new Error(`lost: ${lost.join(" and ")}`);
  } else {
    // What is not in the quarantine must have been taken for a record.
    const taken = found.map((occurrence) =>
      kept.includes(occurrence.piece.bytes) ? occurrence : { ...occurrence, certain: true },
    );
    const possible =
      path === JOURNAL ? possibleValues(snapshot, taken, []) : possibleValues([], taken, journal);
    checkValues(served, possible);
    const lost = lostLines(damaged, taken, kept, path === JOURNAL ? journal : null);
    if (lost.length > 0) throw new Error(`lost: ${lost.join(" and ")}`);
  }

  // What comes after must work as if nothing had been.
  await engine.write([["afterwards", session(99), EXPIRES_AT]]);
  served.set("afterwards", session(99));
  if (random.integer(4) === 0) await engine.compact();
  // By itself, or the next opening finds the same damage.
  if (reports.length > 0) await until(async () => (await diskStats(engine)).compaction !== null);
  await engine.close();
  if (random.integer(4) === 0) await reopen(files, password, served);
}

function checkValues(
  served: ReadonlyMap<string, string>,
  possible: ReadonlyMap<string, ReadonlySet<string | null>>,
): void {
  for (const sid of new Set([...served.keys(), ...possible.keys()])) {
    const value = served.get(sid) ?? null;
    const values = possible.get(sid) ?? new Set([null]);
    if (values.has(value)) continue;
    throw new Error(`${sid} is served as ${value}, not ${[...values].join(" or ")}`);
  }
}

/** Characters may stand for the same bits as the ones they replace, so an element may be whole still. */
function hitElements(found: readonly Occurrence[], pieces: readonly Piece[]): Occurrence[] {
  const hit = pieces.filter((piece) => !found.some((occurrence) => occurrence.piece === piece));
  return hit.map((piece) => ({ piece, at: piece.place!, certain: false }));
}

/** Whether the content is whole, whatever else was put between its characters. */
function isAuthentic(envelope: Buffer, key: Buffer): boolean {
  const text = envelope.toString("latin1");
  const head = text.slice(0, DATA_OFFSET);
  try {
    openEnvelope(head + text.slice(DATA_OFFSET).replaceAll(":", ""), key);
    return true;
  } catch {
    return false;
  }
}

function sameValues(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([sid, value]) => b.get(sid) === value);
}

/** Only where nothing is left, or the damage is in what tells one key from another. */
function mayBeRefused(
  base: Base,
  path: string,
  damaged: Buffer,
  found: readonly Occurrence[],
): boolean {
  const whole = found.filter(({ certain }) => certain);
  if (path === SNAPSHOT) {
    const iv = 32;
    const original = base.files.get(path)!.subarray(0, iv);
    const otherKey = base.key !== null && !damaged.subarray(0, iv).equals(original);
    return whole.length === 0 || otherKey;
  }
  if (base.key === null) return false;
  // Two lines in a row that no key opens: they may be another key's.
  const lines = linesOf(damaged).filter((line) => line.some((byte) => byte !== 0));
  const isStrange = (line: Buffer | undefined): boolean =>
    line !== undefined && !whole.some(({ piece }) => line.includes(piece.bytes));
  return lines.some((line, index) => isStrange(line) && isStrange(lines[index + 1]));
}

async function reopen(
  files: MemoryFiles,
  password: string | null,
  served: ReadonlyMap<string, string>,
): Promise<void> {
  const reports: StoreError[] = [];
  const engine = await openBase(files, password, reports);
  expect(await valuesOf(engine)).toEqual(served);
  expect(reports).toEqual([]);
  await engine.close();
  const documents = readDocuments(
    {
      snapshot: files.contents().get(SNAPSHOT) ?? null,
      journal: files.content(JOURNAL),
      salt: files.content(SALT),
    },
    password ?? undefined,
  );
  const read = [...documents].map(([id, document]) => sessionIn(id, document)!);
  expect(new Map(read.map(({ sid, sess }) => [sid, JSON.stringify(sess)]))).toEqual(served);
}
