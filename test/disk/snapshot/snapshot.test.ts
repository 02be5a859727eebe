/**
 * Owns snapshots as files: what the writer wrote the reader reads, plain and as an envelope, however
 * long, and what it says of files that are not whole.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { DATA_OFFSET } from "../../../src/worker/disk/keys/cipher.js";
import { documentText } from "../../../src/worker/disk/documents/document.js";
import { Keyring } from "../../../src/worker/disk/keys/keyring.js";
import {
  readSnapshot,
  type SnapshotReading,
} from "../../../src/worker/disk/snapshot/snapshot-reader.js";
import { SnapshotWriter } from "../../../src/worker/disk/snapshot/snapshot-writer.js";
import { MemoryFiles } from "../../support/memory-files.js";

const PATH = "/snapshot";
const MEBIBYTE = 1024 * 1024;

let keyring: Keyring;
let otherKeyring: Keyring;
beforeAll(async () => {
  keyring = await Keyring.derive(["a key of the test"], Buffer.alloc(32));
  otherKeyring = await Keyring.derive(["another key of the test"], Buffer.alloc(32));
});

/** Elements of a given size: ids and documents. */
function elements(count: number, size: number): [string, string][] {
  return Array.from({ length: count }, (_, number) => {
    const id = `sid-${number}`;
    const text = "é".repeat(Math.max(0, Math.floor((size - 60) / 2)));
    return [id, `{"_id":"${id}","sess":{"n":${number},"text":"${text}"},"expiresAt":${number}}`];
  });
}

async function write(list: [string, string][], keys: Keyring | null): Promise<Buffer> {
  const files = new MemoryFiles();
  const writer = new SnapshotWriter(await files.open(PATH, "create"), keys, 42, 1234);
  for (const [id, text] of list) if (writer.add(id, text)) await writer.drain();
  expect(await writer.finish()).toBe(files.content(PATH).length);
  return files.content(PATH);
}

async function read(
  content: Buffer | null,
  keys: Keyring | null,
): Promise<{ reading: SnapshotReading; found: [string, string][] }> {
  const files = new MemoryFiles(content === null ? [] : [[PATH, content]]);
  const file = content === null ? null : await files.open(PATH, "read");
  const found: [string, string][] = [];
  const reading = await readSnapshot(file, keys, (change) => {
    if (change.op === "store") found.push([change.sid, documentText(change.sid, change.session)]);
    else if (change.op === "insert") found.push([change.id, JSON.stringify(change.document)]);
  });
  return { reading, found };
}

describe.each(["plain", "encrypted"])("a snapshot, %s,", (kind) => {
  const keys = (): Keyring | null => (kind === "plain" ? null : keyring);

  it.each([
    ["nothing", 0, 0],
    ["one document", 1, 100],
    ["a few documents", 10, 100],
    ["more than a chunk of them", 3000, 400],
    ["more than base64 is read of at a time", 6000, 500],
    ["documents longer than chunks", 3, 2 * MEBIBYTE],
  ])("of %s is read as it was written", async (_, count, size) => {
    // Lengths that leave every remainder of three and of four.
    for (const extra of count > 100 ? [0] : [0, 1, 2, 3]) {
      const list = elements(count, size);
      if (extra > 0) list.push(["more", `{"_id":"more","x":"${"y".repeat(extra)}"}`]);
      const content = await write(list, keys());
      const { reading, found } = await read(content, keys());
      expect(found).toEqual(list);
      expect(reading).toMatchObject({
        state: "read",
        encrypted: kind === "encrypted",
        bytes: content.length,
        version: 42,
        damage: [],
      });
    }
  });

  it.each([3, 5, 100, 1000])(
    "cut short by %i bytes says so, and gives what is whole",
    async (cut) => {
      const list = elements(20, 200);
      const content = await write(list, keys());
      const { reading, found } = await read(content.subarray(0, content.length - cut), keys());
      expect(reading).toMatchObject({ state: "read" });
      expect(reading.state === "read" && reading.damage.length).toBeGreaterThan(0);
      expect(found).toEqual(list.slice(0, found.length));
      expect(found.length).toBeGreaterThanOrEqual(20 - 1 - Math.ceil(cut / 150));
    },
  );

  it.each(["ids", "documents"])("gives all but the damaged element: %s", async (where) => {
    const list = elements(20, 200);
    const content = await write(list, keys());
    // A byte of the eleventh of twenty elements, in the middle of the file.
    const at = Math.floor(content.length / 2) + (where === "ids" ? 0 : 60);
    content[at] = content[at] === 0x41 ? 0x42 : 0x41;
    const { reading, found } = await read(content, keys());
    expect(reading.state === "read" && reading.damage.length).toBe(1);
    expect(found.length).toBeGreaterThanOrEqual(18);
    for (const element of found) expect(list).toContainEqual(element);
  });
});

describe("a snapshot that is hit more than once", () => {
  it("gives every element when its head is hit", async () => {
    const list = elements(5, 100);
    const content = await write(list, null);
    content.write("X", 3);
    const { reading, found } = await read(content, null);
    expect(found).toEqual(list);
    expect(reading.state === "read" && reading.damage.length).toBe(1);
  });

  it("gives none of two elements that have run together, and all others", async () => {
    const content = await write(elements(5, 100), null);
    content.write("X", content.indexOf("\n", content.indexOf("sid-1")));
    const { reading, found } = await read(content, null);
    expect(found.map(([id]) => id)).toEqual(["sid-0", "sid-3", "sid-4"]);
    expect(reading.state === "read" && reading.damage.length).toBe(1);
  });

  it.each([
    ["the head is gone", (text: string) => text.replace(/^.*\n/, "")],
    ["a comma is gone", (text: string) => text.replace("],\n", "]\n")],
    ["the last element is gone", (text: string) => text.replace(/\n\["sid-4.*\n/, "\n")],
    ["the tail is gone", (text: string) => text.replace(/\]\}\n$/, "")],
    ["an element stands behind the tail", (text: string) => `${text}["x",{"_id":"x"},"1"]`],
  ])("says so where %s, since lite-nosql could not parse it", async (_, damage) => {
    const text = (await write(elements(5, 100), null)).toString();
    expect(() => JSON.parse(text) as unknown).not.toThrow();
    expect(() => JSON.parse(damage(text)) as unknown).toThrow();
    const { reading, found } = await read(Buffer.from(damage(text)), null);
    expect(found.length).toBeGreaterThanOrEqual(4);
    expect(reading.state === "read" && reading.damage.length).toBe(1);
  });

  it.each([1, 2, 3])(
    "gives what is whole when %i characters and one more are gone",
    async (cut) => {
      const list = elements(20, 200);
      const content = await write(list, keyring);
      content[Math.floor(content.length / 2)] = 0;
      const { found } = await read(content.subarray(0, content.length - cut), keyring);
      expect(found.length).toBeGreaterThanOrEqual(18);
      for (const element of found) expect(list).toContainEqual(element);
    },
  );
});

describe("a snapshot whose line breaks were changed", () => {
  const list = elements(5, 100).map(([id, text], index): [string, string] => [
    id,
    // A session may hold what looks like an element.
    text.replace('"sess":{', `"sess":{"list":[["evil${index}",{"_id":"evil","sess":{}}]],`),
  ]);

  it.each<[string, (text: string) => string]>([
    ["to those of Windows", (text) => text.replaceAll("\n", "\r\n")],
    ["to none", (text) => text.replaceAll("\n", "")],
    ["to spaces", (text) => text.replaceAll("\n", " ")],
    ["by parsing it and writing it again", (text) => JSON.stringify(JSON.parse(text))],
  ])("%s gives every element, and nothing from inside of one", async (_, change) => {
    for (const keys of [null, keyring]) {
      const text = (await write(list, null)).toString();
      const content = keys === null ? change(text) : keys.first.seal(change(text));
      expect((await read(Buffer.from(content), keys)).found).toEqual(list);
    }
  });

  it("to none, and hit once more, gives nothing from inside of an element", async () => {
    const content = Buffer.from((await write(list, null)).toString().replaceAll("\n", ""));
    for (let at = 0; at < content.length; at += 7) {
      const damaged = Buffer.from(content);
      damaged[at] = damaged[at]! ^ 1;
      const { found } = await read(damaged, null);
      for (const [id] of found) expect(id).not.toContain("evil");
    }
  });

  it.each([40, 41])(
    "and hit at %i where there is one element, is not read as empty",
    async (at) => {
      const content = await write(list.slice(0, 1), null);
      content[at] = content[at]! ^ 1;
      const { reading, found } = await read(content, null);
      expect(reading.state === "unverifiable" || found.length > 0).toBe(true);
    },
  );

  it("to one for each element of lite-nosql gives every element", async () => {
    const lines = list.map(([id, text]) => `[${JSON.stringify(id)},${text}]`).join(",\n");
    const content = Buffer.from(`{"version":7,"ts":1,"docs":[\n${lines}\n]}`);
    const { reading, found } = await read(content, null);
    expect(found).toEqual(list);
    expect(reading).toMatchObject({ state: "read", version: 7, damage: [] });
  });
});

describe("a snapshot without elements", () => {
  it.each([
    ["its head", 3],
    ["its tail", -3],
  ])("is read when %s is hit, since nothing can be missing", async (_, at) => {
    const content = await write([], null);
    content[at < 0 ? content.length + at : at] = 0x58;
    const { reading } = await read(content, null);
    expect(reading.state === "read" && reading.damage.length).toBe(1);
  });
});

describe("a snapshot that is an envelope", () => {
  it("is sealed without a key, and strange to another", async () => {
    const content = await write(elements(3, 100), keyring);
    expect((await read(content, null)).reading).toEqual({ state: "sealed" });
    expect((await read(content, otherKeyring)).reading).toEqual({ state: "unknown-key" });
  });

  it.each([
    ["its tag, a hex digit still", 33, 0x30],
    ["its tag, no hex digit any more", 33, 0x7a],
    ["its first colon", 32, 0x3b],
    ["its second colon", 65, 0x3b],
    ["its first character", DATA_OFFSET, 0x21],
  ])("gives every element when damage hits %s", async (_, at, byte) => {
    const list = elements(10, 100);
    const content = await write(list, keyring);
    content[at] = content[at] === byte ? byte + 1 : byte;
    const { found } = await read(content, keyring);
    expect(new Map(found)).toEqual(new Map(list));
  });

  it("gives no element that somebody without the key put there", async () => {
    const content = await write(elements(10, 100), keyring);
    // What stands where is known, so a bit flipped in the ciphertext is one flipped in the text.
    for (let at = DATA_OFFSET; at < content.length; at += 61) {
      const changed = Buffer.from(content);
      changed[at] = changed[at] === 0x41 ? 0x42 : 0x41;
      const { found } = await read(changed, keyring);
      for (const element of found) expect(elements(10, 100)).toContainEqual(element);
    }
  });
});

describe("a snapshot of lite-nosql", () => {
  it("is read from its one line", async () => {
    const list = elements(5, 100);
    const docs = list.map(([id, text]) => [id, JSON.parse(text) as unknown]);
    const content = Buffer.from(JSON.stringify({ version: 7, ts: 1, docs }));
    const { reading, found } = await read(content, null);
    expect(found).toEqual(list);
    expect(reading).toMatchObject({ state: "read", version: 7, damage: [] });
    const sealed = Buffer.from(keyring.first.seal(content.toString()));
    expect((await read(sealed, keyring)).found).toEqual(list);
    sealed[sealed.length - 9] = sealed[sealed.length - 9] === 0x41 ? 0x42 : 0x41;
    expect((await read(sealed, keyring)).reading).toEqual({ state: "unverifiable" });
  });

  it("is read where a line break was put into it", async () => {
    const list = elements(5, 100);
    const docs = list.map(([id, text]) => [id, JSON.parse(text) as unknown]);
    const text = JSON.stringify({ version: 7, ts: 1, docs });
    const broken = Buffer.from(text.replace('["sid-3"', '\n["sid-3"'));
    expect((await read(broken, null)).found).toEqual(list);
    // Then it begins as one of ours, in which each element has a line of its own.
    const likeOurs = Buffer.from(text.replace('["sid-0"', '\n["sid-0"'));
    expect((await read(likeOurs, null)).reading).toEqual({ state: "unverifiable" });
  });

  it("is absent where there is none, and damaged where it is empty", async () => {
    expect((await read(null, null)).reading).toEqual({ state: "absent" });
    const { reading } = await read(Buffer.alloc(0), null);
    expect(reading.state === "read" && reading.damage.length).toBe(1);
  });

  it.each(["ours", "lite-nosql's"])("never takes data for documents, in %s", async (whose) => {
    const decoy = '["evil",{"_id":"evil","sess":{"cookie":{}},"expiresAt":1}]';
    const document = `{"_id":"a","sess":{"list":[1,${decoy},${decoy}]},"expiresAt":1}`;
    const content =
      whose === "ours"
        ? await write([["a", document]], null)
        : Buffer.from(`{"version":1,"ts":1,"docs":[["a",${document}]]}`);
    for (let at = 0; at < content.length; at++) {
      const damaged = Buffer.from(content);
      damaged[at] = damaged[at]! ^ 1;
      const { found } = await read(damaged, null);
      // Of lite-nosql's, nothing tells a document from an array that damage has laid bare.
      if (whose === "ours") expect(found.map(([id]) => id)).not.toContain("evil");
    }
  });
});
