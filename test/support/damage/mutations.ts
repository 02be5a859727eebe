/** Owns how tests damage a file: each mutation is what a disk, a crash or an editor may do to it. */
import type { Random } from "../random.js";

export interface Mutation {
  readonly name: string;
  apply(bytes: Buffer, random: Random): Buffer;
}

/** At most this many bytes are hit by one mutation of a range. */
const RANGE_BYTES = 40;

/** A place in the file and how many bytes from there on; one byte half of the time. */
function range(bytes: Buffer, random: Random): { start: number; end: number } {
  const start = random.integer(bytes.length);
  const length = random.integer(2) === 0 ? 1 : 1 + random.integer(RANGE_BYTES);
  return { start, end: Math.min(bytes.length, start + length) };
}

function replaced(bytes: Buffer, start: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)]);
}

function randomBytes(length: number, random: Random): Buffer {
  return Buffer.from(Array.from({ length }, () => random.integer(256)));
}

/** The lines, each with its `\n`. */
function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(0x0a, at);
    const end = newline === -1 ? bytes.length : newline + 1;
    lines.push(bytes.subarray(at, end));
    at = end;
  }
  return lines;
}

function withLines(name: string, change: (lines: Buffer[], random: Random) => void): Mutation {
  return {
    name,
    apply(bytes, random) {
      const lines = linesOf(bytes);
      change(lines, random);
      return Buffer.concat(lines);
    },
  };
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "flipped bit",
    apply(bytes, random) {
      const copy = Buffer.from(bytes);
      const at = random.integer(bytes.length);
      copy[at] = copy[at]! ^ (1 << random.integer(8));
      return copy;
    },
  },
  {
    name: "flipped byte",
    apply(bytes, random) {
      const copy = Buffer.from(bytes);
      const at = random.integer(bytes.length);
      copy[at] = copy[at]! ^ (1 + random.integer(255));
      return copy;
    },
  },
  {
    name: "another printable byte",
    apply(bytes, random) {
      const copy = Buffer.from(bytes);
      const at = random.integer(bytes.length);
      copy[at] = 0x20 + ((copy[at]! - 0x20 + 1 + random.integer(94)) % 95);
      return copy;
    },
  },
  {
    name: "missing bytes",
    apply(bytes, random) {
      const { start, end } = range(bytes, random);
      return replaced(bytes, start, end, Buffer.alloc(0));
    },
  },
  {
    name: "doubled bytes",
    apply(bytes, random) {
      const { start, end } = range(bytes, random);
      return replaced(bytes, end, end, bytes.subarray(start, end));
    },
  },
  {
    name: "swapped bytes",
    apply(bytes, random) {
      const copy = Buffer.from(bytes);
      const first = random.integer(bytes.length);
      const second =
        random.integer(2) === 0
          ? Math.min(bytes.length - 1, first + 1)
          : random.integer(bytes.length);
      copy[first] = bytes[second]!;
      copy[second] = bytes[first]!;
      return copy;
    },
  },
  {
    name: "overwritten bytes",
    apply(bytes, random) {
      const { start, end } = range(bytes, random);
      return replaced(bytes, start, end, randomBytes(end - start, random));
    },
  },
  {
    name: "zeroed bytes",
    apply(bytes, random) {
      const { start, end } = range(bytes, random);
      return replaced(bytes, start, end, Buffer.alloc(end - start));
    },
  },
  {
    name: "inserted bytes",
    apply(bytes, random) {
      const { start, end } = range(bytes, random);
      return replaced(bytes, start, start, randomBytes(end - start, random));
    },
  },
  {
    name: "missing line break",
    apply(bytes, random) {
      const lines = linesOf(bytes);
      const line = random.integer(lines.length);
      lines[line] = lines[line]!.subarray(0, lines[line]!.length - 1);
      return Buffer.concat(lines);
    },
  },
  withLines("missing line", (lines, random) => {
    lines.splice(random.integer(lines.length), 1);
  }),
  withLines("doubled line", (lines, random) => {
    const line = random.integer(lines.length);
    lines.splice(line, 0, lines[line]!);
  }),
  withLines("swapped lines", (lines, random) => {
    const first = random.integer(lines.length);
    const second = random.integer(lines.length);
    [lines[first], lines[second]] = [lines[second]!, lines[first]!];
  }),
  {
    name: "truncation",
    apply: (bytes, random) => bytes.subarray(0, random.integer(bytes.length)),
  },
];
