/** Owns finding whole pieces among damage, and taking nothing inside a piece for one. */
import { describe, expect, it } from "vitest";
import {
  ELEMENT_START,
  findEnvelopes,
  findForeignElements,
  findNeighbors,
  type Pieces,
  type Proof,
  RECORD_START,
} from "../../../src/worker/disk/damage/salvage.js";

interface Found {
  readonly pieces: readonly string[];
  readonly gaps: string[];
}

/** How a line is searched, given what reads a piece. */
type Search = (line: Buffer, decode: (piece: Buffer) => string | null) => Pieces<string>;

function neighbors(start: Buffer, proof: Proof): Search {
  return (line, decode) => findNeighbors(line, 0, { start, proof: () => proof }, decode);
}

const records = neighbors(RECORD_START, "none");
const checkedRecords = neighbors(RECORD_START, "checksum");
const ownElements = neighbors(ELEMENT_START, "checksum");
const encryptedElements = neighbors(ELEMENT_START, "key");
const foreignElements: Search = (line, decode) => findForeignElements(line, 0, decode);

function find(search: Search, text: string, isWhole = parses): Found {
  const line = Buffer.from(text);
  const { found, gaps } = search(line, (piece) => {
    const content = piece.toString();
    return isWhole(content) ? content : null;
  });
  return { pieces: found, gaps: gaps.map(({ start, end }) => line.toString("utf8", start, end)) };
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const A = '{"op":"delete","ts":1,"id":"a"}';
const B = '{"op":"delete","ts":1,"id":"b}{\\""}';
const DECOY = '{"op":"insert","id":"x","doc":{"sess":{"y":[1,{"op":"delete","id":"evil"}]}}}';

describe("records", () => {
  it.each<[string, string, string[], string[]]>([
    ["one", A, [A], []],
    ["two, nothing between", A + B, [A, B], []],
    ["two, the line break another byte", `${A}J${B}`, [A, B], ["J"]],
    [
      "two, the first damaged",
      `{"op":"delete","ts":1,"id":a"}${B}`,
      [B],
      ['{"op":"delete","ts":1,"id":a"}'],
    ],
    ["two, the second damaged", `${A}{"op":"delete`, [A], ['{"op":"delete']],
    [
      "none in a damaged one that holds what looks like one",
      DECOY.slice(0, -1),
      [],
      [DECOY.slice(0, -1)],
    ],
    ["one with what looks like one inside", DECOY, [DECOY], []],
    ["none", "x", [], ["x"]],
    ["none in nothing", "", [], []],
  ])("are found: %s", (_, text, pieces, gaps) => {
    expect(find(records, text)).toEqual({ pieces, gaps });
  });
});

describe("among damage on both sides", () => {
  const around = (before: string): string => `xyz${before}${A}xyz`;

  it.each<[string, Search, string, boolean]>([
    ["without a checksum", records, "x", false],
    ["with one", checkedRecords, "x", true],
    ["with one, where it may be a part of another", checkedRecords, ":", false],
    ["with one, where it may be in a list", checkedRecords, "[", false],
    ["with one, where it may be further on in a list", checkedRecords, ",", false],
  ])("a record %s is found or not", (_, search, before, isFound) => {
    expect(find(search, around(before)).pieces).toEqual(isFound ? [A] : []);
  });

  it("an element that the key proves is found", () => {
    expect(find(encryptedElements, `xyz,${E1}xyz`)).toEqual({ pieces: [E1], gaps: ["xyz", "xyz"] });
  });

  it("a record that ends before its time is not taken for one of lite-nosql's", () => {
    const ended = `${A},"crc":"00000000"}`;
    expect(find(records, ended)).toEqual({ pieces: [], gaps: [ended] });
    expect(find(records, `${A}x`)).toEqual({ pieces: [A], gaps: ["x"] });
  });
});

const E1 = '["a",{"x":1},"00"]';
const E2 = '["b",{"y":["c",{"z":"],["}]},"01"]';

describe("elements", () => {
  it.each<[string, string, string[], string[]]>([
    ["lite-nosql's, on one line", `${E1},${E2}]}`, [E1, E2], ["]}"]],
    ["one damaged between", `${E1},["x",{],${E2}`, [E1, E2], ['["x",{]']],
    ["white space between", `${E1} , ${E2}`, [E1, E2], []],
    ["another byte between", `${E1}J${E2}`, [E1, E2], ["J"]],
  ])("of lite-nosql are found: %s", (_, text, pieces, gaps) => {
    expect(find(foreignElements, text)).toEqual({ pieces, gaps });
  });

  it.each<[string, string, string[], string[]]>([
    ["two, the line break gone", `${E1},${E2},`, [E1, E2], []],
    ["two, the line break another byte", `${E1},J${E2},`, [E1, E2], ["J"]],
    [
      "none inside a damaged one",
      '["a",{"x":[1,["evil",{}]],"y}',
      [],
      ['["a",{"x":[1,["evil",{}]],"y}'],
    ],
  ])("of our own are found: %s", (_, text, pieces, gaps) => {
    expect(find(ownElements, text)).toEqual({ pieces, gaps });
  });
});

/** As if the key had made base64 of the content. */
const envelopes: Search = (line, decode) =>
  findEnvelopes(line, decode, (piece) => Buffer.from(piece.toString("latin1", 66), "base64"));

function envelope(digit: string, data: string): string {
  return `${digit.repeat(32)}:${digit.repeat(32)}:${data}`;
}

describe("envelopes", () => {
  const data = (record: string): string => Buffer.from(record).toString("base64");
  const first = envelope("a", data('{"op":"abc"}'));
  const padded = envelope("b", data('{"op":"ab"}'));
  const last = envelope("c", data('{"op":"cba"}'));
  const whole = new Set([first, padded, last]);
  const search = (text: string): Found => find(envelopes, text, (piece) => whole.has(piece));

  it.each<[string, string, string[], string[]]>([
    ["one", first, [first], []],
    ["run together", first + padded + last, [first, padded, last], []],
    ["with another byte between", `${first}?${padded}J${last}`, [first, padded, last], ["?", "J"]],
    [
      "one damaged between",
      `${first}${envelope("d", "xx")}${last}`,
      [first, last],
      [envelope("d", "xx")],
    ],
    ["after something else", `xyz${last}`, [last], ["xyz"]],
    [
      "before something else",
      `${padded}\0\0${"a".repeat(20)}`,
      [padded],
      [`\0\0${"a".repeat(20)}`],
    ],
    ["before what may be base64", `${first}aa${padded}abc:`, [first, padded], ["aa", "abc:"]],
    [
      "after the first half of its own head",
      `${"c".repeat(32)}:${last}`,
      [last],
      [`${"c".repeat(32)}:`],
    ],
    ["none", "xyz", [], ["xyz"]],
  ])("are found: %s", (_, text, pieces, gaps) => {
    expect(search(text)).toEqual({ pieces, gaps });
  });
});

describe("a piece behind junk", () => {
  const element = '["x",{}]';

  describe.each<[string, Search, string, string]>([
    ["a record", checkedRecords, '{"op":"', A],
    ["an element", ownElements, '["', element],
    ["an element of lite-nosql", foreignElements, ',["', element],
  ])("%s", (_, search, unit, piece) => {
    it(`is found where there is little of ${unit}`, () => {
      expect(find(search, `${unit.repeat(4)},${piece}`).pieces).toEqual([piece]);
    });

    // Each unit may begin a piece that goes on to the end: to look at all takes hours.
    it(`is given up where there is much of ${unit}`, () => {
      const junk = unit.repeat(Math.ceil(2_000_000 / unit.length));
      const { pieces, gaps } = find(search, `${junk},${piece}`);
      expect(pieces).toEqual([]);
      expect(gaps).toHaveLength(1);
    });
  });

  it("is looked for twice at each beginning of an envelope", () => {
    const junk = `${"0".repeat(32)}:${"0".repeat(32)}:`.repeat(10_000);
    let looks = 0;
    find(envelopes, junk, () => {
      looks++;
      return false;
    });
    expect(looks).toBeLessThanOrEqual(2 * 10_000);
    expect(looks).toBeGreaterThanOrEqual(10_000);
  });
});
