/**
 * Finds the whole pieces in a line that is not one: all elements of lite-nosql's snapshots, which
 * stand on one line, and the neighbors that damage to a `\n` has run together. Reports what lies
 * between them.
 *
 * A session may hold data that looks like a record. What stands inside a damaged piece must not be
 * taken for one, so after damage a piece counts only where the bytes before it cannot occur inside
 * JSON text.
 */

/** Bytes of a line that belong to no whole piece. */
export interface Gap {
  readonly start: number;
  readonly end: number;
}

/** How pieces begin, and how a beginning is told after damage. */
export interface PieceShape {
  readonly start: Buffer;
  /** Whether a piece may begin at `at`, given the bytes before it. */
  readonly mayBegin: (line: Buffer, at: number) => boolean;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Records: `}` and perhaps one byte that was a `\n`. A comma there would be that of an array. */
export const RECORD: PieceShape = {
  start: Buffer.from('{"op":"'),
  mayBegin: (line, at) =>
    line[at - 1] === CLOSE_BRACE || (line[at - 2] === CLOSE_BRACE && line[at - 1] !== COMMA),
};

/** Elements of our own snapshots: `],` and one byte that was a `\n`. */
export const OWN_ELEMENT: PieceShape = {
  start: Buffer.from('["'),
  mayBegin: (line, at) =>
    line[at - 3] === CLOSE_BRACKET &&
    line[at - 2] === COMMA &&
    line[at - 1] !== OPEN_BRACKET &&
    line[at - 1] !== QUOTE,
};

/** lite-nosql's elements, between which there is nothing that arrays in a session have not. */
export const FOREIGN_ELEMENT: PieceShape = {
  start: Buffer.from('["'),
  mayBegin: (line, at) => line[at - 1] === COMMA,
};

/** In damaged lines each byte may be looked at this often, on average, before the rest is given up. */
const WORK_FACTOR = 16;

/**
 * Offers each candidate to `accept`, which says whether it is a whole piece.
 * @returns the bytes that belong to none; commas and white space between pieces are not counted
 */
export function findPieces(
  line: Buffer,
  from: number,
  shape: PieceShape,
  accept: (piece: Buffer) => boolean,
): Gap[] {
  const gaps: Gap[] = [];
  let work = line.length * WORK_FACTOR;
  /** Everything before this is accounted for. */
  let done = from;
  let at = skipSeparators(line, from);
  while (at !== -1 && work > 0) {
    const end = pieceEnd(line, at, shape.start);
    work -= (end === -1 ? line.length : end) - at;
    if (end !== -1 && accept(line.subarray(at, end))) {
      addGap(gaps, line, done, at);
      done = end;
      at = skipSeparators(line, end);
    } else {
      at = line.indexOf(shape.start, at + 1);
      while (at !== -1 && !shape.mayBegin(line, at)) at = line.indexOf(shape.start, at + 1);
    }
  }
  addGap(gaps, line, done, line.length);
  return gaps;
}

/** `<32 hex digits>:<32 hex digits>:` */
const ENVELOPE_START = /[0-9a-f]{32}:[0-9a-f]{32}:/g;

/** As {@link findPieces}, for envelopes that have run together; each authenticates itself. */
export function findEnvelopes(line: Buffer, accept: (envelope: Buffer) => boolean): Gap[] {
  const gaps: Gap[] = [];
  const starts = [...line.toString("latin1").matchAll(ENVELOPE_START)].map(({ index }) => index);
  let done = 0;
  for (const [number, start] of starts.entries()) {
    const next = starts[number + 1] ?? line.length;
    // The `\n` that was between them is gone, or is some other byte.
    for (const end of [next, next - 1]) {
      if (!accept(line.subarray(start, end))) continue;
      addGap(gaps, line, done, start);
      done = end;
      break;
    }
  }
  addGap(gaps, line, done, line.length);
  return gaps;
}

function skipSeparators(line: Buffer, at: number): number {
  while (at < line.length && isSeparator(line[at] ?? 0)) at++;
  return at;
}

function addGap(gaps: Gap[], line: Buffer, start: number, end: number): void {
  start = skipSeparators(line, start);
  while (end > start && isSeparator(line[end - 1] ?? 0)) end--;
  if (end > start) gaps.push({ start, end });
}

function isSeparator(byte: number): boolean {
  return byte === COMMA || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** Where the object or array that starts at `at` ends, or -1 where none starts or it does not end. */
function pieceEnd(line: Buffer, at: number, start: Buffer): number {
  if (!line.subarray(at, at + start.length).equals(start)) return -1;
  let depth = 0;
  let inString = false;
  for (; at < line.length; at++) {
    const byte = line[at];
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) depth++;
    else if ((byte === CLOSE_BRACKET || byte === CLOSE_BRACE) && --depth === 0) return at + 1;
  }
  return -1;
}
