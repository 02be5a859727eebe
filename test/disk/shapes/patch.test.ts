/** Owns lite-nosql's updates: what a path addresses, and that none reaches a prototype. */
import { describe, expect, it } from "vitest";
import type { Patch } from "../../../src/worker/disk/documents/change.js";
import { applyPatch } from "../../../src/worker/disk/shapes/patch.js";

function patch(parts: Partial<Patch>): Patch {
  return { set: {}, unset: [], inc: {}, updatedAt: undefined, ...parts };
}

describe("a patch", () => {
  it.each<[string, object, Partial<Patch>, object]>([
    ["sets a field", { a: 1 }, { set: { a: 2, b: null } }, { a: 2, b: null }],
    [
      "sets a field deep inside",
      { a: { b: 1 } },
      { set: { "a.c.d": 2 } },
      { a: { b: 1, c: { d: 2 } } },
    ],
    ["makes objects of what is none", { a: 5 }, { set: { "a.b": 1 } }, { a: { b: 1 } }],
    ["makes an object of null", { a: null }, { set: { "a.b": 1 } }, { a: { b: 1 } }],
    ["sets in an array", { a: [{ b: 1 }] }, { set: { "a.0.b": 2 } }, { a: [{ b: 2 }] }],
    ["splits at every dot", { "a.b": 1 }, { set: { "a.b": 2 } }, { "a.b": 1, a: { b: 2 } }],
    ["knows empty names", {}, { set: { "": 1, "a.": 2 } }, { "": 1, a: { "": 2 } }],
    ["removes", { a: { b: 1, c: 2 } }, { unset: ["a.b", "x.y", "z"] }, { a: { c: 2 } }],
    ["adds", { a: { n: 1 } }, { inc: { "a.n": 2, "a.m": -3 } }, { a: { n: 3, m: -3 } }],
    ["adds to nothing else", { a: "1" }, { inc: { a: 2, b: "3" } }, { a: 2 }],
    ["says when", { a: 1 }, { updatedAt: "now" }, { a: 1, updatedAt: "now" }],
    ["does all of it", { a: 1, b: 2 }, { set: { a: 3 }, unset: ["b"], inc: { a: 1 } }, { a: 4 }],
  ])("%s", (_, before, parts, after) => {
    const document = structuredClone(before) as Record<string, unknown>;
    applyPatch(document, patch(parts));
    expect(document).toEqual(after);
  });

  it.each<[string, Partial<Patch>]>([
    ["sets", { set: { "__proto__.polluted": 1, "constructor.prototype.polluted": 1 } }],
    ["sets as a whole", { set: { ["__proto__"]: { polluted: 1 } } }],
    ["adds", { inc: { "__proto__.polluted": 1, "a.__proto__.polluted": 1 } }],
    ["removes", { unset: ["__proto__.toString", "constructor.prototype.toString"] }],
  ])("that %s reaches no prototype", (_, parts) => {
    const document: Record<string, unknown> = { a: {} };
    applyPatch(document, patch(parts));
    const { polluted } = {} as { polluted?: unknown };
    expect(polluted).toBeUndefined();
    expect(typeof Object.prototype.toString).toBe("function");
    expect(Object.getPrototypeOf(document)).toBe(Object.prototype);
  });

  it("finds an own key __proto__ as lite-nosql's JSON has it", () => {
    const document = JSON.parse('{"__proto__":{"a":1}}') as Record<string, unknown>;
    applyPatch(document, patch({ set: { "__proto__.a": 2 } }));
    expect(JSON.stringify(document)).toBe('{"__proto__":{"a":2}}');
  });
});
