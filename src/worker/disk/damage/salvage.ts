/**
 * Finds the whole pieces in a line that is not one: all elements of lite-nosql's snapshots, which
 * stand on one line, and the neighbors that damage to a `\n` has run together. Reports what lies
 * between them.
 *
 * A session may hold data that looks like a record, and damage may hit the bytes before it; or it
 * may end a record before its time, and leave the checksum behind. How much must speak for a piece
 * depends on what vouches for it, see {@link Proof}.
 */

import { DATA_OFFSET } from "../keys/cipher.js";

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

/**
 * What vouches for a piece: nothing, a checksum, which anyone can make, or a seal that takes the key.
 * What stands inside another piece follows a `,`, a `:` or a `[` and is followed by the rest of that.
 */
export type Proof = "none" | "checksum" | "key";

/** The pieces of a file. */
export interface PieceKind {
  /** How each begins. */
  readonly start: Buffer;
  /** What vouches for one that was read. */
  proof(piece: Buffer): Proof;
}

const QUOTE = 0x22;
const COLON = 0x3a;
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

/** Between two pieces stand a `,` and a `\n`, and either may have been hit. */
const MOST_HIT_SEPARATORS = 2;

/** The pieces of a line from `from` on, where each piece has a line of its own. */
export function findNeighbors<T>(
  line: Buffer,
  from: number,
  kind: PieceKind,
  decode: Decode<T>,
): Pieces<T> {
  const found: T[] = [];
  const gaps: Gap[] = [];
  let work = line.length * WORK_FACTOR;
  /** Everything before this is accounted for. */
  let done = from;
  let at = from;
  while (at !== -1 && work > 0) {
    const run = chain(line, at, kind, decode);
    work -= run.looked;
    // From the beginning on, a piece is what it seems.
    if (run.found.length > 0 && (at === from || counts(line, at, run))) {
      addGap(gaps, line, done, at);
      for (const piece of run.found) found.push(piece);
      for (const gap of run.gaps) gaps.push(gap);
      done = run.end;
    }
    at = line.indexOf(kind.start, Math.max(at + 1, done));
  }
  addGap(gaps, line, done, line.length);
  return { found, gaps };
}

/** Whether what follows damage is pieces of the file, not a part of one. */
function counts(line: Buffer, at: number, { proof, end }: Run<unknown>): boolean {
  if (proof === "key") return true;
  const byte = line[at - 1];
  const apart = byte !== COMMA && byte !== COLON && byte !== OPEN_BRACKET;
  const toTheEnd = end === line.length;
  return proof === "checksum" ? apart || toTheEnd : apart && toTheEnd;
}

interface Run<T> {
  readonly found: readonly T[];
  readonly gaps: readonly Gap[];
  readonly end: number;
  /** What vouches for the first. */
  readonly proof: Proof;
  /** How many bytes were looked at. */
  readonly looked: number;
}

/** Whole pieces from `at` on, with no more between two than separators that were hit. */
function chain<T>(line: Buffer, from: number, kind: PieceKind, decode: Decode<T>): Run<T> {
  const found: T[] = [];
  const gaps: Gap[] = [];
  let first: Proof = "none";
  let end = from;
  for (;;) {
    const at = nextStart(line, end, kind.start);
    const stop = pieceEnd(line, at, kind.start);
    if (stop === -1) return { found, gaps, end, proof: first, looked: line.length - from };
    const bytes = line.subarray(at, stop);
    const piece = decode(bytes);
    const proof = kind.proof(bytes);
    const next = skipSeparators(line, stop);
    // A record that ended before its time is followed by the rest of it.
    if (piece === null || (proof === "none" && !endsAt(line, next, kind.start))) {
      return { found, gaps, end, proof: first, looked: stop - from };
    }
    if (found.length === 0) first = proof;
    found.push(piece);
    addGap(gaps, line, end, at);
    end = next;
    if (end === line.length) return { found, gaps, end, proof: first, looked: end - from };
  }
}

/** Where a piece starts, if only separators that were hit stand before it; else `at`. */
function nextStart(line: Buffer, at: number, start: Buffer): number {
  for (let hit = 0; hit <= MOST_HIT_SEPARATORS; hit++) {
    if (beginsAt(line, at + hit, start)) return at + hit;
  }
  return at;
}

/** Whether what is before `at` is followed by another piece, or by the end of the line. */
function endsAt(line: Buffer, at: number, start: Buffer): boolean {
  if (line.length - at <= MOST_HIT_SEPARATORS) return true;
  return beginsAt(line, nextStart(line, at, start), start);
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
      at = nextStart(line, skipSeparators(line, end), ELEMENT_START);
    } else {
      // What follows a `:` is a value inside a document.
      do at = line.indexOf(ELEMENT_START, at + 1);
      while (at !== -1 && line[at - 1] === COLON);
    }
  }
  addGap(gaps, line, done, line.length);
  return { found, gaps };
}

/** `<32 hex digits>:<32 hex digits>:`, and as much base64 as there is. */
const ENVELOPE = /[0-9a-f]{32}:(?=[0-9a-f]{32}:([A-Za-z0-9+/]*={0,2}))/g;

/**
 * Envelopes that have run together; each authenticates itself. What follows one may look like
 * base64, and only its content says where it ends.
 * @param peek the content of an envelope, whether it is whole or not; null where no key fits
 */
export function findEnvelopes<T>(
  line: Buffer,
  decode: Decode<T>,
  peek: (envelope: Buffer) => Buffer | null,
): Pieces<T> {
  const found: T[] = [];
  const gaps: Gap[] = [];
  let done = 0;
  for (const match of line.toString("latin1").matchAll(ENVELOPE)) {
    const start = match.index;
    if (start < done) continue;
    const dataStart = start + DATA_OFFSET;
    let end = dataStart + (match[1] ?? "").length;
    const content = peek(line.subarray(start, end));
    const contentEnd = content === null ? -1 : pieceEnd(content, 0, RECORD_START);
    if (contentEnd !== -1) end = Math.min(line.length, dataStart + Math.ceil(contentEnd / 3) * 4);
    const piece = decode(line.subarray(start, end));
    if (piece === null) continue;
    found.push(piece);
    addGap(gaps, line, done, start);
    done = end;
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
