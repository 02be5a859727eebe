/** Owns the door through which documents come in: those of other shapes become sessions of our own. */
import { describe, expect, it } from "vitest";
import type { Change, Patch } from "../../../src/worker/disk/documents/change.js";
import type { JsonObject } from "../../../src/worker/disk/documents/document.js";
import {
  FALLBACK,
  insert,
  recordsOf,
  type Replayed,
  replayed,
  sorted,
  update,
} from "../../support/replayed.js";

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
    expect(converted.steps.flat()).toEqual([]);
  });

  it("with its session id in a field of its own gets that id, and is deleted under the other", () => {
    const { collection, converted } = replayed([
      insert("doc", { sess: { n: 1 }, sid: "a", expiresAt: 5 }),
    ]);
    expect([...collection.sessions()].map(([sid]) => sid)).toEqual(["a"]);
    expect(converted.dropped).toEqual([]);
    expect(converted.steps.flat()).toMatchObject([
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
    expect(first.converted.steps.flat()).toMatchObject([
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
        { op: "delete", id: "a", ts: 1 },
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
      { op: "delete", id: "a", ts: 1 },
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
    expect(first.converted.steps.flat()).toMatchObject([{ op: "store", sid: "a" }]);
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
    expect(converted.steps.flat()).toEqual([]);
  });

  it("that is kept and was added to is written once more", () => {
    const { converted } = replayed([insert("id", { n: 1 }), update("id", { inc: { n: 2 } })]);
    expect(converted.steps.flat()).toEqual([
      { op: "insert", id: "id", json: converted.kept[0]![1] },
    ]);
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
    expect(converted.steps.flat()).toEqual([]);
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
    expect(scene({ a: 1 }, patch).converted.steps.flat()).toHaveLength(1);
  });

  it("of a session that is not there changes nothing", () => {
    expect(replayed([update("a", { set: { expiresAt: 5 } })]).documents).toEqual(new Map());
  });
});
