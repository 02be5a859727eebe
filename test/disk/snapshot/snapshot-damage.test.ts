/** Owns what is read of snapshots that are not whole: all that is whole, and nothing else. */
import { beforeAll, describe, expect, it } from "vitest";
import { DATA_OFFSET } from "../../../src/worker/disk/keys/cipher.js";
import { Keyring } from "../../../src/worker/disk/keys/keyring.js";
import { elements, read, write } from "../../support/snapshots.js";

let keyring: Keyring;
beforeAll(async () => {
  keyring = await Keyring.derive(["a key of the test"], Buffer.alloc(32));
});

describe.each(["plain", "encrypted"])("a damaged snapshot, %s,", (kind) => {
  const keys = (): Keyring | null => (kind === "plain" ? null : keyring);

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

describe("a damaged snapshot with data that looks like documents", () => {
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
