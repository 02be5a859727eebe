/**
 * Owns the lines of the journal: that the shortcut for our own reads what JSON.parse reads, and that
 * a checksum finds every flipped bit.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { Collection } from "../../../src/worker/disk/documents/collection.js";
import type { SessionDocument } from "../../../src/worker/disk/documents/document.js";
import { Keyring } from "../../../src/worker/disk/keys/keyring.js";
import { Replay } from "../../../src/worker/disk/shapes/replay.js";
import {
  type DecodedLine,
  decodeLine,
  deleteRecord,
  encodeLine,
  insertTextRecord,
  insertRecord,
  touchRecord,
} from "../../../src/worker/disk/journal/record.js";
import { type Random, SEED, seededRandom } from "../../support/random.js";
import { SHAPES, STRANGE_SIDS } from "../../support/session-values.js";

let keyring: Keyring;
beforeAll(async () => {
  keyring = await Keyring.derive(["a key of the test"], Buffer.alloc(32));
});

function session(json: string, more: Partial<SessionDocument> = {}): SessionDocument {
  return { json, cookie: null, expiresAt: 1234, ...more };
}

// No two are of one length and differ in an escape alone: JSON.parse of Node 24 and 26 takes such a
// name of a property for another one that it has just seen.
const TEXTS = [
  "",
  "a",
  'q"',
  "ab\\",
  "}{][",
  ',"doc":',
  '","sess":{',
  ',"expiresAt":1',
  "é漢😀",
  "abcd\n",
];

function randomValue(random: Random, depth: number): unknown {
  const kind = random.integer(depth === 0 ? 4 : 6);
  if (kind === 0) return random.pick(TEXTS);
  if (kind === 1) return random.integer(1000) - 500;
  if (kind === 2) return random.pick([true, false, null]);
  if (kind === 3) return TEXTS.map((text) => random.pick([text, ""])).join("");
  const count = random.integer(4);
  if (kind === 4) return Array.from({ length: count }, () => randomValue(random, depth - 1));
  return Object.fromEntries(
    Array.from({ length: count }, () => [random.pick(TEXTS), randomValue(random, depth - 1)]),
  );
}

/** As JSON.stringify writes it: with other escapes the shortcut keeps other text. */
function normal(json: string): string {
  return JSON.stringify(JSON.parse(json));
}

function randomRecord(random: Random): string {
  const sid = random.pick([...STRANGE_SIDS, ...TEXTS]);
  const sess = {
    ...(random.integer(2) === 0 && { cookie: { path: "/" } }),
    a: randomValue(random, 3),
  };
  const json =
    random.integer(4) === 0 ? normal(random.pick(Object.values(SHAPES))) : JSON.stringify(sess);
  const expiresAt = random.pick([0, 1, 1234, 1.5, -1, 8.64e15, Date.now()]);
  const cookie = random.integer(4) === 0 ? JSON.stringify(randomValue(random, 0)) : null;
  const document = session(random.integer(8) === 0 ? JSON.stringify(json) : json, {
    cookie: cookie?.startsWith("{") === true ? cookie : null,
    expiresAt,
  });
  return insertRecord(random.integer(1e6), sid, document);
}

/** The session that a line stores, by its id. */
function sessionIn(decoded: DecodedLine): unknown {
  if (!("change" in decoded) || decoded.change === null) return decoded;
  const collection = new Collection();
  const replay = new Replay(collection, 0, 99);
  replay.apply(decoded.change);
  replay.finish();
  return [...collection.sessions()];
}

describe("the shortcut", () => {
  it("reads what JSON.parse reads", () => {
    const random = seededRandom(SEED);
    for (let number = 0; number < 3000; number++) {
      const record = randomRecord(random);
      // Only a line with a checksum, or from an envelope, takes it; this one has neither.
      const slow = sessionIn(decodeLine(Buffer.from(record), null));
      const what = `TEST_SEED=${SEED}, record ${number}: ${record}`;
      const own = decodeLine(Buffer.from(encodeLine(record, null)), null);
      expect(sessionIn(own), what).toEqual(slow);
      const sealed = decodeLine(Buffer.from(encodeLine(record, keyring)), keyring);
      expect(sessionIn(sealed), what).toEqual(slow);
      expect(sealed, what).toEqual({ ...own, encrypted: true });
    }
  });

  it.each([
    ["a field between", '{"_id":"a","sess":{"x":1},"meta":{"y":2},"expiresAt":5}'],
    ["another id in the document", '{"_id":"b","sess":{"x":1},"expiresAt":5}'],
    ["white space", '{"_id":"a", "sess":{"x":1},"expiresAt":5}'],
    ["a field after", '{"_id":"a","sess":{"x":1},"expiresAt":5,"updatedAt":"z"}'],
    ["two expiries", '{"_id":"a","sess":{"x":1},"expiresAt":4,"expiresAt":5}'],
  ])("does not misread lite-nosql's documents: %s", (_, document) => {
    const record = `{"op":"insert","ts":1,"id":"a","doc":${document}}`;
    const plain = decodeLine(Buffer.from(record), null);
    // As lite-nosql seals it: without the checksum that marks a record as our own.
    const sealed = decodeLine(Buffer.from(keyring.first.seal(record)), keyring);
    expect(sealed).toEqual({ ...plain, encrypted: true });
  });
});

describe("a line", () => {
  const document = session('{"cookie":{"path":"/"},"user":"alice é"}', { cookie: '{"a":1}' });
  const records: [string, string][] = [
    ["insert", insertRecord(1, "sid", session('{"cookie":{"path":"/"},"user":"alice é"}'))],
    ["insert of another document", insertTextRecord(1, "id", '{"_id":"id","x":1}')],
    ["touch", touchRecord(1, "sid", document)],
    ["delete", deleteRecord(1, "sid")],
  ];

  it.each(records)("of %s: a flipped bit anywhere is found, or changes nothing", (_, record) => {
    const line = Buffer.from(encodeLine(record, null));
    const whole = decodeLine(line, null);
    expect(whole).toHaveProperty("change");
    for (let bit = 0; bit < line.length * 8; bit++) {
      const flipped = Buffer.from(line);
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
      const decoded = decodeLine(flipped, null);
      if ("change" in decoded) expect(decoded, `bit ${bit}`).toEqual(whole);
    }
  });

  it.each(records)("of %s: a flipped bit anywhere in its envelope is found", (_, record) => {
    const line = Buffer.from(encodeLine(record, keyring));
    const whole = decodeLine(line, keyring);
    for (let bit = 0; bit < line.length * 8; bit++) {
      const flipped = Buffer.from(line);
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
      const decoded = decodeLine(flipped, keyring);
      if ("change" in decoded) expect(decoded, `bit ${bit}`).toEqual(whole);
    }
  });

  it.each([
    ["behind its padding", "A".repeat(8)],
    ["another envelope", encodeLineOf("{}")],
    ["what is no base64", "\0\0"],
  ])("that is an envelope with more behind it is no whole one: %s", (_, more) => {
    for (const text of ["", "a", "ab"]) {
      const record = deleteRecord(1, `sid${text}`);
      const line = Buffer.from(encodeLine(record, keyring) + more);
      expect(decodeLine(line, keyring)).toEqual({ fault: "damaged" });
    }
  });

  it.each([
    "",
    "x",
    "null",
    "[]",
    "7",
    "{}",
    '{"op":"insert"}',
    '{"op":"insert","id":"a"}',
    '{"op":"insert","id":"a","doc":[]}',
    '{"op":"insert","id":1,"doc":{}}',
    '{"op":"drop","id":"a"}',
    '{"op":"delete"}',
  ])("that is no record is damaged: %s", (text) => {
    expect(decodeLine(Buffer.from(text), null)).toEqual({ fault: "damaged" });
  });

  it("that is an envelope is sealed without a key, and strange to another", async () => {
    const line = Buffer.from(encodeLine(deleteRecord(1, "sid"), keyring));
    const other = await Keyring.derive(["another key of the test"], Buffer.alloc(32));
    expect(decodeLine(line, null)).toEqual({ fault: "sealed" });
    expect(decodeLine(line, other)).toEqual({ fault: "unknown-key" });
    const cut = line.subarray(0, line.length - 9);
    expect(decodeLine(cut, keyring)).toEqual({ fault: "damaged" });
  });

  it("of lite-nosql has no checksum and is read", () => {
    const line = Buffer.from('{"op":"delete","ts":1,"id":"a"}');
    expect(decodeLine(line, null)).toEqual({
      change: { op: "delete", id: "a", ts: 1 },
      encrypted: false,
    });
  });
});

/** An envelope of no key in particular. */
function encodeLineOf(text: string): string {
  return `${"0".repeat(32)}:${"0".repeat(32)}:${Buffer.from(text).toString("base64")}`;
}
