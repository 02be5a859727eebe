/**
 * Owns what a damaged collection must still give: which records of a file the damage left whole,
 * what may be served after it and which bytes may not be lost. Reads the files by the format alone.
 */
import {
  applyEntry,
  type JournalEntry,
  openEnvelope,
  openEnvelopeBytes,
  parseEntry,
} from "./lite-nosql-reader.js";

/** A record of a file, and the bytes that it needs to be whole. */
export interface Piece {
  readonly bytes: Buffer;
  /** Where they must be found, give or take {@link REACH}; anywhere, if not said. */
  readonly near?: number;
  readonly entry: JournalEntry;
}

/** A session as JSON text, or null where there is none. */
export type Value = string | null;

type Documents = Parameters<typeof applyEntry>[0];

/** The records of a journal. */
export function journalPieces(journal: Buffer, key: Buffer | null): Piece[] {
  return linesOf(journal).map((bytes) => {
    const entry = parseEntry(bytes.toString(), key);
    if (entry === null) throw new Error("the journal was damaged before");
    return { bytes, entry };
  });
}

/**
 * In an envelope every byte depends on its place: what damage has moved further than this, in
 * characters, cannot be found again.
 */
const REACH = 0;

/** Where the ciphertext of an envelope starts. */
const DATA_OFFSET = 66;

/**
 * The elements of a snapshot that has one on each line. In an envelope a record is whole where the
 * groups of four characters are that it stands in.
 */
export function snapshotPieces(snapshot: Buffer, key: Buffer | null): Piece[] {
  const text =
    key === null ? snapshot : Buffer.from(openEnvelope(snapshot.toString("latin1"), key));
  const pieces: Piece[] = [];
  let start = 0;
  for (const line of linesOf(text)) {
    const end = start + line.length;
    const last = line.at(-1) === 0x2c ? line.length - 1 : line.length;
    if (line[0] === 0x5b) {
      const [id, doc] = JSON.parse(line.toString("utf8", 0, last)) as [string, JournalEntry["doc"]];
      const from = DATA_OFFSET + Math.floor(start / 3) * 4;
      const to = DATA_OFFSET + Math.ceil((start + last) / 3) * 4;
      const bytes = key === null ? line.subarray(0, last) : snapshot.subarray(from, to);
      const entry = { op: "insert", id, ...(doc && { doc }) };
      pieces.push({ bytes, entry, ...(key !== null && { near: from }) });
    }
    start = end + 1;
  }
  return pieces;
}

function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(0x0a, at);
    const end = newline === -1 ? bytes.length : newline;
    if (end > at) lines.push(bytes.subarray(at, end));
    at = end + 1;
  }
  return lines;
}

/** A record that the damage left whole, where it stands now. */
interface Occurrence {
  readonly piece: Piece;
  readonly at: number;
}

/** The whole records of a damaged file, in the order in which they stand there. */
export function wholePieces(damaged: Buffer, pieces: readonly Piece[]): Occurrence[] {
  const found: Occurrence[] = [];
  for (const piece of pieces) {
    for (let at = damaged.indexOf(piece.bytes); at !== -1;) {
      if (Math.abs(at - (piece.near ?? at)) <= REACH) found.push({ piece, at });
      at = damaged.indexOf(piece.bytes, at + piece.bytes.length);
    }
  }
  found.sort((a, b) => a.at - b.at);
  return found.filter(({ piece, at }, index) => {
    const before = found[index - 1];
    const end = before === undefined ? 0 : before.at + before.piece.bytes.length;
    return piece.near !== undefined || end >= at - 2 || !INSIDE.includes(damaged[at - 1]!);
  });
}

/** `,`, `:` and `[`: what follows them may as well be a part of somebody's session. */
const INSIDE = [0x2c, 0x3a, 0x5b];

/** What may be served for each id: one value where no record of the id was hit. */
export function possibleValues(
  before: readonly Piece[],
  pieces: readonly Piece[],
  whole: readonly Occurrence[],
  after: readonly Piece[],
): Map<string, Set<Value>> {
  const wholeSet = new Set(whole.map(({ piece }) => piece));
  const ids = new Set([...before, ...pieces, ...after].map(({ entry }) => entry.id));
  const inOrder = whole.every(
    ({ piece }, index) =>
      index === 0 || pieces.indexOf(whole[index - 1]!.piece) < pieces.indexOf(piece),
  );
  const possible = new Map<string, Set<Value>>();
  for (const id of ids) {
    const of = (list: readonly Piece[]): Piece[] => list.filter(({ entry }) => entry.id === id);
    const mine = of(pieces);
    let states = new Set<Value>([null]);
    for (const { entry } of of(before)) states = step(states, entry);
    if (mine.every((piece) => wholeSet.has(piece))) {
      for (const { piece } of whole) if (piece.entry.id === id) states = step(states, piece.entry);
    } else if (inOrder) {
      for (const piece of mine) {
        const next = step(states, piece.entry);
        states = wholeSet.has(piece) ? next : new Set([...states, ...next]);
      }
    } else {
      for (let known = -1; known !== states.size;) {
        known = states.size;
        for (const piece of mine) for (const value of step(states, piece.entry)) states.add(value);
      }
    }
    for (const { entry } of of(after)) states = step(states, entry);
    possible.set(id, new Set([...states].map(sessionOf)));
  }
  return possible;
}

/** Documents as JSON text, after a record that is applied to each. */
function step(states: ReadonlySet<Value>, entry: JournalEntry): Set<Value> {
  return new Set(
    [...states].map((state) => {
      const documents: Documents = new Map();
      if (state !== null) documents.set(entry.id, JSON.parse(state) as Record<string, unknown>);
      applyEntry(documents, entry);
      const document = documents.get(entry.id);
      return document === undefined ? null : JSON.stringify(document);
    }),
  );
}

function sessionOf(document: Value): Value {
  return document === null
    ? null
    : JSON.stringify((JSON.parse(document) as { sess: unknown }).sess);
}

const SNAPSHOT_HEAD = /^\{"version":\d+,"ts":\d+,"docs":\[\n?/;

/** What of a damaged file is no whole record, in stretches that must not be lost. */
export function leftovers(
  damaged: Buffer,
  whole: readonly Occurrence[],
  key: Buffer | null,
): Buffer[] {
  const rest: Buffer[] = [];
  let at = SNAPSHOT_HEAD.exec(damaged.toString("latin1", 0, 80))?.[0].length ?? 0;
  for (const { piece, at: start } of [...whole, { piece: null, at: damaged.length }]) {
    if (start > at) rest.push(damaged.subarray(at, start));
    at = Math.max(at, start + (piece?.bytes.length ?? 0));
  }
  return rest
    .flatMap(linesOf)
    .map(trimmed)
    .filter((bytes) => bytes.length > 0 && !isTail(bytes) && !isRecord(bytes, key));
}

/** Without what may stand between records: white space, NULs and commas. */
function trimmed(bytes: Buffer): Buffer {
  const isFiller = (byte = 0): boolean =>
    byte === 0x2c || byte === 0x20 || byte === 0 || (byte >= 0x09 && byte <= 0x0d);
  let start = 0;
  let end = bytes.length;
  while (start < end && isFiller(bytes[start])) start++;
  while (end > start && isFiller(bytes[end - 1])) end--;
  return bytes.subarray(start, end);
}

/** The end of a snapshot. */
function isTail(bytes: Buffer): boolean {
  return bytes.toString("latin1") === "]}";
}

/** A damaged record that lite-nosql would read all the same is served, so it is not lost. */
function isRecord(bytes: Buffer, key: Buffer | null): boolean {
  const parsed: unknown = parseEntry(bytes.toString(), key);
  return typeof parsed === "object" && parsed !== null;
}

/** All that a quarantine file holds: its lines as they are, and the content of those it sealed. */
export function quarantined(quarantine: Buffer, key: Buffer | null): Buffer {
  const opened = key === null ? [] : linesOf(quarantine).map((line) => unsealed(line, key));
  return Buffer.concat([quarantine, Buffer.from("\n"), ...opened]);
}

function unsealed(line: Buffer, key: Buffer): Buffer {
  try {
    return openEnvelopeBytes(line.toString("latin1"), key);
  } catch {
    return Buffer.from("\n");
  }
}
