/**
 * Owns what happens when a collection's files are not its own: other formats, other shapes, junk
 * without end, directories. Each opens or is refused with a code, in little time and memory, and
 * what was there stays there or in the quarantine.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { StoreError } from "../../src/protocol/errors.js";
import { quarantined } from "../support/damage/verdict.js";
import { openWorld, rememberKeys, servedBy } from "../support/engine-world.js";
import { deriveKey } from "../support/lite-nosql-reader.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryFiles } from "../support/memory-files.js";
import { SEED, seededRandom } from "../support/random.js";
import { tempDirectory } from "../support/temp-dir.js";

const KEY = "a key of the test's own";
const EXPIRES_AT = Date.UTC(2040, 0, 1);
const SNAPSHOT = "/data/sessions.snapshot.json";
const JOURNAL = "/data/sessions.wal.log";
const SALT = "/data/.db.salt";

const SALT_TEXT = "5a".repeat(32);

const MEBIBYTE = 1024 * 1024;
const random = seededRandom(SEED);

function randomBytes(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, () => random.integer(256)));
}

const CONTENTS: Record<string, () => Buffer | string> = {
  empty: () => "",
  "a line break": () => "\n",
  "line breaks": () => "\n".repeat(1000),
  NULs: () => Buffer.alloc(4096),
  "random bytes": () => randomBytes(5000),
  "a JPEG's first bytes": () => Buffer.from("ffd8ffe000104a46494600010101", "hex"),
  "a word": () => "hello",
  "null as JSON": () => "null",
  "a number as JSON": () => "1",
  "an array as JSON": () => "[1,2,3]",
  "an empty object": () => "{}",
  "an object of another shape": () => '{"name":"x","docs":{"a":1}}',
  "a snapshot of another shape": () =>
    '{"version":1,"ts":2,"docs":[1,"a",null,["b"],["c",7],[8,{}]]}',
  "a snapshot without documents": () => '{"version":1,"ts":2,"docs":[]}',
  "records of another shape": () =>
    ['{"op":"insert"}', '{"op":"insert","id":7,"doc":{}}', '{"op":"drop","id":"a"}', "[]", "7"]
      .map((line) => `${line}\n`)
      .join(""),
  "a patch of another shape": () =>
    '{"op":"update","id":"a","set":[1],"unset":{"b":1},"inc":"c"}\n{"op":"update","id":"a"}\n',
  "UTF-16": () => Buffer.from('\ufeff{"version":1}', "utf16le"),
  "a byte order mark": () => '\ufeff{"version":1,"ts":2,"docs":[]}',
  "an envelope of nothing": () => `${"0".repeat(32)}:${"0".repeat(32)}:`,
  colons: () => ":".repeat(1000),
  "deep nesting": () => "[".repeat(200_000),
  "beginnings of elements": () => '["'.repeat(200_000),
  "beginnings of records": () => '{"op":"'.repeat(100_000),
  "beginnings of envelopes": () => `${"0".repeat(32)}:${"0".repeat(32)}:`.repeat(10_000),
  "one long line": () => "x".repeat(8 * MEBIBYTE),
  "very many lines": () => "x\n".repeat(MEBIBYTE / 4),
};

beforeAll(rememberKeys);

describe.each([
  ["plain", null],
  ["encrypted", KEY],
])("a collection, %s", (_, password) => {
  const config = { encryptionKeys: password === null ? [] : [password] };

  async function collection(): Promise<MemoryFiles> {
    const files = new MemoryFiles([[SALT, Buffer.from(SALT_TEXT)]]);
    const engine = await openWorld("/data", { files, clock: new ManualClock(), config });
    await engine.write([["in the snapshot", '{"cookie":{}}', EXPIRES_AT]]);
    await engine.compact();
    await engine.write([["in the journal", '{"cookie":{}}', EXPIRES_AT]]);
    await engine.close();
    return files;
  }

  describe.each([
    ["snapshot", SNAPSHOT, "in the journal"],
    ["journal", JOURNAL, "in the snapshot"],
  ])("whose %s is", (__, path, survivor) => {
    it.each(Object.keys(CONTENTS))("%s", async (name) => {
      const content = Buffer.from(CONTENTS[name]!());
      const files = await collection();
      files.put(path, content);
      const before = hashesOf(files);
      const heap = process.memoryUsage().heapUsed;

      let engine;
      try {
        engine = await openWorld("/data", { files, clock: new ManualClock(), config });
      } catch (error) {
        expect(error).toBeInstanceOf(StoreError);
        expect(hashesOf(files)).toEqual(before);
        return;
      }
      const served = await servedBy(engine);
      await engine.close();
      expect([...served.keys()]).toContain(survivor);
      expect(process.memoryUsage().heapUsed - heap).toBeLessThan(200 * MEBIBYTE);

      const key = password === null ? null : deriveKey(password, files.content(SALT));
      const kept = Buffer.concat([quarantined(files.contents(), key), files.content(path)]);
      const lost = [...new Set(stretches(content, path === JOURNAL))].filter(
        (line) => !kept.includes(line, 0, "latin1"),
      );
      expect(lost.slice(0, 5)).toEqual([]);
    });
  });

  it.each([
    ["the snapshot is the journal and the other way about", JOURNAL, SNAPSHOT],
    ["the journal is the snapshot", SNAPSHOT, null],
  ])("where %s", async (__, from, back) => {
    const files = await collection();
    const before = files.contents();
    const to = from === JOURNAL ? SNAPSHOT : JOURNAL;
    files.put(to, before.get(from)!);
    if (back !== null) files.put(from, before.get(back)!);
    const outcome = await openWorld("/data", { files, clock: new ManualClock(), config }).then(
      async (engine) => engine.close(),
      (error: unknown) => error,
    );
    if (outcome !== undefined) expect(outcome).toBeInstanceOf(StoreError);
  });
});

function hashesOf(files: MemoryFiles): [path: string, hash: string][] {
  const hash = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
  return [...files.contents()].map(([path, content]) => [path, hash(content)]);
}

/**
 * What of a file must not be lost: all but the frame of a snapshot, patches of nothing, and the end
 * of a journal that looks like a write that a crash cut short.
 */
function stretches(content: Buffer, isJournal: boolean): string[] {
  const text = content.toString("latin1");
  return (isJournal ? text.replace(/(?:\{"op":"|[0-9a-f]{32}:)[^\n]*$|[0-9a-f]{1,32}$/, "") : text)
    .replace(/^\{"version":\d+,"ts":\d+,"docs":\[/, "")
    .split("\n")
    .map((line) => line.replace(/^[\0\t-\r ,]+|[\0\t-\r ,]+$/g, ""))
    .map((line) => line.replace(/\]\}$/, ""))
    .filter((line) => line !== "" && !line.startsWith('{"op":"update","id":"a"'));
}

describe("a directory in place of", () => {
  const names = [
    "sessions.snapshot.json",
    "sessions.wal.log",
    "sessions.lock",
    "sessions.snapshot.json.tmp",
    "sessions.wal.log.tmp",
    "sessions.quarantine.log",
    ".db.salt",
  ];

  it.each(names)("%s is an error with a code, or none", async (name) => {
    const directory = tempDirectory();
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, "precious"), "of somebody else");
    const clock = new ManualClock();
    const opening = openWorld(directory, { clock, config: { encryptionKeys: [KEY] } });
    try {
      const engine = await clock.advanceUntil(opening, 36_000_000);
      await engine.close();
    } catch (error) {
      expect(error).toBeInstanceOf(StoreError);
    }
    expect(readFileSync(join(directory, name, "precious"), "utf8")).toBe("of somebody else");
  });

  it("the collection's own is refused", async () => {
    const directory = join(tempDirectory(), "a file");
    writeFileSync(directory, "");
    await expect(openWorld(directory)).rejects.toMatchObject({ code: "STORE_IO" });
  });
});
