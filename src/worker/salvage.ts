/**
 * Finds the whole pieces in a line that is not one: all elements of lite-nosql's snapshots, which
 * stand on one line, and the neighbors that damage to a `\n` has run together. Reports what lies
 * between them.
 *
 * A session may hold data that looks like a record, and damage may hit the bytes before it. In our
 * own files a piece behind damage counts only where whole pieces go on to the end of the line: what
 * stands inside another piece is always followed by the rest of that.
 */

/** Bytes of a line that belong to no whole piece. */
export interface Gap {
  readonly start: number;
  readonly end: number;
}

/** What a line holds: whole pieces in their order, and what is left. */
export interface Pieces<T> {
  readonly found: readonly T[];
  readonly gaps: readonly Gap[];
}

/** Reads a piece from its exact bytes; null where they are no whole one. */
type Decode<T> = (piece: Buffer) => T | null;

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** How a record of the journal and an element of a snapshot begin. */
export const RECORD_START = Buffer.from('{"op":"');
export const ELEMENT_START = Buffer.from('["');

/** In damaged lines each byte may be looked at this often, on average, before the rest is given up. */
const WORK_FACTOR = 16;

/** The pieces of a line of our own, each of which begins with `start`. */
export function findNeighbors<T>(line: Buffer, start: Buffer, decode: Decode<T>): Pieces<T> {
  // From the beginning of the line on, a piece is what it seems.
  const head = chain(line, 0, start, decode);
  const gaps: Gap[] = [...head.gaps];
  if (head.end === line.length) return { found: head.found, gaps };
  let work = line.length * WORK_FACTOR;
  let at = line.indexOf(start, head.end);
  while (at !== -1 && work > 0) {
    const tail = chain(line, at, start, decode);
    work -= tail.looked;
    if (tail.end === line.length) {
      addGap(gaps, line, head.end, at);
      gaps.push(...tail.gaps);
      return { found: [...head.found, ...tail.found], gaps };
    }
    at = line.indexOf(start, at + 1);
  }
  addGap(gaps, line, head.end, line.length);
  return { found: head.found, gaps };
}

/** Whole pieces from `at` on, with at most one byte between two that was a `\n`. */
function chain<T>(
  line: Buffer,
  at: number,
  start: Buffer,
  decode: Decode<T>,
): { found: T[]; gaps: Gap[]; end: number; looked: number } {
  const found: T[] = [];
  const gaps: Gap[] = [];
  const from = at;
  let end = at;
  for (;;) {
    const pieceAt = beginsAt(line, at, start) || !beginsAt(line, at + 1, start) ? at : at + 1;
    const stop = pieceEnd(line, pieceAt, start);
    if (stop === -1) return { found, gaps, end, looked: line.length - from };
    const piece = decode(line.subarray(pieceAt, stop));
    if (piece === null) return { found, gaps, end, looked: stop - from };
    found.push(piece);
    if (pieceAt > at) gaps.push({ start: at, end: pieceAt });
    at = end = skipSeparators(line, stop);
    if (end === line.length) return { found, gaps, end, looked: end - from };
  }
}

/**
 * The elements of a snapshot of lite-nosql, which stand on one line and are not sealed. Between them
 * there is nothing that arrays in a session have not: behind damage this can only take what looks
 * like an element for one.
 */
export function findForeignElements<T>(line: Buffer, from: number, decode: Decode<T>): Pieces<T> {
  const found: T[] = [];
  const gaps: Gap[] = [];
  let work = line.length * WORK_FACTOR;
  /** Everything before this is accounted for. */
  let done = from;
  let at = skipSeparators(line, from);
  while (at !== -1 && work > 0) {
    const end = pieceEnd(line, at, ELEMENT_START);
    work -= (end === -1 ? line.length : end) - at;
    const piece = end === -1 ? null : decode(line.subarray(at, end));
    if (piece !== null) {
      found.push(piece);
      addGap(gaps, line, done, at);
      done = end;
      at = skipSeparators(line, end);
    } else {
      at = line.indexOf(ELEMENT_START, at + 1);
      while (at !== -1 && line[at - 1] !== COMMA && line[at - 1] !== OPEN_BRACKET) {
        at = line.indexOf(ELEMENT_START, at + 1);
      }
    }
  }
  addGap(gaps, line, done, line.length);
  return { found, gaps };
}

/** `<32 hex digits>:<32 hex digits>:`, and as much base64 as there is. */
const ENVELOPE = /[0-9a-f]{32}:[0-9a-f]{32}:(?=([A-Za-z0-9+/]*={0,2}))/g;

/** Envelopes that have run together; each authenticates itself. */
export function findEnvelopes<T>(line: Buffer, decode: Decode<T>): Pieces<T> {
  const found: T[] = [];
  const gaps: Gap[] = [];
  const candidates = [...line.toString("latin1").matchAll(ENVELOPE)];
  let done = 0;
  for (const [number, match] of candidates.entries()) {
    const start = match.index;
    const dataEnd = start + match[0].length + (match[1] ?? "").length;
    const next = candidates[number + 1]?.index ?? line.length;
    // The `\n` that was between two is gone, or is some other byte, which may look like base64.
    for (const end of new Set([Math.min(dataEnd, next), next - 1])) {
      const piece = decode(line.subarray(start, end));
      if (piece === null) continue;
      found.push(piece);
      addGap(gaps, line, done, start);
      done = end;
      break;
    }
  }
  addGap(gaps, line, done, line.length);
  return { found, gaps };
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

function beginsAt(line: Buffer, at: number, start: Buffer): boolean {
  return line.subarray(at, at + start.length).equals(start);
}

/** Where the object or array that starts at `at` ends, or -1 where none starts or it does not end. */
function pieceEnd(line: Buffer, at: number, start: Buffer): number {
  if (!beginsAt(line, at, start)) return -1;
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
