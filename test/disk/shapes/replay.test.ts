/**
 * Owns the door through which documents come in: that replaying records over a state that has them
 * changes nothing, that documents of other shapes become sessions of our own, and that what is
 * written about that, cut off anywhere, is taken up again.
 */
import { describe, expect, it } from "vitest";
import { Collection } from "../../../src/worker/disk/documents/collection.js";
import type { Change, Patch } from "../../../src/worker/disk/documents/change.js";
import { documentText, type JsonObject } from "../../../src/worker/disk/documents/document.js";
import { type Converted, Replay } from "../../../src/worker/disk/shapes/replay.js";
import { type Random, SEED, seededRandom } from "../../support/random.js";

const FALLBACK = 99;

interface Replayed {
  readonly collection: Collection;
  readonly converted: Converted;
  /** All documents as parsed JSON by id, as a snapshot would have them. */
  readonly documents: Map<string, unknown>;
}

function replayed(changes: readonly Change[]): Replayed {
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
function snapshotOf({ documents }: Replayed): Change[] {
  return [...documents].map(([id, document]) => insert(id, document as JsonObject));
}

/** What is written about a conversion, record by record. */
function recordsOf({ converted }: Replayed): Change[] {
  return converted.records.map((record) =>
    record.op === "insert" ? insert(record.id, JSON.parse(record.json) as JsonObject) : record,
  );
}

function insert(id: string, document: JsonObject): Change {
  return { op: "insert", id, document: { _id: id, ...document } };
}

function update(id: string, patch: Partial<Patch>): Change {
  return {
    op: "update",
    id,
    patch: { set: {}, unset: [], inc: {}, updatedAt: undefined, ...patch },
  };
}

const IDS = ["a", "b", "c"];

/** Another id: of the session alone, or one that another document or session has too. No cycles. */
function otherId(random: Random, id: string): string {
  return random.pick([...IDS.filter((other) => other > id), "x", `of ${id}`]);
}

function randomChange(random: Random, increments: boolean): Change {
  const id = random.pick(IDS);
  const n = random.integer(9);
  const kind = random.integer(increments ? 9 : 8);
  if (kind === 0) return { op: "delete", id };
  if (kind === 1) return insert(id, { kept: n });
  if (kind === 2) return insert(id, { sess: { n }, sid: otherId(random, id), expiresAt: 5 });
  if (kind === 3) return insert(id, { sess: { n }, more: 1 });
  if (kind === 4) return insert(id, { sess: { cookie: {} }, expiresAt: n, createdAt: "then" });
  if (kind === 5) return insert(id, { sess: "opaque", cookie: { n }, expiresAt: n });
  if (kind === 8) return update(id, { inc: { "sess.n": 1, kept: 1 } });
  const set: JsonObject = random.pick<JsonObject>([
    { expiresAt: 5, "sess.cookie": { p: n } },
    { "sess.n": 5 },
    { sid: otherId(random, id) },
    { sess: random.pick([null, { n: 1 }, "text"]) },
  ]);
  return update(id, { set, unset: random.pick([[], ["more"], ["sid"]]) });
}

function randomChanges(random: Random, increments: boolean): Change[] {
  return Array.from({ length: 1 + random.integer(8) }, () => randomChange(random, increments));
}

function rounds(run: (random: Random, what: string) => void): void {
  const random = seededRandom(SEED);
  for (let round = 0; round < 1000; round++) run(random, `TEST_SEED=${SEED}, round ${round}`);
}

/** Without the fields that only say when lite-nosql last changed a document. */
function sorted({ documents }: Replayed): [string, unknown][] {
  return [...documents].sort(([a], [b]) => (a < b ? -1 : 1));
}

describe("replaying", () => {
  it("all records over a snapshot that has them changes nothing", () => {
    rounds((random, what) => {
      const changes = randomChanges(random, false);
      const first = replayed(changes);
      const again = replayed([...snapshotOf(first), ...changes, ...recordsOf(first)]);
      expect(sorted(again), `${what}: ${JSON.stringify(changes)}`).toEqual(sorted(first));
    });
  });

  it("what was written about a conversion, cut off anywhere, comes to the same", () => {
    rounds((random, what) => {
      const changes = randomChanges(random, true);
      const first = replayed(changes);
      const records = recordsOf(first);
      for (let cut = 0; cut <= records.length; cut++) {
        const again = replayed([...changes, ...records.slice(0, cut)]);
        expect(sorted(again), `${what}, cut ${cut}: ${JSON.stringify(changes)}`).toEqual(
          sorted(first),
        );
      }
    });
  });

  it("what was written about a conversion converts nothing a second time", () => {
    rounds((random, what) => {
      const changes = randomChanges(random, true);
      const first = replayed(changes);
      const { converted } = replayed([...changes, ...recordsOf(first)]);
      const again = [converted.records, converted.dropped];
      expect(again, `${what}: ${JSON.stringify(changes)}`).toEqual([[], []]);
    });
  });

  it("increments over a snapshot that has them, with what was written about them, adds nothing", () => {
    rounds((random, what) => {
      const changes = randomChanges(random, true);
      const first = replayed(changes);
      const again = replayed([...snapshotOf(first), ...changes, ...recordsOf(first)]);
      expect(sorted(again), `${what}: ${JSON.stringify(changes)}`).toEqual(sorted(first));
    });
  });
});

describe("a document", () => {
  it("of our own, or with lite-nosql's times, is a session as it is", () => {
    const { collection, converted } = replayed([
      insert("a", { sess: { n: 1 }, expiresAt: 5 }),
      insert("b", { sess: { n: 2 }, expiresAt: 6, createdAt: "then", updatedAt: "now" }),
      insert("c", { sess: "text", cookie: { p: 1 }, expiresAt: 7 }),
    ]);
    expect([...collection.sessions()]).toEqual([
      ["a", { json: '{"n":1}', cookie: null, expiresAt: 5 }],
      ["b", { json: '{"n":2}', cookie: null, expiresAt: 6 }],
      ["c", { json: '"text"', cookie: '{"p":1}', expiresAt: 7 }],
    ]);
    expect(converted.records).toEqual([]);
  });

  it("with its session id in a field of its own gets that id, and is deleted under the other", () => {
    const { collection, converted } = replayed([
      insert("doc", { sess: { n: 1 }, sid: "a", expiresAt: 5 }),
    ]);
    expect([...collection.sessions()].map(([sid]) => sid)).toEqual(["a"]);
    expect(converted.dropped).toEqual([]);
    expect(converted.records).toMatchObject([
      { op: "store", sid: "a" },
      { op: "delete", id: "doc" },
    ]);
  });

  it("that takes the id of another gets it after that one has left it", () => {
    const changes = [
      insert("a", { sess: { n: 1 }, sid: "b", expiresAt: 5 }),
      insert("b", { sess: { n: 2 }, sid: "c", expiresAt: 5 }),
    ];
    const first = replayed(changes);
    expect(first.converted.records).toMatchObject([
      { op: "store", sid: "c" },
      { op: "store", sid: "b" },
      { op: "delete", id: "a" },
    ]);
    expect(first.collection.get("b")?.json).toBe('{"n":1}');
    expect(first.collection.get("c")?.json).toBe('{"n":2}');
    const records = recordsOf(first);
    for (let cut = 0; cut <= records.length; cut++) {
      const again = replayed([...changes, ...records.slice(0, cut)]);
      expect(sorted(again)).toEqual(sorted(first));
    }
  });

  it("with more fields becomes a session, and only those fields are set aside", () => {
    const { collection, converted } = replayed([
      insert("a", { sess: {}, expiresAt: 5, role: "x" }),
    ]);
    expect(collection.get("a")).toEqual({ json: "{}", cookie: null, expiresAt: 5 });
    expect(converted.dropped.map((text) => JSON.parse(text) as unknown)).toEqual([
      { _id: "a", role: "x" },
    ]);
  });

  it.each<[string, Change[], Record<string, string>]>([
    [
      "a newer one of its own",
      [
        insert("doc", { sess: { n: 1 }, sid: "a", expiresAt: 5 }),
        { op: "store", sid: "a", session: { json: '{"n":2}', cookie: null, expiresAt: 5 } },
      ],
      { a: '{"n":2}' },
    ],
    [
      "a newer one in another document",
      [
        insert("doc", { sess: { n: 1 }, sid: "a", expiresAt: 5 }),
        insert("doc2", { sess: { n: 2 }, sid: "a", expiresAt: 5 }),
      ],
      { a: '{"n":2}' },
    ],
    [
      "its end, when its own document had taken over",
      [
        insert("doc", { sess: { n: 1 }, sid: "a", expiresAt: 5 }),
        { op: "store", sid: "a", session: { json: '{"n":2}', cookie: null, expiresAt: 5 } },
        { op: "delete", id: "a" },
      ],
      {},
    ],
  ])("does not bring back what came before %s", (_, changes, expected) => {
    const first = replayed(changes);
    const again = replayed([...changes, ...recordsOf(first)]);
    for (const { collection } of [first, again]) {
      const found = [...collection.sessions()].map(([sid, { json }]) => [sid, json]);
      expect(Object.fromEntries(found)).toEqual(expected);
    }
  });

  it("patched by lite-nosql does not bring back a session that was deleted", () => {
    const { collection } = replayed([
      insert("doc", { sess: { n: 1 }, sid: "a", expiresAt: 5 }),
      { op: "delete", id: "a" },
      update("doc", { set: { seen: 1 } }),
    ]);
    expect(collection.size).toBe(0);
  });

  it("with an own field __proto__ stays itself when it is patched", () => {
    const document = JSON.parse('{"_id":"a","sess":{},"expiresAt":5,"__proto__":{"sid":"victim"}}');
    const { collection } = replayed([
      { op: "insert", id: "a", document: document as JsonObject },
      update("a", { set: { seen: 1 } }),
    ]);
    expect([...collection.sessions()].map(([sid]) => sid)).toEqual(["a"]);
  });

  it("that has expired leaves nothing aside", () => {
    const { converted } = replayed([insert("a", { sess: {}, expiresAt: -1, role: "x" })]);
    expect(converted.dropped).toEqual([]);
  });

  it("that does not say when it expires gets an expiry, once", () => {
    const first = replayed([insert("a", { sess: {} })]);
    expect(first.collection.get("a")?.expiresAt).toBe(FALLBACK);
    expect(first.converted.records).toMatchObject([{ op: "store", sid: "a" }]);
    expect(first.converted.dropped).toEqual([]);
  });

  it.each<[string, JsonObject]>([
    ["nothing", {}],
    ["sess: null", { sess: null }],
    ["sess: a number", { sess: 1 }],
    ["sess: a boolean", { sess: true }],
    ["an expiry alone", { expiresAt: 5, sid: "s" }],
  ])("without a usable session is kept as it is: %s", (_, document) => {
    const { collection, converted } = replayed([insert("id", document)]);
    expect(collection.size).toBe(0);
    expect(converted.kept.map(([id, json]) => [id, JSON.parse(json) as unknown])).toEqual([
      ["id", { _id: "id", ...document }],
    ]);
    expect(converted.records).toEqual([]);
  });

  it("that is kept and was added to is written once more", () => {
    const { converted } = replayed([insert("id", { n: 1 }), update("id", { inc: { n: 2 } })]);
    expect(converted.records).toEqual([{ op: "insert", id: "id", json: converted.kept[0]![1] }]);
    expect(JSON.parse(converted.kept[0]![1])).toEqual({ _id: "id", n: 3 });
  });

  it.each<[string, JsonObject, number]>([
    ["its own", { expiresAt: 5 }, 5],
    ["its own, a date", { expiresAt: "2015-01-01T00:00:00.000Z" }, Date.UTC(2015, 0, 1)],
    ["that of its cookie", {}, Date.UTC(2030, 0, 1)],
    ["that of its cookie, its own being unusable", { expiresAt: "soon" }, Date.UTC(2030, 0, 1)],
    [
      "the default, the others being unusable",
      { sess: { cookie: { expires: "never" } } },
      FALLBACK,
    ],
    ["the default, there being no other", { sess: {} }, FALLBACK],
  ])("has an expiry: %s", (_, more, expected) => {
    const sess = { cookie: { expires: "2030-01-01T00:00:00.000Z" } };
    const { collection } = replayed([insert("id", { sess, ...more })]);
    expect(collection.get("id")?.expiresAt).toBe(expected);
  });

  it.each<[string, JsonObject, string]>([
    ["the field sid", { sid: "a", _id: "b" }, "a"],
    ["_id", { _id: "b" }, "b"],
    ["_id, where sid is not a string", { sid: 1, _id: "b" }, "b"],
    ["the record's id, where _id is not a string", { _id: 1 }, "id"],
  ])("has its session id from %s", (_, more, expected) => {
    const { collection } = replayed([insert("id", { sess: {}, ...more })]);
    expect([...collection.sessions()].map(([sid]) => sid)).toEqual([expected]);
  });
});

describe("a touch", () => {
  const scene = (sess: unknown, patch: Partial<Patch>): Replayed =>
    replayed([insert("a", { sess, expiresAt: 1 }), update("a", patch)]);

  it.each([
    [{ a: 1 }, "sess.cookie"],
    ["opaque", "cookie"],
  ])("of %j lays the cookie over it", (sess, path) => {
    const { collection, converted } = scene(sess, { set: { expiresAt: 5, [path]: { p: 1 } } });
    const json = JSON.stringify(sess);
    expect(collection.get("a")).toEqual({ json, cookie: '{"p":1}', expiresAt: 5 });
    expect(converted.records).toEqual([]);
  });

  it("may leave the cookie alone", () => {
    const { collection } = scene({ a: 1 }, { set: { expiresAt: 5 } });
    expect(collection.get("a")).toEqual({ json: '{"a":1}', cookie: null, expiresAt: 5 });
  });

  it.each<[string, Partial<Patch>]>([
    ["no expiry", { set: { "sess.cookie": {} } }],
    ["an unusable expiry", { set: { expiresAt: "5" } }],
    ["an unusable cookie", { set: { expiresAt: 5, "sess.cookie": "x" } }],
    ["another field", { set: { expiresAt: 5, "sess.a": 1 } }],
    ["the other kind's cookie", { set: { expiresAt: 5, cookie: {} } }],
    ["something removed", { set: { expiresAt: 5 }, unset: ["sess.a"] }],
    ["something added to", { set: { expiresAt: 5 }, inc: { "sess.n": 1 } }],
  ])("with %s is a patch, and its document converted", (_, patch) => {
    expect(scene({ a: 1 }, patch).converted.records).toHaveLength(1);
  });

  it("of a session that is not there changes nothing", () => {
    expect(replayed([update("a", { set: { expiresAt: 5 } })]).documents).toEqual(new Map());
  });
});
