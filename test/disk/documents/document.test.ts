/** Owns documents as text: what a session becomes on disk, and what is read back from a document. */
import { describe, expect, it } from "vitest";
import {
  documentText,
  type Origin,
  readDocument,
  type SessionDocument,
} from "../../../src/worker/disk/documents/document.js";

function document(json: string, cookie: string | null = null, origin: Origin | null = null) {
  return { json, cookie, expiresAt: 7, origin } satisfies SessionDocument;
}

const NEW_COOKIE = '{"path":"/new"}';

describe("a touched cookie", () => {
  it.each([
    ["a cookie alone", '{"cookie":{}}'],
    ["a plain cookie", '{"cookie":{"path":"/"},"a":1}'],
    ["braces in strings", '{"cookie":{"path":"}{"},"a":"}"}'],
    ["quotes in strings", '{"cookie":{"path":"\\"}\\\\"},"a":"\\""}'],
    ["a backslash before the closing quote", '{"cookie":{"path":"\\\\"},"a":"b"}'],
    ["objects in the cookie", '{"cookie":{"a":{"b":{}},"c":[{"d":{}}]},"e":{}}'],
    ["arrays of braces", '{"cookie":{"a":["{","}","]"]},"b":1}'],
    ["text beyond ASCII", '{"cookie":{"path":"é😀"},"é":"漢"}'],
    ["a cookie that is not first", '{"a":{"cookie":{}},"cookie":{"path":"/"},"b":1}'],
    ["a cookie that is null", '{"cookie":null,"a":1}'],
    ["no cookie", '{"a":1}'],
    ["nothing", "{}"],
    ["an own key __proto__", '{"cookie":{},"__proto__":{"admin":true}}'],
  ])("takes the place of the old one: %s", (_, json) => {
    const text = documentText("sid", document(json, NEW_COOKIE));
    const expected = JSON.parse(json) as Record<string, unknown>;
    expected["cookie"] = JSON.parse(NEW_COOKIE);
    expect(JSON.parse(text)).toEqual({ _id: "sid", sess: expected, expiresAt: 7 });
    // toEqual does not look at own keys of that name.
    expect(text.includes('"__proto__"')).toBe(json.includes('"__proto__"'));
  });

  it("stands beside a custom serializer's text, and is found there", () => {
    const text = documentText("sid", document('"opaque"', NEW_COOKIE));
    expect(JSON.parse(text)).toEqual({
      _id: "sid",
      cookie: { path: "/new" },
      sess: "opaque",
      expiresAt: 7,
    });
    expect(readDocument("sid", JSON.parse(text) as never, 0)).toEqual({
      sid: "sid",
      session: document('"opaque"', NEW_COOKIE),
    });
  });
});

describe("a document that is read", () => {
  it.each<[string, Origin | null]>([
    ["of our own", null],
    ["with its session id in a field of its own", { id: "doc", members: "" }],
    ["with more fields", { id: null, members: '"createdAt":"x","n":{"a":[1]}' }],
    ["with both", { id: "doc", members: '"__proto__":{"a":1}' }],
  ])("is the one that was written: %s", (_, origin) => {
    const written = document('{"cookie":{},"__proto__":{"a":1}}', null, origin);
    const text = documentText("sid", written);
    const id = origin?.id ?? "sid";
    expect(readDocument(id, JSON.parse(text) as never, 0)).toEqual({
      sid: "sid",
      session: written,
    });
  });

  it.each([
    ["nothing", {}],
    ["sess: null", { sess: null }],
    ["sess: a number", { sess: 1 }],
    ["sess: a boolean", { sess: true }],
    ["an expiry alone", { expiresAt: 5, sid: "s" }],
  ])("is no session, and kept as it is: %s", (_, document) => {
    expect(readDocument("id", document, 0)).toEqual({ sid: null, json: JSON.stringify(document) });
  });

  it.each([
    ["its own", { expiresAt: 5 }, 5],
    ["that of its cookie", {}, Date.UTC(2030, 0, 1)],
    ["that of its cookie, its own being none", { expiresAt: "soon" }, Date.UTC(2030, 0, 1)],
    ["the default, all others being none", { sess: { cookie: { expires: "never" } } }, 99],
    ["the default, there being no other", { sess: {} }, 99],
  ])("has an expiry: %s", (_, more, expected) => {
    const sess = { cookie: { expires: "2030-01-01T00:00:00.000Z" } };
    const read = readDocument("id", { sess, ...more }, 99);
    expect(read).toMatchObject({ session: { expiresAt: expected } });
  });

  it.each([
    ["the field sid", { sid: "a", _id: "b" }, "a"],
    ["_id", { _id: "b" }, "b"],
    ["_id, where sid is no string", { sid: 1, _id: "b" }, "b"],
    ["the record's id", {}, "id"],
  ])("has its session id from %s", (_, more, expected) => {
    expect(readDocument("id", { sess: {}, ...more }, 0).sid).toBe(expected);
  });
});
