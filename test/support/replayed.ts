/** Owns what tests of the replay have in common: changes, and what comes of applying them in turn. */
import { Collection } from "../../src/worker/disk/documents/collection.js";
import type { Change, Patch } from "../../src/worker/disk/documents/change.js";
import { documentText, type JsonObject } from "../../src/worker/disk/documents/document.js";
import { type Converted, Replay, type Rewritten } from "../../src/worker/disk/shapes/replay.js";

/** When a document expires that does not say so. */
export const FALLBACK = 99;

export interface Replayed {
  readonly collection: Collection;
  readonly converted: Converted;
  /** All documents as parsed JSON by id, as a snapshot would have them. */
  readonly documents: Map<string, unknown>;
}

export function replayed(changes: readonly Change[]): Replayed {
  const collection = new Collection();
  const replay = new Replay(collection, 0, FALLBACK);
  for (const change of changes) replay.apply(structuredClone(change));
  const converted = replay.finish();
  const documents = new Map<string, unknown>();
  for (const [id, json] of converted.kept) documents.set(id, JSON.parse(json));
  for (const [sid, session] of collection.sessions()) {
    documents.set(sid, JSON.parse(documentText(sid, session)));
  }
  return { collection, converted, documents };
}

/** A snapshot of a state, as changes. */
export function snapshotOf({ documents }: Replayed): Change[] {
  return [...documents].map(([id, document]) => insert(id, document as JsonObject));
}

/** What is written about a conversion, step by step. */
export function stepsOf({ converted }: Replayed): Change[][] {
  return converted.steps.map((records) => records.map(changeOf));
}

/** All of it. */
export function recordsOf(from: Replayed): Change[] {
  return stepsOf(from).flat();
}

function changeOf(record: Rewritten): Change {
  if (record.op === "insert") return insert(record.id, JSON.parse(record.json) as JsonObject);
  return record.op === "delete" ? { ...record, ts: 1 } : record;
}

export function insert(id: string, document: JsonObject): Change {
  return { op: "insert", id, document: { _id: id, ...document } };
}

export function update(id: string, patch: Partial<Patch>): Change {
  return {
    op: "update",
    id,
    patch: { set: {}, unset: [], inc: {}, updatedAt: undefined, ...patch },
  };
}

/** Without the fields that only say when lite-nosql last changed a document. */
export function sorted({ documents }: Replayed): [string, unknown][] {
  return [...documents].sort(([a], [b]) => (a < b ? -1 : 1));
}
