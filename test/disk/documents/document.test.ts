/** Owns documents as text: what a session becomes on disk, with the cookie of its last touch. */
import { describe, expect, it } from "vitest";
import { documentText, type SessionDocument } from "../../../src/worker/disk/documents/document.js";

function document(json: string, cookie: string | null = null): SessionDocument {
  return { json, cookie, expiresAt: 7 };
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

  it("stands beside a custom serializer's text", () => {
    const text = documentText("sid", document('"opaque"', NEW_COOKIE));
    expect(JSON.parse(text)).toEqual({
      _id: "sid",
      cookie: { path: "/new" },
      sess: "opaque",
      expiresAt: 7,
    });
  });
});
