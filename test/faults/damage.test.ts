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
  DATA_OFFSET,
  elementsIn,
  journalPieces,
  linesOf,
  lostLines,
  type Occurrence,
  type Piece,
  possibleValues,
  quarantined,
  recordsIn,
  snapshotPieces,
} from "../support/damage/damage.js";
import { openWorld, rememberKeys, servedBy } from "../support/engine-world.js";
import { deriveKey, openEnvelope, readDocuments, sessionIn } from "../support/lite-nosql-reader.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryFiles } from "../support/memory-files.js";
import { MUTATIONS } from "../support/damage/mutations.js";
import { type Random, SEED, seededRandom } from "../support/random.js";
import { expectNoViolations } from "../support/totals.js";

// The ivs are drawn from the seed too, so that an encrypted case can be had again.
vi.mock("node:crypto", async (importOriginal) => {
  const { SEED, seededRandom } = await import("../support/random.js");
  const random = seededRandom(SEED);
  const randomFillSync = (bytes: Uint8Array): void =>
    bytes.set(bytes.map(() => random.integer(256)));
  return { ...(await importOriginal<typeof crypto>()), randomFillSync };
});

const CASES = process.env["FAULTS"] === "long" ? 26_000 : 400;
const KEY = "a key of the test's own";

const SNAPSHOT = "/data/sessions.snapshot.json";
const JOURNAL = "/data/sessions.wal.log";
const SALT = "/data/.db.salt";

/** Far ahead of the clock, so that nothing expires. */
const EXPIRES_AT = Date.UTC(2040, 0, 1);

/** Data that a careless reader would take for records. */
const DECOYS = {
  arrays: [1, ["evil", { _id: "evil", sess: { cookie: {}, evil: true }, expiresAt: EXPIRES_AT }]],
  record: { op: "insert", ts: 1, id: "evil", doc: { _id: "evil", sess: { cookie: {} } } },
  list: [{}, { op: "delete", ts: 1, id: "s1" }],
  text: '}\n{"op":"delete","ts":1,"id":"s2"}\n],["s3",{}]',
};

function session(number: number, more: object = {}): string {
  const expires = new Date(EXPIRES_AT + number).toISOString();
  return JSON.stringify({ cookie: { originalMaxAge: number, expires }, number, ...more });
}

interface Base {
  readonly name: string;
  readonly password: string | null;
  readonly key: Buffer | null;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly snapshot: readonly Piece[];
  readonly journal: readonly Piece[];
  /** What it serves undamaged. */
  readonly served: ReadonlyMap<string, string>;
}

/** What a collection looks like that was compacted once and written to since. */
async function makeBase(name: string, password: string | null): Promise<Base> {
  const files = new MemoryFiles(password === null ? [] : [[SALT, Buffer.from("5a".repeat(32))]]);
  const engine = await open(files, password);
  for (let number = 0; number < 6; number++) {
    await engine.write([[`s${number}`, session(number), EXPIRES_AT]]);
  }
  await engine.write([["decoys", session(6, DECOYS), EXPIRES_AT]]);
  await engine.write([['é "quoted" \\', session(7, { text: "}{][é漢😀" }), EXPIRES_AT]]);
  await engine.compact();
  await engine.write([["s1", session(11, { again: true }), EXPIRES_AT]]);
  await engine.write([["s2"]]);
  await touch(engine, "s3", 13);
  await engine.write([["j1", session(21), EXPIRES_AT]]);
  await engine.write([["j2", session(22, DECOYS), EXPIRES_AT]]);
  await engine.write([["j3", session(23), EXPIRES_AT]]);
  await touch(engine, "j1", 31);
  await engine.write([["j3"]]);
  await engine.write([["j2", session(32), EXPIRES_AT]]);
  await engine.write([["j4", session(24, { text: "x".repeat(300) }), EXPIRES_AT]]);
  const served = await valuesOf(engine);
  await engine.close();
  const key = password === null ? null : deriveKey(password, files.content(SALT));
  return {
    name,
    password,
    key,
    files: files.contents(),
    snapshot: snapshotPieces(files.content(SNAPSHOT), key),
    journal: journalPieces(files.content(JOURNAL), key),
    served,
  };
}

async function touch(engine: Engine, sid: string, number: number): Promise<void> {
  const { cookie } = JSON.parse(session(number)) as { cookie: object };
  await engine.touch([[sid, JSON.stringify(cookie), EXPIRES_AT + number]]);
  // Closing would journal it, and so does the next write.
  await engine.write([["carrier", session(number), EXPIRES_AT]]);
}

function open(files: MemoryFiles, password: string | null, reports: StoreError[] = []) {
  return openWorld("/data", {
    files,
    clock: new ManualClock(),
    reports,
    config: { encryptionKeys: password === null ? [] : [password] },
  });
}

async function valuesOf(engine: Engine): Promise<Map<string, string>> {
  return new Map([...(await servedBy(engine))].map(([sid, value]) => [sid, JSON.stringify(value)]));
}

let bases: Base[] = [];

beforeAll(async () => {
  rememberKeys();
  bases = [await makeBase("plain", null), await makeBase("encrypted", KEY)];
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

  let engine: Engine;
  try {
    engine = await open(files, password);
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
  const engine = await open(files, password, reports);
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
