/**
 * Owns documents in memory: that replaying records over a state that has them changes nothing, and
 * that no two sessions ever get one document.
 */
import { describe, expect, it } from "vitest";
import { Collection } from "../../../src/worker/disk/documents/collection.js";
import {
  documentText,
  type JsonObject,
  readDocument,
} from "../../../src/worker/disk/documents/document.js";
import type { JournalRecord } from "../../../src/worker/disk/journal/record.js";
import { type Random, SEED, seededRandom } from "../../support/random.js";

const FALLBACK = 99;

/** All documents as JSON text by id, as a snapshot would have them. */
function documentsOf(collection: Collection): Map<string, string> {
  const documents = new Map(collection.others());
  for (const [sid, session] of collection.sessions()) {
    const id = session.origin?.id ?? sid;
    expect(documents.has(id), `two documents with the id ${id}`).toBe(false);
    documents.set(id, documentText(sid, session));
  }
  return documents;
}

function reopened(collection: Collection): Collection {
  const other = new Collection();
  for (const [id, text] of documentsOf(collection)) {
    other.load(id, readDocument(id, JSON.parse(text) as JsonObject, FALLBACK));
  }
  return other;
}

function insert(id: string, document: JsonObject): JournalRecord {
  return { op: "insert", id, document: readDocument(id, { _id: id, ...document }, FALLBACK) };
}

const IDS = ["a", "b", "a_", "x"];

function randomRecord(random: Random): JournalRecord {
  const id = random.pick(IDS);
  const kind = random.integer(8);
  if (kind === 0) return { op: "delete", id };
  if (kind === 1) return insert(id, { kept: random.integer(9) });
  if (kind === 2) return insert(id, { sess: { n: random.integer(9) }, sid: `of ${id}` });
  if (kind === 3) return insert(id, { sess: { n: random.integer(9) }, more: 1 });
  if (kind === 4) return insert(id, { sess: { cookie: {} }, expiresAt: random.integer(9) });
  const set: JsonObject = random.pick<JsonObject>([
    { expiresAt: 5, "sess.cookie": { p: random.integer(9) } },
    { "sess.n": 5 },
    { sid: `of ${id}` },
    { sess: random.pick([null, { n: 1 }, "text"]) },
  ]);
  const unset = random.pick([[], ["more"], ["sid"]]);
  return { op: "update", id, patch: { set, unset, inc: {}, updatedAt: undefined } };
}

describe("replaying", () => {
  it("all records over a state that has them changes nothing", () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 500; round++) {
      const records = Array.from({ length: 1 + random.integer(8) }, () => randomRecord(random));
      const collection = new Collection();
      for (const record of records) collection.apply(record, FALLBACK);
      const again = reopened(collection);
      for (const record of records) again.apply(record, FALLBACK);
      const what = `TEST_SEED=${SEED}, round ${round}: ${JSON.stringify(records)}`;
      expect(sorted(documentsOf(again)), what).toEqual(sorted(documentsOf(collection)));
    }
  });

  it("an increment is remembered, since it must not be", () => {
    const collection = new Collection();
    collection.apply(insert("a", { sess: { n: 1 } }), FALLBACK);
    const patch = { set: {}, unset: [], inc: { "sess.n": 2 }, updatedAt: undefined };
    collection.apply({ op: "update", id: "a", patch }, FALLBACK);
    collection.apply({ op: "update", id: "unknown", patch }, FALLBACK);
    expect([...collection.incremented]).toEqual(["a"]);
    expect(collection.get("a")?.json).toBe('{"n":3}');
  });
});

/** Values, whatever the order of documents and members. */
function sorted(documents: Map<string, string>): [string, unknown][] {
  return [...documents]
    .map(([id, text]): [string, unknown] => [id, JSON.parse(text)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

describe("a new session", () => {
  it.each([
    ["its id is another session's document", ["x"]],
    ["so is the next best", ["x_"]],
    ["both are", ["x", "x_"]],
    ["one is a document that is no session", []],
  ])("gets a document of its own when %s", (_, taken) => {
    const collection = new Collection();
    for (const id of taken) collection.apply(insert(id, { sess: {}, sid: `of ${id}` }), FALLBACK);
    collection.apply(insert("x__", { sess: { own: true } }), FALLBACK);
    collection.apply(insert("x_y", { kept: true }), FALLBACK);
    const put = (sid: string): void => {
      const origin = collection.originFor(sid);
      collection.put(sid, { json: "{}", cookie: null, expiresAt: 1, origin });
    };
    for (const sid of ["x", "x_", "x__", "x"]) put(sid);
    const sids = [...collection.sessions()].map(([sid]) => sid).sort();
    expect(sids).toEqual([...taken.map((id) => `of ${id}`), "x", "x_", "x__"].sort());
    expect([...reopened(collection).sessions()].map(([sid]) => sid).sort()).toEqual(sids);
  });

  it("does not take the document of one whose id looks like a makeshift", () => {
    const collection = new Collection();
    collection.apply(insert("x", { sess: {}, sid: "y" }), FALLBACK);
    collection.put("x_", { json: "{}", cookie: null, expiresAt: 1, origin: null });
    const origin = collection.originFor("x");
    collection.put("x", { json: "{}", cookie: null, expiresAt: 1, origin });
    expect([...reopened(collection).sessions()].map(([sid]) => sid).sort()).toEqual([
      "x",
      "x_",
      "y",
    ]);
  });
});
