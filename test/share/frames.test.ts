/** Owns frames, however the bytes of them arrive, and whatever has happened to these. */
import { describe, expect, it } from "vitest";
import { encodeFrame, type Frame, FrameReader } from "../../src/worker/share/frames.js";
import { seededRandom, SEED } from "../support/random.js";

const FRAMES: readonly Frame[] = [
  { kind: 1, body: Buffer.from("hello") },
  { kind: 2, body: Buffer.alloc(0) },
  { kind: 255, body: Buffer.alloc(70_000, "x") },
  { kind: 0, body: Buffer.from("last") },
];
const STREAM = Buffer.concat(FRAMES.map(({ kind, body }) => encodeFrame(kind, body)));

function read(reader: FrameReader, chunks: readonly Buffer[]): Frame[] {
  const found: Frame[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let frame = reader.next(); frame !== null; frame = reader.next()) found.push(frame);
  }
  return found;
}

/** Cuts bytes into chunks at random. */
function cut(bytes: Buffer, size: () => number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + size();
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

describe("frames", () => {
  it("arrive whole, wherever they are cut", () => {
    const random = seededRandom(SEED);
    for (const most of [1, 2, 7, 100_000]) {
      const chunks = cut(STREAM, () => random.integer(most));
      expect(read(new FrameReader(100_000), chunks)).toEqual(FRAMES);
    }
  });

  it("of which the end is missing do not arrive", () => {
    const reader = new FrameReader(100_000);
    expect(read(reader, [STREAM.subarray(0, -1)])).toEqual(FRAMES.slice(0, -1));
  });

  it("that are longer than the limit are refused before they have arrived", () => {
    const reader = new FrameReader(1024);
    reader.push(encodeFrame(1, Buffer.alloc(1024)).subarray(0, 5));
    expect(() => reader.next()).toThrow(RangeError);
    const claimed = Buffer.from([0x40, 0, 0, 0, 1]);
    reader.push(claimed);
    expect(() => reader.next()).toThrow(RangeError);
  });

  it("without even a kind are refused", () => {
    const reader = new FrameReader(1024);
    reader.push(Buffer.from([0, 0, 0, 0, 1]));
    expect(() => reader.next()).toThrow(RangeError);
  });

  it("may be longer once the limit is higher", () => {
    const reader = new FrameReader(10);
    expect(read(reader, [encodeFrame(1, Buffer.alloc(9))])).toHaveLength(1);
    reader.limit = 2000;
    expect(read(reader, [encodeFrame(1, Buffer.alloc(1999))])).toHaveLength(1);
  });
});
