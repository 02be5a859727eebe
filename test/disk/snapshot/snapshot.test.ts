/**
 * Owns snapshots as files: what the writer wrote the reader reads, plain and as an envelope, however
 * long, and so are those of lite-nosql. `snapshot-damage.test.ts` has those that are not whole.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { Keyring } from "../../../src/worker/disk/keys/keyring.js";
import { elements, read, write } from "../../support/snapshots.js";

const MEBIBYTE = 1024 * 1024;

let keyring: Keyring;
beforeAll(async () => {
  keyring = await Keyring.derive(["a key of the test"], Buffer.alloc(32));
});

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

describe("a snapshot that is an envelope", () => {
  it("is sealed without a key, and strange to another", async () => {
    const content = await write(elements(3, 100), keyring);
    expect((await read(content, null)).reading).toEqual({ state: "sealed" });
    const otherKeyring = await Keyring.derive(["another key of the test"], Buffer.alloc(32));
    expect((await read(content, otherKeyring)).reading).toEqual({ state: "unknown-key" });
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
});
