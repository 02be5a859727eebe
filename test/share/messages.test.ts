/** Owns that what is said arrives as it was, in each of the ways in which it may stand in a frame. */
import { describe, expect, it } from "vitest";
import { codecFor, VALUE_FORMAT } from "../../src/worker/share/messages.js";

const LONG = "x".repeat(5000);
const MESSAGES: Record<string, readonly unknown[]> = {
  "a short call": [1, "get", [["a"]], null],
  "a long call": [2, "write", [[["a", LONG, 1e13], ["b"]]], { first: 3, floor: 1 }],
  "a call of many parts": [3, "touch", [Array.from({ length: 2000 }, () => ["a", null, 1])], null],
  "a short answer": [1, { value: ['{"text":"é \\" \ud800"}', null, ["{}", '{"cookie":1}']] }],
  "a long answer": [1, { value: [`é${LONG} \ud800`, null] }],
  "an error": [4, { error: { code: "STORE_FULL", message: LONG } }],
};

describe.each([
  ["of the same format", VALUE_FORMAT],
  ["of another one", 0],
])("for an end %s", (_, format) => {
  const codec = codecFor(format);

  it.each(Object.entries(MESSAGES))("%s arrives", (_name, message) => {
    expect(codec.decode(Buffer.from(codec.encode(message)))).toEqual(message);
  });
});

it("only what is short is JSON where both could read the other", () => {
  const beginning = (message: unknown) => codecFor(VALUE_FORMAT).encode(message)[0];
  const [short, long, many] = Object.values(MESSAGES).map(beginning);
  expect([short, long, many]).toEqual(["[".charCodeAt(0), 0xff, 0xff]);
});
