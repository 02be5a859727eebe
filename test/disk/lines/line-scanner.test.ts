/** Owns the cutting of a stream into lines: wherever chunks end, however long lines are. */
import { describe, expect, it } from "vitest";
import {
  type ByteSource,
  fileSource,
  scanLines,
} from "../../../src/worker/disk/lines/line-scanner.js";
import { SEED, seededRandom } from "../../support/random.js";

interface Found {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly terminated: boolean;
}

/** A stream that gives at most `atMost` bytes at a time. */
function sourceOf(content: Buffer, atMost: () => number): ByteSource {
  return fileSource({
    size: async () => content.length,
    read: async (target, position) =>
      content.copy(target, 0, position, Math.min(content.length, position + atMost())),
  });
}

async function linesOf(content: Buffer, atMost = (): number => Infinity): Promise<Found[]> {
  const found: Found[] = [];
  await scanLines(sourceOf(content, atMost), ({ bytes, ...rest }) => {
    found.push({ text: bytes!.toString("latin1"), ...rest });
  });
  return found;
}

function expected(content: Buffer): Found[] {
  const found: Found[] = [];
  let start = 0;
  for (const text of content.toString("latin1").split("\n")) {
    const end = start + text.length;
    const terminated = end < content.length;
    if (terminated || text !== "") found.push({ text, start, end, terminated });
    start = end + 1;
  }
  return found;
}

const MEBIBYTE = 1024 * 1024;

describe("lines", () => {
  it.each([
    ["nothing", ""],
    ["a line break", "\n"],
    ["line breaks", "\n\n\n"],
    ["a line without an end", "abc"],
    ["a line", "abc\n"],
    ["lines", "a\nbc\n\nd"],
    ["a chunk without a line break", "x".repeat(MEBIBYTE)],
    ["a chunk that ends in one", `${"x".repeat(MEBIBYTE - 1)}\n`],
    ["a line that ends with the next chunk", `${"x".repeat(2 * MEBIBYTE - 1)}\ny`],
    ["a line longer than chunks", `a\n${"x".repeat(3 * MEBIBYTE + 7)}\nb\n`],
    ["a long line without an end", `a\n${"x".repeat(2 * MEBIBYTE + 7)}`],
  ])("of %s are found", async (_, text) => {
    const content = Buffer.from(text);
    expect(await linesOf(content)).toEqual(expected(content));
  });

  it("are found however the bytes come", async () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 300; round++) {
      const length = random.integer(60);
      const content = Buffer.from(Array.from({ length }, () => random.pick([0x0a, 0x61, 0x62])));
      const found = await linesOf(content, () => 1 + random.integer(4));
      expect(found, `TEST_SEED=${SEED}, round ${round}`).toEqual(expected(content));
    }
  });

  it("stay what they are until the callback returns, while the next chunk is read", async () => {
    const content = Buffer.from(`${"a".repeat(MEBIBYTE)}\n${"b".repeat(MEBIBYTE)}\nc`);
    const found = await linesOf(content, () => 1000);
    expect(found.map(({ text }) => text.length)).toEqual([MEBIBYTE, MEBIBYTE, 1]);
    expect(found.map(({ text }) => new Set(text).size)).toEqual([1, 1, 1]);
  });

  it("of a source that fails end in its error", async () => {
    const fail = (): Promise<number> => Promise.reject(new Error("the disk"));
    const source = fileSource({ size: fail, read: fail });
    await expect(scanLines(source, () => undefined)).rejects.toThrow("the disk");
  });

  it("whose callback throws end in its error, once what was read has come", async () => {
    const source = sourceOf(Buffer.from("a\nb\n".repeat(10)), () => 5);
    await expect(
      scanLines(source, () => {
        throw new Error("the caller");
      }),
    ).rejects.toThrow("the caller");
  });
});
