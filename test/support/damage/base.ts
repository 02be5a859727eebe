/** Owns the collections that damage is done to: what they hold, and what they serve undamaged. */
import type { Engine } from "../../../src/protocol/contract.js";
import type { StoreError } from "../../../src/protocol/errors.js";
import { openWorld, servedBy } from "../engine-world.js";
import { deriveKey } from "../lite-nosql-reader.js";
import { ManualClock } from "../manual-clock.js";
import { MemoryFiles } from "../memory-files.js";
import { journalPieces, type Piece, snapshotPieces } from "./pieces.js";

export const SNAPSHOT = "/data/sessions.snapshot.json";
export const JOURNAL = "/data/sessions.wal.log";
export const SALT = "/data/.db.salt";

/** Far ahead of the clock, so that nothing expires. */
export const EXPIRES_AT = Date.UTC(2040, 0, 1);

/** Data that a careless reader would take for records. */
const DECOYS = {
  arrays: [1, ["evil", { _id: "evil", sess: { cookie: {}, evil: true }, expiresAt: EXPIRES_AT }]],
  record: { op: "insert", ts: 1, id: "evil", doc: { _id: "evil", sess: { cookie: {} } } },
  list: [{}, { op: "delete", ts: 1, id: "s1" }],
  text: '}\n{"op":"delete","ts":1,"id":"s2"}\n],["s3",{}]',
};

export function session(number: number, more: object = {}): string {
  const expires = new Date(EXPIRES_AT + number).toISOString();
  return JSON.stringify({ cookie: { originalMaxAge: number, expires }, number, ...more });
}

export interface Base {
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
export async function makeBase(name: string, password: string | null): Promise<Base> {
  const files = new MemoryFiles(password === null ? [] : [[SALT, Buffer.from("5a".repeat(32))]]);
  const engine = await openBase(files, password);
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

export function openBase(files: MemoryFiles, password: string | null, reports: StoreError[] = []) {
  return openWorld("/data", {
    files,
    clock: new ManualClock(),
    reports,
    config: { encryptionKeys: password === null ? [] : [password] },
  });
}

export async function valuesOf(engine: Engine): Promise<Map<string, string>> {
  return new Map([...(await servedBy(engine))].map(([sid, value]) => [sid, JSON.stringify(value)]));
}
